"""The code on the page about own detectors and data sets does what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest

from alpa.data.datasets import read_images
from alpa.data.download import fetch
from alpa.detectors import build_detector
from alpa.params import DataConfig
from tests.plugins.conftest import forget
from tests.plugins.installed import write_package

PAGE = (Path(__file__).parents[2] / "docs/own-detector.md").read_text(encoding="utf-8")
MODULES = dict(re.findall(r'```python title="src/(acme/\w+)\.py"\n(.*?)```', PAGE, re.DOTALL))
ENTRY_POINTS = dict(re.findall(r'\[project\.entry-points\."(alpa\.\w+)"\]\n(\w+ = "[\w.:]+")', PAGE))


def test_the_page_has_a_detector_and_a_data_set_that_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_points = {group: dict([line.replace('"', "").split(" = ")]) for group, line in ENTRY_POINTS.items()}
    assert entry_points == {
        "alpa.detectors": {"median": "acme.median:Median"},
        "alpa.datasets": {"spots": "acme.spots:SPOTS"},
    }
    site = tmp_path / "site"
    write_package(site, "acme-alpa", {name.replace("/", "."): text for name, text in MODULES.items()}, entry_points)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    raw = tmp_path / "data/raw/spots"
    raw.parent.mkdir(parents=True)
    fetch("spots", raw, DataConfig())
    spots = read_images("spots", 32)
    plain = spots.images[(spots.labels == 0) & (spots.part == 0)]
    detector = build_detector("median", (1, 32, 32), {"power": 2}).fit(plain)
    scores = detector.anomaly_scores(spots.images)
    assert scores[spots.labels == 1].min() > scores[spots.labels == 0].max()
    assert np.isfinite(scores).all()
    forget(site)
