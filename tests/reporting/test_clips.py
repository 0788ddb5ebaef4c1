import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alpa.data.splits import load_split
from alpa.data.video import all_windows
from alpa.errors import ScoreError
from alpa.evaluation.scores import read_scores
from alpa.reporting.benchmark import Inputs, build_page
from alpa.reporting.cells import find_cells
from alpa.reporting.clips import MOST_CLIPS, joined, telling
from alpa.reporting.document import Page, Picture, Section, Table
from alpa.reporting.heat import frame_heat, overlaid, painted
from alpa.reporting.models import load_models
from alpa.reporting.page import render_html, render_markdown, write_page
from alpa.reporting.paper import build_paper
from tests.reporting.made_up_clips import CLIPS, ODD_NAME, make_video_benchmark

TIMELINES = ["timeline_01", "timeline_02", "timeline_03", "timeline_04"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return make_video_benchmark(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def page(inputs: Inputs) -> Page:
    return build_page(inputs)


def section(page: Page, key: str) -> Section:
    return next(section for section in page.sections if section.key == key)


def table(page: Page, name: str) -> Table:
    return next(table for table in page.tables if table.name == name)


def timelines(page: Page) -> list[Picture]:
    return [block for block in section(page, "timelines").blocks if isinstance(block, Picture)]


def test_a_report_on_clips_has_sections_of_its_own_in_place_of_those_on_images_and_classes(page: Page) -> None:
    assert [section.key for section in page.sections] == [
        "leaderboard",
        "readings",
        "ablation",
        "comparisons",
        "pairs",
        "timelines",
        "curves",
        "reconstructions",
        "training",
        "published",
        "methods",
        "deviations",
        "facts",
    ]


def test_words_speak_of_frames_and_clips(page: Page) -> None:
    html = render_html(page)
    assert "test images" not in html
    assert "the 41 test frames of four clips and one seed" in page.summary[0]
    assert "four clips are few for that" in page.summary[-1]
    assert table(page, "leaderboard").caption.startswith("UCSD Ped2: mean over 1 seed, 41 test frames of 4 clips.")
    assert any("whole test clips" in text for text in section(page, "methods").paragraphs)


def test_readings_in_the_report_are_those_of_the_file(inputs: Inputs, page: Page) -> None:
    shown = table(page, "readings")
    assert [column.title for column in shown.columns] == [
        *("Detector", "Score", "Smoothing", "Micro", "Per clip", "Macro", "EER")
    ]
    file = pd.read_csv(inputs.report / "readings.csv")
    assert len(shown.rows) == 2 * 4  # raw and smoothed
    for detector, score, smoothing, *values in shown.rows:
        own = (file["detector"] == detector) & (file["score"] == score)
        row = file[own & (file["smoothing"] == (0 if smoothing == "none" else 1.5))].iloc[0]
        assert values == [f"{100 * row[name]:.1f}" for name in ("micro", "per_clip", "macro", "eer")]
    family = {cells[0] for cells in table(page, "readings_scores").rows}
    assert family == {"alpa", "autoencoder"}
    assert any("two of four clips" in text for text in section(page, "readings").paragraphs)


def test_every_clip_has_a_timeline_whatever_its_length_and_labels(page: Page) -> None:
    found = timelines(page)
    assert [picture.name for picture in found] == TIMELINES
    mixed, calm, anomalous, last = found
    assert "scores of 14 frames by alpa" in mixed.alt
    assert "anomalous: 7 to 10" in mixed.alt
    assert "frames 7 to 10 are anomalous" in mixed.caption
    assert "AUROC in the clip" in mixed.inline
    assert mixed.inline.count("<image") == 2
    assert calm.caption == "Clip calm: no frame is anomalous, so a good score stays low throughout."
    assert anomalous.caption.endswith(": every frame is anomalous, so a good score stays high throughout.")
    for lone in (calm, anomalous):
        assert lone.inline.count("<image") == 1
        assert "AUROC in the clip" not in lone.inline
    assert "anomalous: 8 to 11" in last.alt


def test_the_marked_frames_are_the_highest_of_their_kind(inputs: Inputs, page: Page) -> None:
    scores = read_scores(inputs.scores / "alpa.parquet").frame
    first = scores[scores["group"] == 0].reset_index()
    for kind, flag in (("normal", False), ("anomalous", True)):
        highest = first["relative"][first["is_anomaly"] == flag].idxmax() + 1
        assert f"highest {kind} frame: {highest}<" in timelines(page)[0].inline


def test_heat_reaches_the_score_that_the_frame_has(inputs: Inputs) -> None:
    split, rows = load_split(inputs.test), np.array([3, 20])
    detector = load_models(find_cells(inputs.models), ["alpa"], "normal", 0)["alpa"]
    heats = frame_heat(detector, "combined", split, rows, inputs.video)
    scores = read_scores(inputs.scores / "alpa.parquet").frame.set_index("sample")["combined"]
    assert [heat.shape for heat in heats] == [(24, 40)] * 2
    assert [heat.max() for heat in heats] == pytest.approx(scores[rows].tolist(), rel=1e-4)


def test_a_window_is_painted_where_it_lies() -> None:
    # Windows of 4 pixels begin at 0, 3 and, at the end, 6 of 10 pixels, in one row.
    heat = painted(np.array([[0, 0, 5]], np.float32), (4, 10), 4, 3)
    assert np.flatnonzero(heat[0]).tolist() == [6, 7, 8, 9]


def test_colour_grows_from_the_lower_to_the_upper_end_of_the_scale() -> None:
    frame = np.full((1, 1, 3), 100, np.uint8)
    grey, half, full = overlaid(frame, np.array([[-1.0, 1.0, 9.0]], np.float32), (0, 2))[0].astype(int).tolist()
    assert grey == [100, 100, 100]
    # Red is 213 in the colour, which covers 0.7 at most: 0.3 * 100 + 0.7 * 213 = 179.1, and half of that in the middle:
    # 0.65 * 100 + 0.35 * 213 = 139.55.
    assert (half[0], full[0]) == (140, 179)


def test_frames_are_put_together_of_their_windows() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 24, 40), dtype=np.uint8)
    windows, _ = all_windows(frames, 16, 16)
    assert np.array_equal(joined(windows.astype(np.float32), 2, (3, 24, 40), 16), frames)


