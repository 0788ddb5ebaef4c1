"""The page as a reader's browser shows it: sorted, filtered, narrow, dark, and with nothing loaded from elsewhere."""

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

browsers = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(FOUND is None, reason="needs chromium, chromium-browser or google-chrome on PATH")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]
WIDTHS, SCHEMES = (390, 1440), ("light", "dark")
MOST_MILLISECONDS = 2000


@dataclass
class Shown:
    """A page in a tab, what the browser asked for, and what it complained of."""

    tab: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def texts(self, table: str, column: int) -> list[str]:
        """Return the texts of a column's visible cells, from the top."""
        cells = self.tab.locator(f"#table-{table} tbody tr:not([hidden]) > :nth-child({column + 1})")
        return [text.strip() for text in cells.all_inner_texts()]

    def head(self, table: str, column: int) -> Any:
        return self.tab.locator(f"#table-{table} thead th").nth(column)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=FOUND, args=QUIET)
        yield opened
        opened.close()


def opened(browser: Any, path: Path, **settings: Any) -> Shown:
    shown = Shown(browser.new_context(**settings).new_page())
    shown.tab.on("request", lambda request: shown.requests.append(request.url))
    shown.tab.on("console", lambda message: shown.complaints.append(message.text))
    shown.tab.on("pageerror", lambda error: shown.complaints.append(str(error)))
    shown.tab.goto(path.as_uri())
    return shown


@pytest.fixture(scope="module")
def shown(browser: Any, written: Path) -> Shown:
    return opened(browser, written / "report.html", viewport={"width": 1440, "height": 900})


@pytest.fixture
def fresh(shown: Shown) -> Shown:
    shown.tab.reload()
    return shown


def numbers(texts: list[str]) -> list[float]:
    """Return the first number in each text."""
    return [float(re.findall(r"-?\d+\.?\d*", text.replace("−", "-").replace(",", ""))[0]) for text in texts]


