from dataclasses import replace

import numpy as np

from alpa.evaluation.video import frame_scores
from alpa.params import load_params
from alpa.runtime import Runtime
from performance.scoring import VIDEO, frame_detector, generated_clips, scoring_runs


def test_every_detector_of_the_pipeline_is_measured_on_images_and_one_on_frames() -> None:
    runs = scoring_runs(n_images=8, n_frames=8, n_training=80, runtime=Runtime())
    untuned = set(load_params().pipeline.detectors) - {
        "ganomaly_tuned"
    }  # which differs from ganomaly in its settings alone
    assert runs.keys() == {f"{key}, images" for key in untuned} | {"alpa, frames"}
    assert all(run() > 0 for run in runs.values())


def test_every_generated_frame_is_scored_and_moves() -> None:
    split = generated_clips(9, clips=2)
    assert np.array_equal(split.group, [0, 0, 0, 0, 0, 1, 1, 1, 1])
    assert all(not np.array_equal(one, two) for one, two in zip(split.images[:-1], split.images[1:], strict=True))
    scores = frame_scores(frame_detector("alpa", split, Runtime()), split, replace(VIDEO, span=1))
    assert all(len(values) == 9 and len(np.unique(values)) == 9 for values in scores.values())
