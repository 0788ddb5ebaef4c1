"""When a trial is given up: each class it has seen is paired with the same class of the best trial so far."""

import warnings
from collections.abc import Callable

import optuna
from optuna.pruners import BasePruner, NopPruner, WilcoxonPruner
from optuna.study import Study
from optuna.trial import FrozenTrial
from scipy.stats import ttest_1samp

WILCOXON_LEVEL = 0.1  # its smallest p value of n classes is 2**-n, so it cannot fire before the fourth
T_LEVEL = 0.05
T_CLASSES = 3  # with two, one lucky pair decides
ROUNDING = 1e-9  # differences closer than this are the same


class PairedTPruner(BasePruner):
    """Give a trial up where a one-sided paired t test says that it is worse than the best one.

    Fires one class earlier than the Wilcoxon test can, and takes the size of the differences into account.
    """

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        try:
            best = study.best_trial.intermediate_values
        except ValueError:  # none is complete
            return False
        differences = [value - best[step] for step, value in trial.intermediate_values.items() if step in best]
        if len(differences) < T_CLASSES or max(differences) - min(differences) < ROUNDING:
            return len(differences) >= T_CLASSES and differences[0] < 0
        return bool(ttest_1samp(differences, 0.0, alternative="less").pvalue < T_LEVEL)


def _wilcoxon() -> BasePruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return WilcoxonPruner(p_threshold=WILCOXON_LEVEL)


PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "wilcoxon": _wilcoxon,
    "paired_t": PairedTPruner,
    "none": NopPruner,
}


def make_pruner(name: str) -> BasePruner:
    """Return the pruner of that name."""
    return PRUNERS[name]()
