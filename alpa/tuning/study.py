"""An Optuna study in a journal file: it grows, resumes where it was killed, and gives the same trials either way."""

import contextlib
import hashlib
import itertools
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState
from tqdm import tqdm

from alpa.errors import ConfigError, ModelError, StudyError
from alpa.files import require_file
from alpa.runs import digest
from alpa.training.progress import interval
from alpa.tuning.finished import Aurocs, Finished
from alpa.tuning.pruners import make_pruner
from alpa.tuning.space import Space, describe

FOLDER = Path(".cache/studies")
STARTUP_TRIALS = 8  # drawn at random before the sampler learns from them
LOCK_SECONDS = 1.0  # that a lock on a journal may be held before it counts as left behind
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


def study_path(benchmark: str, detector: str, study: str | None = None) -> Path:
    """Return the journal of a study, whose name is the file's."""
    return FOLDER / f"{'-'.join(name for name in (benchmark, detector, study) if name)}.journal"


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
                _seal(study, path)
                done = _finished(study)
                progress.update()
        return [_as_finished(place, trial) for place, trial in enumerate(done[:trials])]


def copy_studies(folder: Path, target: Path) -> tuple[JournalStorage, int]:
    """Copy every study of a folder's journals into one new journal; return its storage and how many they are.

    Raises:
        StudyError: a journal is damaged, or there is none.
    """
    storage = _storage(target)
    paths = sorted(folder.glob("*.journal"))
    if not paths:
        raise StudyError(f"{folder} holds no study; run `make repro` or `make tune TRIALS=30`.")
    with quiet():
        for path in paths:
            optuna.copy_study(
                from_study_name=_load(path).study_name,
                from_storage=_storage(path),
                to_storage=storage,
                to_study_name=path.stem,
            )
    return storage, len(paths)


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
    _drop_stale_lock(path)
    if held := _held(path):
        made_with, settings = held.user_attrs.get("settings"), digest(plan.settings)
        if made_with == settings and held.user_attrs.get("space") != describe(plan.space):
            raise StudyError(
                f"Study {path.stem} was made with another space ({_spoken(held.user_attrs.get('space', {}))}); restore "
                f"it in tuning.space, or begin a new study by giving tuning.study a name."
            )
        if made_with == settings:
            _drop_torn_line(path)
            held.pruner = make_pruner(plan.pruner)
            return held
        aside = _set_aside(path, f".{str(made_with)[:8]}", ".journal")
        print(f"Study {path.stem} rests on other data, code or settings; it is kept as {aside}, and a new one begins.")
    study = optuna.create_study(
        storage=_storage(path), study_name=path.stem, direction="maximize", pruner=make_pruner(plan.pruner)
    )
    study.set_user_attr("space", describe(plan.space))
    study.set_user_attr("about", plan.settings)
    study.set_user_attr("settings", digest(plan.settings))  # last: a study without it is begun anew
    return study


def _held(path: Path) -> optuna.Study | None:
    """Return the study that a journal holds; None where there is none, or a damaged one, which is then set aside."""
    if not path.exists() or (path.is_file() and not path.stat().st_size):  # as killed before the first line
        return None
    try:
        return _load(path)
    except StudyError as error:
        aside = _set_aside(path, path.suffix, ".damaged")
        reason = str(error).rpartition(";")[0]
        print(f"{reason}; it is kept as {aside}, and the study begins anew with the finished cells of its trials.")
        return None


def _set_aside(path: Path, mark: str, suffix: str) -> Path:
    """Rename a journal, to <name><mark>[-<number>]<suffix> where there is none yet, and return its new path."""
    names = (path.with_name(f"{path.stem}{mark}{f'-{again}' if again else ''}{suffix}") for again in itertools.count())
    return path.replace(next(name for name in names if not name.exists()))


def _load(path: Path) -> optuna.Study:
    try:
        require_file(path)
        content = path.read_bytes()
        for line in content.split(b"\n")[-2:-1]:
            json.loads(line)  # Optuna does not mind a bad last line until another follows it
        study = optuna.load_study(storage=_storage(path), study_name=path.name.partition(".")[0])
        sealed = study.user_attrs.get("seal", {"bytes": 0, "sha256": None})
        if sealed["sha256"] not in (None, hashlib.sha256(content[: sealed["bytes"]]).hexdigest()):
            raise ValueError("a line of it is lost or changed")
        return study
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, OSError) as error:
        text = getattr(error, "strerror", None) or str(error)
        reason = text.splitlines()[0].strip("'\" .") if text else type(error).__name__
        raise StudyError(f"{path} is no journal of study {path.stem} ({reason}); move it away.") from None


def _seal(study: optuna.Study, path: Path) -> None:
    """Note in a journal a digest of what it holds, which a line that gets lost or changed later breaks.

    Optuna would take the rest for a study, whose trials then were others. What is added later is no damage.
    """
    content = path.read_bytes()
    study.set_user_attr("seal", {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def _storage(path: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(path.absolute())))


def _drop_stale_lock(path: Path) -> None:
    """Remove the lock that a killed process left on a journal; a living one holds it for the time of a line."""
    lock = path.with_name(f"{path.name}.lock")
    with contextlib.suppress(FileNotFoundError):
        before = lock.lstat().st_mtime_ns  # and not its inode, which the next lock gets again
        time.sleep(LOCK_SECONDS)
        if lock.lstat().st_mtime_ns == before:
            lock.unlink()


def _drop_torn_line(path: Path) -> None:
    """Cut off what a killed process left of a line, so that the next one does not grow onto it."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("rb+") as file:
            file.truncate(content.rfind(b"\n") + 1)


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


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from telling of every trial: the progress bar does."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
