"""How fast detectors train, beside anomalib and beside a bare loop: `python -m performance.training`.

All runs take turns, each in a process of its own, so that they meet the same disturbances; ratios are medians over the
rounds. `--rounds`, `--no-peer` and `--device cuda` are options. Written to performance/results/training.{csv,png}.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import joblib
import torch

from alpa.config import RuntimeConfig
from alpa.runtime import resolve
from performance import peer
from performance.timing import bars, call, in_turn, ratio, write

OURS = (sys.executable, "-m", "performance.rate")
AUTOENCODERS = ("autoencoder", "denoising", "alpa")
GANOMALY = ("ganomaly", "--channels", "3", "--batch", "64")  # as anomalib's, which takes colour images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    cores = joblib.cpu_count(only_physical_cores=True) if arguments.device == "cpu" else 1
    best = resolve(RuntimeConfig(device=arguments.device)).precision
    runs = suite_and_bare(arguments.device, arguments.steps, sorted({"fp32", best}))
    runs |= ganomaly_on_all_cores(arguments.device, arguments.steps, cores, sorted({"fp32", best}))
    if not arguments.no_peer and arguments.device == "cpu":
        runs |= peers(arguments.steps, cores)
    values = in_turn(runs, arguments.rounds)
    table = write("training", [describe(name, values, cores) for name in runs])
    drawn = table[table["run"].str.contains("core|anomalib")]
    if len(drawn):
        labels = drawn["run"].str.replace("ganomaly ", "")
        bars(
            "training", labels, drawn["images_per_second"], f"GANomaly in training, {cores} cores", "images per second"
        )


def suite_and_bare(device: str, steps: int, precisions: list[str]) -> dict[str, Callable[[], float]]:
    """Return runs of our loop and of the bare one on one thread, and of alpa in two naive passes."""
    runs: dict[str, Callable[[], float]] = {}
    for precision in precisions:
        common = ("--device", device, "--precision", precision)
        for detector in AUTOENCODERS:
            options = (detector, "--steps", str(3 * steps), *common)
            for loop in ("suite", "bare", *(("naive",) if detector == "alpa" else ())):
                runs[f"{detector} {precision} {loop}"] = partial(call, *OURS, loop, *options)
        for loop in ("suite", "bare"):
            runs[f"ganomaly {precision} {loop}"] = partial(call, *OURS, loop, *GANOMALY, "--steps", str(steps), *common)
    return runs


def ganomaly_on_all_cores(device: str, steps: int, cores: int, precisions: list[str]) -> dict[str, Callable[[], float]]:
    """Return runs of ganomaly that use the whole machine: one process, or a cell on each core as the suite does."""
    if device != "cpu" or cores == 1:
        return {}
    runs: dict[str, Callable[[], float]] = {}
    for precision in precisions:
        options = (*GANOMALY, "--steps", str(steps), "--precision", precision)
        threads = ("--threads", str(cores))
        runs[f"ganomaly {precision} bare, all cores"] = partial(call, *OURS, "bare", *options, *threads)
        runs[f"ganomaly {precision} suite, all cores"] = partial(call, *OURS, "suite", *options, *threads)
        runs[f"ganomaly {precision} suite, a cell per core"] = partial(together, cores, *OURS, "suite", *options)
    return runs


def peers(steps: int, cores: int) -> dict[str, Callable[[], float]]:
    """Return runs of anomalib with all cores, in fp32 as it comes and in bf16."""
    command = (peer.python(), str(peer.SCRIPT), "--threads", str(cores), "--steps", str(steps))
    return {
        f"anomalib ganomaly {name}": lambda precision=precision: call(*command, "--precision", precision)["per_second"]
        for name, precision in (("fp32", "32-true"), ("bf16", "bf16-mixed"))
    }


def together(processes: int, *command: str) -> float:
    """Return the sum of what so many processes reach at the same time."""
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return sum(float(process.communicate()[0].splitlines()[-1]) for process in running)


def describe(name: str, values: dict[str, list[float]], cores: int) -> dict[str, object]:
    """Return a run's row: its images per second, and the ratios that it is there for."""
    ordered = sorted(values[name])
    row: dict[str, object] = {
        "run": name,
        "images_per_second": round(ordered[len(ordered) // 2], 1),
        "least": round(ordered[0], 1),
        "most": round(ordered[-1], 1),
        "to_bare": None,
        "to_anomalib": None,
        "step_to_autoencoder": None,
        "torch": torch.__version__,
    }
    bare = name.replace("suite", "bare") if "a cell per core" not in name else ""
    if "suite" in name and bare in values:
        row["to_bare"] = round(ratio(values, name, bare), 3)
    if "ganomaly" in name and "core" in name and "anomalib ganomaly fp32" in values:
        row["to_anomalib"] = round(ratio(values, name, "anomalib ganomaly fp32"), 2)
    plain = f"autoencoder {name.split()[1]} suite"
    if name.startswith(("alpa", "denoising")) and "bare" not in name:
        row["step_to_autoencoder"] = round(ratio(values, plain, name), 3)
    return row


if __name__ == "__main__":
    main()
