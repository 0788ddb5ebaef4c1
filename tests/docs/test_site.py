"""The documentation is built strictly, its links end somewhere, and its pages load nothing from elsewhere."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
NOT_LOADED = {"canonical", "next", "prev", "alternate"}  # kinds of <link> that only name something


class Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and LOADED[tag] in found and found.get("rel") not in NOT_LOADED:
            self.loaded.append(found[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason='MkDocs is not installed: `pip install "alpa[docs]"` brings it')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def inside(links: list[str]) -> Iterator[str]:
    """Yield the links that stay within the site."""
    yield from (link for link in links if not urlsplit(link).scheme and not link.startswith("//"))


def test_every_page_of_docs_is_there(pages: dict[Path, Page]) -> None:
    written = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert {path.stem for path in pages} == written | {"404"}


def test_every_link_within_the_site_ends_at_a_page_and_at_a_place_in_it(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for link in inside(page.links):
            parts = urlsplit(link)
            base = site if parts.path.startswith("/") else path.parent
            target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.name}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, f"{path.name}: {link}"


def test_no_page_loads_anything_from_the_network(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        assert page.loaded, "a page has a style at least"
        for address in page.loaded:
            assert not urlsplit(address).netloc, f"{path.name} loads {address}"
        assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", path.read_text(encoding="utf-8"))
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


def test_a_browser_asks_no_other_server_and_has_nothing_to_complain_of(site: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is on the path")
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, api.sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        own = f"http://127.0.0.1:{server.server_port}/"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        for name in ("index.html", "own-detector.html", "api.html"):
            page.goto(own + name)
            page.wait_for_load_state("networkidle")
        page.goto(f"{own}index.html?q=detector")  # a link to a search
        page.wait_for_selector(".md-search-result__item", state="attached")
        browser.close()
        server.shutdown()
    assert [address for address in asked if not address.startswith((own, "data:", "blob:"))] == []
    assert said == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_the_reference_has_what_can_be_imported(pages: dict[Path, Page]) -> None:
    import alpa

    [reference] = [page for path, page in pages.items() if path.name == "api.html"]
    undocumented = {"DETECTORS"}
    for name in set(alpa.__all__) - undocumented:
        assert f"{alpa._HOMES[name]}.{name}" in reference.ids
