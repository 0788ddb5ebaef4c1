"""An Optuna study in a journal file: it grows, resumes where it was killed, and gives the same trials either way."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

from alpa.errors import ConfigError, ModelError, StudyError
from alpa.runs import digest
from alpa.training.progress import interval
from alpa.tuning.finished import Aurocs, Finished
from alpa.tuning.journal import drop_stale_lock, drop_torn_line, held_study, journal_storage, quiet, seal, set_aside
from alpa.tuning.pruners import make_pruner
from alpa.tuning.space import Space, describe

STARTUP_TRIALS = 8  # drawn at random before the sampler learns from them
WORST = 0.0  # what a trial is worth whose training diverges
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

Evaluate = Callable[[dict[str, Any]], Iterable[tuple[str, Aurocs]]]


@dataclass(frozen=True)
class Plan:
    """What a study is to be: the space, the values that it starts from, and all else that decides its trials."""

    space: Space
    untuned: dict[str, Any]
    settings: dict[str, Any]  # JSON values; a study with others is set aside
    seed: int
    pruner: str


def run_study(path: Path, plan: Plan, evaluate: Evaluate, trials: int, minutes: float | None) -> list[Finished]:
    """Go on with a study, or begin it, until it has so many finished trials; return the first so many.

    Args:
        path: its journal.
        plan: what it is about.
        evaluate: takes the searched values of a trial and yields each class with its AUROC by family.
        trials: complete, pruned or diverged.
        minutes: a study whose trials took longer in total gets no more; None for no limit.

    Raises:
        StudyError: the study was made with another space, or a queued trial does not fit it.
        ModelError: training diverged with the untuned values.
    """
    with quiet():
        study = _open(path, plan)
        _settle(study)
        done = _finished(study)
        if not done and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial({name: plan.untuned[name] for name in plan.space})
        at_hand = min(len(done), trials)
        with tqdm(
            total=trials, initial=at_hand, desc=path.stem, unit="trial", miniters=1, mininterval=interval()
        ) as progress:
            while len(done) < trials and (minutes is None or _seconds(done) < 60 * minutes):
                # A sampler of its own for each trial: where the study was interrupted does not matter to it.
                seed = int(np.random.SeedSequence([plan.seed, len(done)]).generate_state(1)[0])
                study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
                _run_trial(study, _begin_trial(study, plan.space), evaluate, is_first=not done)
                seal(study, path)
                done = _finished(study)
                progress.update()
        return [_as_finished(place, trial) for place, trial in enumerate(done[:trials])]


def replay(pruner: str, recorded: Sequence[dict[str, Aurocs]]) -> list[Finished]:
    """Return the trials of a study that got these AUROCs by class, whole, had it used another pruner."""
    with quiet():
        study = optuna.create_study(direction="maximize", pruner=make_pruner(pruner))
        for place, aurocs in enumerate(recorded):
            _run_trial(study, study.ask(), _recorded(aurocs), is_first=not place)
        return [_as_finished(place, trial) for place, trial in enumerate(_finished(study))]


def _recorded(aurocs: dict[str, Aurocs]) -> Evaluate:
    return lambda values: aurocs.items()


def _open(path: Path, plan: Plan) -> optuna.Study:
    """Return the study of this plan, after setting aside a damaged one, or one whose trials meant something else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drop_stale_lock(path)
    if held := held_study(path):
        made_with, settings = held.user_attrs.get("settings"), digest(plan.settings)
        if made_with == settings and held.user_attrs.get("space") != describe(plan.space):
            raise StudyError(
                f"Study {path.stem} was made with another space ({_spoken(held.user_attrs.get('space', {}))}); restore "
                f"it in tuning.space, or begin a new study by giving tuning.study a name."
            )
        if made_with == settings:
            drop_torn_line(path)
            held.pruner = make_pruner(plan.pruner)
            return held
        aside = set_aside(path, f".{str(made_with)[:8]}", ".journal")
        print(f"Study {path.stem} rests on other data, code or settings; it is kept as {aside}, and a new one begins.")
    study = optuna.create_study(
        storage=journal_storage(path), study_name=path.stem, direction="maximize", pruner=make_pruner(plan.pruner)
    )
    study.set_user_attr("space", describe(plan.space))
    study.set_user_attr("about", plan.settings)
    study.set_user_attr("settings", digest(plan.settings))  # last: a study without it is begun anew
    return study