def natural(text: str) -> list[object]:
    """Return a key by which texts sort with the numbers in them as numbers."""
    return [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", text)]


def test_a_click_on_a_head_sorts_its_column_and_another_click_turns_the_order(fresh: Shown) -> None:
    head = fresh.head("leaderboard", 5)
    before = fresh.texts("leaderboard", 0)
    head.get_by_role("button").click()
    falling = numbers(fresh.texts("leaderboard", 5))
    assert falling == sorted(falling, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").click()
    rising = numbers(fresh.texts("leaderboard", 5))
    assert rising == sorted(rising)
    assert head.get_attribute("aria-sort") == "ascending"
    assert sorted(fresh.texts("leaderboard", 0)) == sorted(before)
    assert fresh.texts("leaderboard", 0) != before


def test_the_keyboard_sorts_too_and_one_column_alone_says_how_it_is_sorted(fresh: Shown) -> None:
    fresh.head("leaderboard", 2).get_by_role("button").focus()
    fresh.tab.keyboard.press("Enter")
    fresh.tab.keyboard.press("Tab")
    fresh.tab.keyboard.press("Space")
    assert fresh.head("leaderboard", 2).get_attribute("aria-sort") is None
    assert fresh.head("leaderboard", 3).get_attribute("aria-sort") == "descending"


def test_every_column_of_every_sortable_table_sorts(fresh: Shown) -> None:
    tables = fresh.tab.locator("table[data-sortable]")
    assert tables.count() >= 5
    for name in tables.evaluate_all("found => found.map(table => table.id.replace('table-', ''))"):
        heads = fresh.tab.locator(f"#table-{name} thead th")
        for column in range(heads.count()):
            heads.nth(column).get_by_role("button").click()
            texts = fresh.texts(name, column)[: -1 if name == "per_class" else None]  # its last row is the mean
            if heads.nth(column).get_attribute("class") == "number":
                assert numbers(texts) == sorted(numbers(texts), reverse=True), (name, column)
            else:
                assert texts == sorted(texts, key=natural), (name, column)


def test_differences_sort_by_their_sign_and_p_values_below_the_least_come_first(fresh: Shown) -> None:
    fresh.tab.evaluate(
        """() => { const cells = [...document.querySelectorAll("#table-pairs tbody tr")];
        ["+0.40", "−0.19", "0.00"].forEach((text, place) => { cells[place].cells[2].textContent = text; });
        ["0.001", "–", "< 0.001"].forEach((text, place) => { cells[place].cells[5].textContent = text; }); }"""
    )
    for column in (2, 5):
        for _ in range(2):
            fresh.head("pairs", column).get_by_role("button").click()
        texts = fresh.texts("pairs", column)
        if column == 2:
            assert numbers(texts) == sorted(numbers(texts))
        else:
            assert texts[0] == "< 0.001"
            assert texts[-1] == "–", "what is missing goes last"


def test_the_mean_of_the_classes_stays_below_them(fresh: Shown) -> None:
    for _ in range(2):
        fresh.head("per_class", 1).get_by_role("button").click()
        assert fresh.texts("per_class", 0)[-1] == "mean"


def test_words_filter_the_rows_and_their_number_is_told(fresh: Shown) -> None:
    figure = fresh.tab.locator("figure", has=fresh.tab.locator("#table-every_score"))
    everything = len(fresh.texts("every_score", 0))
    figure.get_by_role("searchbox").fill("AUTOENC comb")
    assert fresh.texts("every_score", 0) == ["autoencoder"]
    assert figure.get_by_role("status").inner_text() == f"1 of {everything} rows"
    figure.get_by_role("searchbox").fill("nothing like it")
    assert fresh.texts("every_score", 0) == []
    figure.get_by_role("searchbox").fill("")
    assert len(fresh.texts("every_score", 0)) == everything


def test_the_ranked_scores_can_be_shown_alone(fresh: Shown) -> None:
    figure = fresh.tab.locator("figure", has=fresh.tab.locator("#table-every_score"))
    figure.get_by_role("checkbox").check()
    assert sorted(fresh.texts("every_score", 0)) == sorted(fresh.texts("leaderboard", 0))
    assert all(text.startswith("*") for text in fresh.texts("every_score", 1))


def test_without_its_script_the_page_is_whole_and_its_tables_plain(browser: Any, written: Path, shown: Shown) -> None:
    plain = opened(browser, written / "report.html", java_script_enabled=False)
    assert plain.tab.locator("button, input").count() == 0
    shown.tab.reload()
    for table in ("leaderboard", "every_score", "pairs"):
        assert plain.texts(table, 0) == shown.texts(table, 0)


def test_no_request_leaves_the_page_and_the_browser_complains_of_nothing(fresh: Shown, written: Path) -> None:
    for link in fresh.tab.locator("nav a").all():
        link.click()
    assert set(url.split("#")[0] for url in fresh.requests if not url.startswith("data:")) == {
        (written / "report.html").as_uri()
    }
    assert fresh.complaints == []


def test_a_script_that_is_not_the_page_s_own_does_not_run(browser: Any, written: Path, tmp_path: Path) -> None:
    text = (written / "report.html").read_text()
    (tmp_path / "evil.html").write_text(
        text.replace("</main>", "</main><script>document.title = 'evil'</script><p onclick=\"document.title='evil'\">x")
    )
    evil = opened(browser, tmp_path / "evil.html")
    evil.tab.locator("p[onclick]").click()
    assert evil.tab.title() != "evil"
    assert any("Content Security Policy" in complaint for complaint in evil.complaints)
    assert evil.tab.locator("#table-leaderboard button").count() > 0, "while the page's own does"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_a_phone_and_a_screen_in_light_and_in_dark(
    browser: Any, written: Path, width: int, scheme: str
) -> None:
    sized = opened(browser, written / "report.html", viewport={"width": width, "height": 844}, color_scheme=scheme).tab
    assert sized.evaluate("document.documentElement.scrollWidth") <= width
    assert sized.evaluate("document.body.scrollWidth") <= width
    picture = Image.open(io.BytesIO(sized.screenshot(full_page=True))).convert("L")
    assert picture.width == width
    assert picture.getpixel((1, 1)) > 240 if scheme == "light" else picture.getpixel((1, 1)) < 40
    for selector, least in (("main p", 7), ("figcaption", 4.5), ("td", 7), ("thead th", 4.5), ("nav a", 4.5)):
        colour, size = sized.locator(selector).first.evaluate(
            "element => [getComputedStyle(element).color, parseFloat(getComputedStyle(element).fontSize)]"
        )
        ground = sized.evaluate("getComputedStyle(document.body).backgroundColor")
        assert contrast(colour, ground) >= least, selector
        assert size >= 13, selector


def test_the_page_opens_at_once(fresh: Shown) -> None:
    took = fresh.tab.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    assert 0 < took < MOST_MILLISECONDS


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two CSS colours after WCAG 2.2."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