def test_of_many_clips_those_with_the_lowest_and_the_highest_auroc_are_shown() -> None:
    # Clip k has k of 20 anomalous frames above its normal ones, so that AUROC rises with k; clip 20 has one kind alone.
    parts = []
    for clip in range(21):
        is_anomaly = np.repeat([False, True], 20)
        scores = np.repeat([1.0, 0.0], 20)
        scores[20 : 20 + clip] = 2
        kept = slice(0, 20) if clip == 20 else slice(0, 40)
        parts.append(pd.DataFrame({"group": clip, "is_anomaly": is_anomaly[kept], "s": scores[kept]}))
    assert telling(pd.concat(parts), "s") == [*range(8), *range(12, 20)]
    few = telling(pd.concat(parts[10:]), "s")
    assert few == list(range(10, 21))
    calm = [part.assign(is_anomaly=False) for part in parts[:15]]
    assert telling(pd.concat([*calm, *parts[15:]]), "s") == [*range(11), *range(15, 20)]
    assert MOST_CLIPS == 16


def test_published_numbers_stand_in_the_column_of_their_reading(page: Page) -> None:
    shown = table(page, "published")
    rows = {row[0]: dict(zip([column.title for column in shown.columns], row, strict=True)) for row in shown.rows}
    assert (rows["SSMTL"]["Micro"], rows["SSMTL"]["Macro"], rows["SSMTL"]["Per clip"]) == ("97.5", "99.8", "–")
    assert (rows["OLED"]["Unstated"], rows["OLED"]["EER"]) == ("99.0", "5.4")
    assert rows["MNAD"]["Per clip"] == "97.0"
    assert rows["alpa"]["From"] == "this run"
    assert "–" not in [rows["alpa"][title] for title in ("Micro", "Per clip", "Macro", "EER")]
    assert len(table(page, "published_sources").rows) == 8