def _settle(study: optuna.Study) -> None:
    """Mark the trials that a killed process left running as failed, and queue again what was asked for by name.

    That goes to the head of the queue, so the others in it are queued again as well; the first mark is set last, so
    that nothing is lost where this is killed too.
    """
    running, waiting = _in_state(study, TrialState.RUNNING), _in_state(study, TrialState.WAITING)
    if queue := [trial.system_attrs["fixed_params"] for trial in running if "fixed_params" in trial.system_attrs]:
        queue += [trial.system_attrs.get("fixed_params", {}) for trial in waiting]
        for place, wanted in enumerate(queue):
            if wanted not in queue[:place]:
                study.enqueue_trial(wanted)
        for _ in waiting:
            study.tell(study.ask(), state=TrialState.FAIL)
    for trial in reversed(running):
        study.tell(trial.number, state=TrialState.FAIL)


def _in_state(study: optuna.Study, *states: TrialState) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=states)


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count, in their order; what others added counts too."""
    return [trial for trial in _in_state(study, *FINISHED) if trial.value is not None]


def _seconds(trials: Sequence[FrozenTrial]) -> float:
    durations = {trial.number: trial.duration.total_seconds() for trial in trials if trial.duration}
    return sum(trial.user_attrs.get("seconds", durations.get(trial.number, 0.0)) for trial in trials)


def _begin_trial(study: optuna.Study, space: Space) -> Trial:
    """Return the next trial: the first of the queue, or one of the sampler's."""
    try:
        return study.ask(space)
    except ValueError as error:
        number = _in_state(study, TrialState.RUNNING)[-1].number
        raise _give_up(study, number, error) from None


def _give_up(study: optuna.Study, number: int, error: Exception) -> StudyError:
    """Mark a trial whose values do not fit as failed, so that no run comes upon it again; return what to say."""
    study.tell(number, state=TrialState.FAIL)
    return StudyError(f"Trial {number} of study {study.study_name} is given up: {str(error).rstrip('.')}.")


def _run_trial(study: optuna.Study, trial: Trial, evaluate: Evaluate, is_first: bool) -> None:
    """Run one trial to its end and tell the study what it is worth."""
    aurocs: dict[str, Aurocs] = {}
    started = time.monotonic()  # the trial's own times are of a clock that may jump
    try:
        for step, (name, found) in enumerate(evaluate(trial.params)):
            aurocs[name] = found
            if not math.isfinite(worth := _mean(found)):
                raise ModelError(f"the objective of class {name} is {worth}")
            trial.report(worth, step)
            if trial.should_prune() and _lead(study, trial) < 0:
                trial.set_user_attr("pruned", True)
                break
    except ConfigError as error:
        raise _give_up(study, trial.number, error) from None
    except ModelError as error:
        if is_first:
            study.tell(trial, state=TrialState.FAIL)
            raise ModelError(f"The study cannot begin, as its untuned values fail: {error}") from None
        tqdm.write(f"{study.study_name}, trial {trial.number}: {str(error).rstrip('.')}; it counts as AUROC {WORST:g}.")
        trial.set_user_attr("diverged", str(error))
        trial.set_user_attr("seconds", time.monotonic() - started)
        study.tell(trial, WORST)
        return
    trial.set_user_attr("aurocs", aurocs)
    trial.set_user_attr("seconds", time.monotonic() - started)
    study.tell(trial, _worth(study, trial))


def _worth(study: optuna.Study, trial: Trial) -> float:
    """Return the mean over classes; of a pruned trial, what the best one's mean says it would have been.

    The mean over the classes that it saw would be worth more or less as these are easy or hard. So the best trial's
    mean is moved by the mean difference to it, and a pruned trial is never the best.
    """
    frozen = study.get_trials(deepcopy=False)[trial.number]
    if "pruned" not in frozen.user_attrs:
        return _mean(frozen.intermediate_values)
    return study.best_value + _lead(study, trial)


def _lead(study: optuna.Study, trial: Trial) -> float:
    """Return the mean difference to the best trial over the classes that both saw."""
    seen = study.get_trials(deepcopy=False)[trial.number].intermediate_values
    best = study.best_trial.intermediate_values
    return float(np.mean([value - best[step] for step, value in seen.items() if step in best]))


def _mean(values: Mapping[Any, float]) -> float:
    return float(np.mean(list(values.values())))


def _as_finished(place: int, trial: FrozenTrial) -> Finished:
    state = next((name for name in ("pruned", "diverged") if name in trial.user_attrs), "complete")
    if trial.state == TrialState.PRUNED:
        state = "pruned"
    assert trial.value is not None
    return Finished(place, state, trial.value, trial.params, trial.user_attrs.get("aurocs", {}))


def _spoken(space: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in space.items())
