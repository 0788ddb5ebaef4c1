"""What other packages declare: listed without an import, loaded when needed, and refused in one sentence."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import alpa
from alpa import plugin_code, plugins
from alpa.data.sources import SOURCES
from alpa.detectors import DETECTORS, build_detector, detector_class, load_detector
from alpa.errors import AlpaError, ConfigError
from alpa.training.fingerprint import detector_fingerprint
from alpa.training.site import own_site, require_same
from tests.plugins.conftest import forget
from tests.plugins.installed import ACME, MEDIAN, STRIPES, write_acme, write_package

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 1, 16, 16), dtype=np.uint8)


def test_own_names_are_listed_first_and_others_with_the_package_that_brings_them(site: Path) -> None:
    write_acme(site)
    detectors, datasets = plugins.listed("alpa.detectors"), plugins.listed("alpa.datasets")
    assert detectors == [(name, f"alpa {alpa.__version__}") for name in DETECTORS] + [("median", "acme-alpa 1.0")]
    assert datasets == [(name, f"alpa {alpa.__version__}") for name in SOURCES] + [("stripes", "acme-alpa 1.0")]


def test_listing_imports_neither_torch_nor_the_package(site: Path) -> None:
    write_package(site, "broken", {"broken": "raise RuntimeError"}, {"alpa.detectors": {"odd": "broken:Odd"}})
    code = (
        "import sys; from alpa import plugins; print(plugins.listed('alpa.detectors')[-1].name, "
        "sorted(sys.modules.keys() & {'torch', 'sklearn', 'pandas', 'broken'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(site)!r}, '.']; {code}"],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("odd []\n", "")


def test_a_detector_of_another_package_is_built_fitted_saved_and_loaded(site: Path, tmp_path: Path) -> None:
    write_acme(site)
    detector = build_detector("median", (1, 16, 16), {"power": 2}, seed=0).fit(IMAGES)
    (tmp_path / "model").mkdir()
    detector.save(tmp_path / "model")
    loaded = load_detector(tmp_path / "model", expected="median")
    assert loaded.anomaly_scores(IMAGES).tobytes() == detector.anomaly_scores(IMAGES).tobytes()
    with pytest.raises(ConfigError, match=re.escape("Unknown key detectors.median.powers; known here: power.")):
        build_detector("median", (1, 16, 16), {"powers": 2})


REFUSED = {
    "a name of ALPA's own": (
        {"acme": MEDIAN},
        {"alpa.detectors": {"pca": "acme:Median"}},
        "acme-alpa 1.0 declares the detector pca, which ALPA has itself; rename its entry point, or uninstall it.",
    ),
    "an import that fails": (
        {"acme": "import nowhere_to_be_found"},
        {"alpa.detectors": {"odd": "acme:Odd"}},
        "Detector odd of acme-alpa 1.0 cannot be loaded (ModuleNotFoundError: No module named 'nowhere_to_be_found'); "
        "mend the package, or take odd out of params.yaml.",
    ),
    "a module without that name": (
        {"acme": ""},
        {"alpa.detectors": {"odd": "acme:Odd"}},
        "Detector odd of acme-alpa 1.0 cannot be loaded (AttributeError: module 'acme' has no attribute 'Odd'); "
        "mend the package, or take odd out of params.yaml.",
    ),
    "a function": (
        {"acme": "def Odd(): pass"},
        {"alpa.detectors": {"odd": "acme:Odd"}},
        "Detector odd of acme-alpa 1.0 is a function (acme:Odd), and not a subclass of alpa.Detector; mend its entry "
        "point.",
    ),
    "another class": (
        {"acme": "class Odd: pass"},
        {"alpa.detectors": {"odd": "acme:Odd"}},
        "Detector odd of acme-alpa 1.0 is Odd (acme:Odd), and not a subclass of alpa.Detector; mend its entry point.",
    ),
    "another key": (
        {"acme": MEDIAN},
        {"alpa.detectors": {"odd": "acme:Median"}},
        "acme-alpa 1.0 declares the detector odd as acme:Median, whose key is median; give both one name.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_detector_that_does_not_fit_is_refused_in_one_sentence(case: str, site: Path) -> None:
    modules, entry_points, sentence = REFUSED[case]
    write_package(site, "acme-alpa", modules, entry_points)
    [name] = entry_points["alpa.detectors"]
    with pytest.raises(ConfigError) as caught:
        detector_class(name)
    assert str(caught.value) == sentence


def test_two_packages_that_declare_one_name_are_both_named(site: Path) -> None:
    for name in ("acme-alpa", "beta-alpa"):
        write_package(site, name, {"acme": MEDIAN}, {"alpa.detectors": {"median": "acme:Median"}})
    sentence = "(acme-alpa 1.0 and beta-alpa|beta-alpa 1.0 and acme-alpa) 1.0 both declare the detector median; uninst"
    with pytest.raises(ConfigError, match=sentence):
        detector_class("median")


def test_an_unknown_detector_is_answered_with_those_of_other_packages_too(site: Path) -> None:
    write_acme(site)
    with pytest.raises(ConfigError, match=r"Unknown detector mean; choose alpa, .*, vae, median\."):
        detector_class("mean")


def fingerprint() -> str:
    importlib.invalidate_caches()
    return detector_fingerprint("median", detector_class("median"))


def test_the_key_of_a_cell_changes_with_every_file_of_the_package_and_with_its_version(site: Path) -> None:
    write_acme(site)
    first = fingerprint()
    assert fingerprint() == first
    (site / "acme/weights.bin").write_bytes(b"1")
    with_file = fingerprint()
    (site / "acme/__init__.py").write_text("FACTOR = 2\n")
    with_index = fingerprint()
    forget(site)
    (site / "acme_alpa-1.0.dist-info").rename(site / "gone")
    plugins._declared.cache_clear()
    write_acme(site, version="1.1")
    assert len({first, with_file, with_index, fingerprint()}) == 4


def test_the_key_of_a_cell_changes_with_the_version_of_what_the_package_requires(site: Path) -> None:
    entry_points = {"alpa.detectors": ACME["alpa.detectors"]}
    write_package(site, "acme-alpa", {"acme.detectors": MEDIAN}, entry_points, requires=("maths>=1", "alpa"))
    keys = [fingerprint()]
    for version in ("1.0", "1.1"):
        write_package(site, "maths", {"maths": ""}, {}, version)
        keys.append(fingerprint())
        (site / f"maths-{version}.dist-info/METADATA").unlink()
        (site / f"maths-{version}.dist-info/entry_points.txt").unlink()
        (site / f"maths-{version}.dist-info").rmdir()
    assert len(set(keys)) == 3


def test_the_key_of_a_cell_changes_with_the_code_of_alpa_that_the_package_builds_on(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alpa.training import fingerprint as module

    write_acme(site)
    read = []
    find = module._file
    monkeypatch.setattr(module, "_file", lambda name: read.append(name) or find(name))
    fingerprint()
    assert {"acme.detectors", "alpa.detectors.detector", "alpa.training.loop", "alpa.runtime"} <= set(read)


def test_a_worker_without_the_package_or_with_another_one_is_refused(site: Path) -> None:
    write_acme(site)
    plugin_code.digests.cache_clear()
    try:
        own = own_site()
        assert list(own.plugins) == ["median of acme-alpa 1.0"]
        require_same(own, own, "Worker a")
        (site / "acme/detectors.py").write_text(MEDIAN.replace(".abs()", ""))
        plugin_code.digests.cache_clear()
        sentence = "Worker a does not have the detector median of acme-alpa 1.0 as it is here; start it anew where"
        with pytest.raises(ConfigError, match=sentence):
            require_same(own_site(), own, "Worker a")
    finally:
        plugin_code.digests.cache_clear()


def test_the_record_is_written_again_only_if_a_package_differs(site: Path, tmp_path: Path) -> None:
    write_acme(site)
    folder = tmp_path / "plugins"
    folder.parent.mkdir(exist_ok=True)
    plugin_code.record(plugin_code.described(["pca", "median"], ["digits", "stripes"]), folder)
    before = {path.relative_to(folder).as_posix(): path.stat().st_ino for path in folder.rglob("*.json")}
    assert set(before) == {f"{name}.json" for name in ("detectors/pca", "detectors/median", "datasets/digits")} | {
        "datasets/stripes.json"
    }
    assert json.loads((folder / "detectors/pca.json").read_text()) == {"package": "alpa"}
    assert json.loads((folder / "detectors/median.json").read_text())["version"] == "1.0"
    plugin_code.record(plugin_code.described(["pca", "median"], ["digits", "stripes"]), folder)
    assert {path.relative_to(folder).as_posix(): path.stat().st_ino for path in folder.rglob("*.json")} == before
    (site / "acme/stripes.py").write_text(STRIPES.replace("150", "140"))
    plugin_code.record(plugin_code.described(["pca", "median"], ["digits", "stripes"]), folder)
    assert (folder / "detectors/median.json").stat().st_ino != before["detectors/median.json"]


def test_a_name_that_is_taken_stops_the_listing_too(site: Path) -> None:
    write_package(site, "acme-alpa", {"acme": STRIPES}, {"alpa.datasets": {"mnist": "acme:STRIPES"}})
    with pytest.raises(AlpaError, match=r"acme-alpa 1\.0 declares the data set mnist, which ALPA has itself"):
        plugins.listed("alpa.datasets")


def test_the_command_line_lists_what_other_packages_bring(site: Path) -> None:
    from alpa.cli import listing

    write_acme(site)
    assert listing.detectors()[-1] == {"key": "median", "package": "acme-alpa 1.0", "about": ""}
    assert listing.datasets()[-1] == {"key": "stripes", "package": "acme-alpa 1.0", "title": "", "kind": ""}