def test_the_protocol_tells_the_split_the_counts_and_how_clips_became_samples(page: Page) -> None:
    told = " ".join(section(page, "methods").paragraphs)
    assert "Split: The parts that the clips come in: normal training clips, and test clips" in told
    assert "scene Ped2 of the UCSD Anomaly Dataset" in told
    assert "a window of 16×16 pixels over 3 consecutive frames" in told
    assert "Pixels are divided by 255" in told
    # Windows of 16 pixels, 8 apart, lie at 0 8 and at 0 8 16 24: 2 * 4 of each of 41 frames.
    assert table(page, "counts").rows == (
        ("Training", "2", "16", "0", "12"),
        ("of these, validation", "–", "–", "0", "12"),
        ("Test", "4", "41", "17", "328"),
    )


def test_a_clip_with_an_odd_name_is_escaped_everywhere(page: Page) -> None:
    assert ODD_NAME in list(CLIPS)
    assert render_html(page).count("<script") == 1, "the page's own"
    assert "<script" not in render_markdown(page)


def test_the_page_builds_twice_to_the_same_bytes_and_stays_small(inputs: Inputs, page: Page, tmp_path: Path) -> None:
    write_page(tmp_path / "first", page)
    write_page(tmp_path / "second", build_page(inputs))
    html = (tmp_path / "first" / "report.html").read_bytes()
    assert html == (tmp_path / "second" / "report.html").read_bytes()
    assert len(html) < 2_000_000
    assert (tmp_path / "first" / "tables" / "readings.tex").is_file()
    assert {path.stem for path in (tmp_path / "first" / "figures").glob("timeline_*.png")} == set(TIMELINES)


def test_own_clips_in_colour_that_are_reconstructed_make_a_report(tmp_path: Path) -> None:
    own = make_video_benchmark(
        tmp_path, channels=3, dataset="yard", detectors=("autoencoder", "pca"), form="reconstruction", smoothing=0
    )
    page = build_page(own)
    assert "What the detectors reconstruct" in [section.title for section in page.sections]
    assert "Smoothing" not in [column.title for column in table(page, "readings").columns]
    told = " ".join(section(page, "methods").paragraphs)
    assert "Data: yard. A folder of images or clips that is not published." in told
    assert "No published numbers" in section(page, "published").paragraphs[0]
    assert "by autoencoder" in timelines(page)[0].alt


def test_without_models_timelines_have_no_heat_and_nothing_is_predicted(inputs: Inputs, tmp_path: Path) -> None:
    shutil.copytree(inputs.report.parents[1], tmp_path, dirs_exist_ok=True)
    bare = Inputs(
        **{
            name: tmp_path / path.relative_to(inputs.report.parents[1])
            for name, path in vars(inputs).items()
            if name != "video"
        },
        video=inputs.video,
    )
    shutil.rmtree(bare.models)
    page = build_page(bare)
    assert "reconstructions" not in [section.key for section in page.sections]
    assert len(timelines(page)) == 4
    assert "coloured" not in section(page, "timelines").paragraphs[1]


def test_missing_readings_are_named_with_the_remedy(inputs: Inputs, tmp_path: Path) -> None:
    report = tmp_path / "ped2"
    shutil.copytree(inputs.report, report)
    (report / "readings.csv").unlink()
    with pytest.raises(ScoreError, match=r"readings.csv does not exist; run `dvc repro pipeline/dvc.yaml:leaderboard@"):
        build_paper(tmp_path, ["ped2"])


def test_the_paper_counts_frames_and_clips(inputs: Inputs) -> None:
    page = build_paper(inputs.report.parent, ["ped2"])
    assert "UCSD Ped2 1 seed, 41 test frames of 4 clips" in page.tables[0].caption
    assert not re.search(r"test images", " ".join(page.summary))
