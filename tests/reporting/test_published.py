import numpy as np
import pytest

from alpa.reporting.published import published_for

DIGITS = [str(number) for number in range(10)]


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist"])
def test_each_published_mean_is_the_mean_of_its_classes(dataset: str) -> None:
    from alpa.data.sources import SOURCES

    rows = published_for(dataset, "one_vs_rest", SOURCES[dataset].class_names)
    assert rows
    for row in rows:
        assert len(row.per_class) == 10
        assert row.mean == pytest.approx(np.mean(row.per_class), abs=0.1), row.method
        assert row.source
        assert row.differs


def test_published_numbers_on_clips_tell_their_reading_and_what_differs() -> None:
    rows = published_for("ped2", "video", ["normal"])
    assert {row.method for row in rows} >= {"ConvAE", "MemAE", "MNAD", "OLED", "HF2-VAD"}
    for row in rows:
        assert row.reading in ("micro", "per_clip", "macro", "unknown")
        assert row.per_class == ()
        assert row.source
        assert row.differs
    assert next(row.eer for row in rows if row.method == "OLED") == 5.4
    assert published_for("yard", "video", ["normal"]) == ()


def test_nothing_is_published_for_another_protocol_or_some_classes_only() -> None:
    assert published_for("mnist", "one_vs_rest", DIGITS)
    assert published_for("mnist", "leave_one_out", DIGITS) == ()
    assert published_for("mnist", "one_vs_rest", DIGITS[:3]) == ()
    assert published_for("digits", "one_vs_rest", DIGITS) == ()
