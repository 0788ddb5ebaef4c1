"""The work of a trial: a detector with the trial's values, fitted on each class in turn and measured there."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from alpa.config import fill
from alpa.detectors import detector_class
from alpa.runtime import Runtime
from alpa.training.cells import Cell, CellStore, with_facts
from alpa.training.workers import Pool, run_in_workers
from alpa.tuning.finished import Aurocs
from alpa.tuning.objective import Probe, run_cell


@dataclass(frozen=True, eq=False)
class Trials:
    """What all trials of a study have in common: a cell and a probe for each class, in the order they are tried."""

    cells: Sequence[Cell]
    probes: Sequence[Probe]
    shortened: dict[str, Any]
    runtime: Runtime
    store: CellStore
    pool: Pool
    facts: dict[str, Any]

    @property
    def classes(self) -> list[str]:
        """The classes in the order they are tried."""
        return [cell.target_class for cell in self.cells]

    def with_values(self, values: dict[str, Any]) -> list[Cell]:
        """Return the cells of a trial: with these values, what shortens it, and else the untuned ones.

        Raises:
            ConfigError: the detector does not take these values together.
        """
        first = self.cells[0]
        all_values = asdict(first.config) | values | self.shortened
        config: Any = fill(detector_class(first.detector).config_class, all_values, f"detectors.{first.detector}")
        return [replace(cell, config=config) for cell in self.cells]

    def run(self, values: dict[str, Any]) -> Iterator[tuple[str, Aurocs]]:
        """Yield each class with its AUROC by family; as many classes run ahead as there are workers.

        Raises:
            ModelError: training diverged.
        """
        pairs = list(zip(self.with_values(values), self.probes, strict=True))
        for start in range(0, len(pairs), self.pool.workers):
            some = pairs[start : start + self.pool.workers]
            keys = [cell.key(self.runtime) for cell, _ in some]
            held = [self.store.get(key) for key in keys]
            calls = [
                (cell, key, files, probe, self.runtime)
                for (cell, probe), key, files in zip(some, keys, held, strict=True)
            ]
            found: dict[int, Aurocs] = {}
            for place, (files, seconds, aurocs) in run_in_workers(run_cell, calls, self.pool):
                if held[place] is None:
                    self.store.put(keys[place], with_facts(files, self.facts, seconds))
                found[place] = aurocs
            yield from ((cell.target_class, found[place]) for place, (cell, _) in enumerate(some))
