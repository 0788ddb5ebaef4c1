"""From params.yaml and a train split to a study: its space, its cells and what they are asked to tell apart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from alpa.config import TrainingConfig, fill
from alpa.data.protocols import find_protocol, target_indices
from alpa.data.pseudo_anomalies import FAMILIES
from alpa.data.splits import Split, load_split
from alpa.data.stored import select
from alpa.data.video_pseudo_anomalies import VIDEO_FAMILIES, NormalWindows
from alpa.detectors import detector_class
from alpa.errors import ConfigError
from alpa.evaluation.facts import environment
from alpa.params import Params, TuningConfig
from alpa.training.cells import Cell, CellStore
from alpa.training.fingerprint import code_fingerprint
from alpa.training.grid import SPLITS, benchmark_cells, training_windows
from alpa.training.workers import open_pool
from alpa.tuning import objective
from alpa.tuning.objective import Probe, labelled_probe, pseudo_probe, video_probe
from alpa.tuning.space import Space, outside, read_space
from alpa.tuning.study import Plan
from alpa.tuning.trials import Trials


def prepare(
    params: Params, benchmark: str, detector: str, store: CellStore, everything: bool = False
) -> tuple[Plan, Trials]:
    """Return what a study is to be and what its trials do; nothing here knows where test images are.

    Args:
        params: the whole of params.yaml.
        benchmark: its key.
        detector: its key.
        store: where finished cells are kept.
        everything: measure by both objectives, as a report does, and not by the study's alone.

    Raises:
        ConfigError: the space, the classes, the families or the shortened training do not fit.
        DataError: the train split is missing, or no family makes an anomaly of a class.
    """
    tuning = params.tuning_for(benchmark)
    assert tuning is not None, "whoever asks for a study has looked whether tuning is on"
    split = load_split(SPLITS / benchmark / "train")
    runtime, pool = open_pool(params.runtime)
    untuned = asdict(_config(detector, params.detector_section(benchmark, detector)))
    space = searched(detector, tuning, untuned)
    seed = params.benchmark(benchmark).seeds[0]
    cells = [cell for cell in benchmark_cells(params, benchmark, detector, untuned) if cell.seed == seed]
    cells = trial_cells(cells, tuning, params.trial_training(benchmark, tuning))
    trials = Trials(
        cells=cells,
        probes=_probes(params, benchmark, cells, tuning, split, everything),
        shortened=tuning.shortened.get(detector, {}),
        runtime=runtime,
        store=store,
        pool=pool.at_most(len(cells)),
        facts=environment(runtime),
    )
    settings = settings_of(trials) | {"data": split.digest, "objective": tuning.objective, "pruner": tuning.pruner}
    settings |= {"untuned": untuned, "sampler_seed": tuning.seed}
    return Plan(space, untuned, settings, tuning.seed, tuning.pruner), trials


def searched(detector: str, tuning: TuningConfig, untuned: Mapping[str, Any]) -> Space:
    """Return the detector's space without the parameters whose value params.yaml sets outside of it: these stay."""
    space = read_space(detector_class(detector).config_class, tuning.space.get(detector), f"tuning.space.{detector}")
    for name in outside(space, untuned):
        print(f"detectors.{detector}.{name} is {untuned[name]}, outside of its search space: it stays.")
        del space[name]
    return space


def trial_cells(cells: Sequence[Cell], tuning: TuningConfig, training: TrainingConfig) -> list[Cell]:
    """Choose the cells that trials run, in the order they are tried.

    Args:
        cells: those of the benchmark with one seed, one per class.
        tuning: says which classes.
        training: how a trial trains.

    Raises:
        ConfigError: a class is named that the benchmark does not run.
    """
    known = {cell.target_class: cell for cell in cells}
    named = list(known) if isinstance(tuning.classes, int | str) else list(tuning.classes)
    for name in named:
        if name not in known:
            choice = ", ".join(known)
            raise ConfigError(f"tuning.classes names {name}, which the benchmark does not run; choose {choice}.")
    wanted = [cell for cell in cells if cell.target_class in named]
    order = [wanted[place] for place in np.random.default_rng(tuning.seed).permutation(len(wanted))]
    if isinstance(tuning.classes, int):
        order = order[: tuning.classes]
    return [replace(cell, training=training) for cell in order]


def _probes(
    params: Params, benchmark: str, cells: Sequence[Cell], tuning: TuningConfig, split: Split, everything: bool
) -> list[Probe]:
    """Make each cell's probe from the train split, of still images or of clips."""
    if not split.clips:
        return make_probes(cells, tuning, split, everything)
    if tuning.objective == "labelled":
        raise ConfigError(f"{benchmark} trains on normal clips, which have no other classes; tune on pseudo-anomalies.")
    families = tuple(VIDEO_FAMILIES) if tuning.families == "all" else tuning.families
    video = params.video_for(benchmark)
    windows = training_windows(split, video, params.benchmark(benchmark).split_seed)
    source = NormalWindows(split.images, split.group, windows, video)
    return [video_probe(cell, source, families, tuning.seed) for cell in cells]


def make_probes(cells: Sequence[Cell], tuning: TuningConfig, split: Split, everything: bool) -> list[Probe]:
    """Make each cell's probe from the train split: its own normal images made strange, or other classes', or both."""
    families = tuple(FAMILIES) if tuning.families == "all" else tuning.families
    made = [pseudo_probe(cell, families, tuning.seed) for cell in cells]
    if tuning.objective == "pseudo" and not everything:
        return made
    normal_mask = find_protocol(split.protocol).normal_mask
    others = [~normal_mask(split.labels, target_indices(split.class_names, cell.target_class)) for cell in cells]
    if not all(mask.any() for mask in others):  # as where a folder has one normal class to train on
        if tuning.objective == "labelled":
            problem = f"{split.dataset} has no training images of other classes than the normal one"
            raise ConfigError(f"{problem}; tune on pseudo-anomalies.")
        return made
    labelled = [
        labelled_probe(cell, select(split.images, mask), tuning.seed) for cell, mask in zip(cells, others, strict=True)
    ]
    if not everything:
        return labelled
    return [
        replace(probe, anomalies=probe.anomalies | other.anomalies) for probe, other in zip(made, labelled, strict=True)
    ]


def plan_of(cell: Cell) -> TrainingConfig:
    """Return the training that a cell's detector really gets."""
    fitted, _ = cell.split()
    return cell.build().plan(len(fitted), cell.training)


def settings_of(trials: Trials) -> dict[str, Any]:
    """Return what of its trials, beside the searched values, decides what they are worth."""
    first = trials.with_values({})[0]
    planned = plan_of(first)
    return {
        "classes": trials.classes,
        "seed": first.seed,
        "training": first.asked,
        "steps": planned.steps,
        "batch_size": planned.batch_size,
        "shortened": trials.shortened,
        "families": [sorted(probe.anomalies) for probe in trials.probes],
        "code": [first.code, code_fingerprint([objective.__name__])],
        "versions": {name: version(name) for name in ("torch", "numpy", "scipy", "scikit-learn", "optuna")},
        "runtime": asdict(trials.runtime),
    }


def _config(detector: str, values: Mapping[str, Any]) -> Any:
    return fill(detector_class(detector).config_class, values, f"detectors.{detector}")
