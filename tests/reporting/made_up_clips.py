"""A made-up benchmark of clips with every file that its report is made from: real detectors, hardly trained."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from alpa.config import TrainingConfig, VideoConfig
from alpa.data.clip_splits import CLASS_NAMES
from alpa.data.splits import Part, Split, digest, write_split
from alpa.data.video import cuboid_rows, cut_windows, draw_windows
from alpa.detectors import build_detector
from alpa.detectors.alpa import ALPAConfig
from alpa.detectors.autoencoder import AutoencoderConfig
from alpa.evaluation.evidence import gather
from alpa.evaluation.leaderboard import build_leaderboard, write_leaderboard
from alpa.evaluation.readings import build_readings, write_readings
from alpa.evaluation.scores import ScoreInfo, read_scores, write_scores
from alpa.evaluation.video import frame_scores
from alpa.params import EvaluationConfig
from alpa.reporting.benchmark import Inputs

VIDEO = VideoConfig(frames=3, window=16, stride=8, training_windows=24, smoothing=1.5)
SIZE = (24, 40)
CONFIGS = {
    "alpa": ALPAConfig(width=4, latent=2),
    "autoencoder": AutoencoderConfig(width=4, latent=2),
    "pca": None,
    "knn": None,
}
# Test clips: their names, their frames, and which of these are anomalous.
ODD_NAME = "<script>alert(1)</script> $ü$ 猫"
CLIPS = {"01": (14, (6, 10)), "calm": (7, (0, 0)), ODD_NAME: (9, (0, 9)), "04": (11, (7, 11))}


def clip_split(part: Part, clips: dict[str, tuple[int, tuple[int, int]]], channels: int, dataset: str) -> Split:
    """Return clips of a grey square that drifts over noise; where it is anomalous it is bright and fast."""
    rng = np.random.default_rng(len(clips))
    frames, labels, group = [], [], []
    for place, (length, (first, last)) in enumerate(clips.values()):
        for moment in range(length):
            anomalous = first <= moment < last
            frame = rng.normal(90, 6, (channels, *SIZE))
            left = (5 * moment if anomalous else moment) % (SIZE[1] - 6)
            frame[:, 8:14, left : left + 6] += 120 if anomalous else 40
            frames.append(frame.clip(0, 255).astype(np.uint8))
            labels.append(int(anomalous))
            group.append(place)
    arrays = np.stack(frames), np.array(labels), np.array(group)
    shape = (channels, *SIZE)
    return Split(*arrays, CLASS_NAMES, shape, dataset, "video", part, digest(*arrays), CLASS_NAMES[:1], tuple(clips))


def make_video_benchmark(
    root: Path, channels: int = 1, dataset: str = "ped2", detectors: tuple[str, ...] = tuple(CONFIGS), **video: object
) -> Inputs:
    """Write a made-up benchmark of clips below `root` and return its folders."""
    settings = VideoConfig(**{**vars(VIDEO), **video})
    inputs = Inputs(
        report=root / "reports" / dataset,
        scores=root / "runs" / "scores" / dataset,
        models=root / "runs" / "models" / dataset,
        test=root / "data" / "splits" / dataset / "test",
        tuning=root / "reports" / dataset / "tuning",
        video=settings,
    )
    train = clip_split("train", {"a": (8, (0, 0)), "b": (8, (0, 0))}, channels, dataset)
    test = clip_split("test", CLIPS, channels, dataset)
    write_split(inputs.train, train)
    write_split(inputs.test, test)
    rows = cuboid_rows(train.group, settings.frames, settings.step)
    windows = draw_windows(train.images, train.group, settings, 0)
    samples, groups = cut_windows(train.images, rows, windows, settings.window), train.group[windows.frame]
    predicted = channels if settings.form == "prediction" else 0
    for key in detectors:
        detector = build_detector(key, samples.shape[1:], CONFIGS[key], 0, predicted)
        detector.fit(samples, TrainingConfig(steps=3, batch_size=8), groups=groups)
        folder = inputs.models / key / "normal-0"
        folder.mkdir(parents=True)
        detector.save(folder)
        facts = {"detector": key, "target_class": "normal", "seed": 0, "n_train": 12, "n_validation": 12}
        (folder / "cell.json").write_text(json.dumps(facts))
        keys = {"target_class": "normal", "seed": 0, "sample": np.arange(len(test.labels)), "group": test.group}
        scores = frame_scores(detector, test, settings)
        table = pd.DataFrame(keys | {"is_anomaly": test.labels == 1} | scores)
        info = ScoreInfo(dataset, dataset, "video", key, detector.primary_score)
        write_scores(inputs.scores / f"{key}.parquet", table, info)
    tables = [read_scores(inputs.scores / f"{key}.parquet") for key in detectors]
    write_leaderboard(inputs.report, build_leaderboard(tables, ["normal"], [0], EvaluationConfig(40), {}))
    write_readings(inputs.report, build_readings(tables, ["normal"], [0], settings.smoothing))
    inputs.tuning.mkdir()
    for name, evidence in vars(gather({}, {})).items():
        evidence.to_csv(inputs.tuning / f"{name}.csv", index=False)
    return inputs
