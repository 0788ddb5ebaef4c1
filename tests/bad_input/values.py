"""Values of params.yaml that do not fit: of a section, and of a detector."""

import math

from tests.bad_input.case import Case

MNIST = "benchmarks.mnist"
LARGEST = 2**31 - 1


def refused(place: str, value: object, *says: str) -> Case:
    """Return the case of a value that does not fit; the sentence has it as Python writes it."""
    return Case("split mnist", (f"{place} is {value!r}: ", *says), {place: value})


VALUES = {
    "a text for a number": refused("training.steps", "many", "integer"),
    "a number in quotes": refused("training.steps", "2000", "integer"),
    "a fraction of a step": refused("training.steps", 1.5, "integer"),
    "no step": refused("training.steps", 0, "greater than or equal to 1."),
    "a truth value for a whole number": refused("training.steps", True, "integer"),
    "a truth value for a number": refused("training.learning_rate", True, "number"),
    "nothing for a number": refused("training.steps", None, "integer"),
    "a list for a number": refused("training.steps", [1, 2], "integer"),
    "a number beyond all bounds": refused("training.steps", 10**30, f"less than or equal to {LARGEST}."),
    "more threads than there can be": refused("runtime.threads_per_cell", 10**12, "less than or equal to "),
    "no number at all": refused("training.learning_rate", math.nan, "finite number."),
    "infinity": refused("training.weight_decay", math.inf, "finite number."),
    "a negative rate": refused("training.learning_rate", -0.1, "greater than 0."),
    "one image a batch": refused("training.batch_size", 1, "greater than or equal to 2."),
    "all images held out": refused("training.validation_fraction", 1.0, "less than 1."),
    "an unknown preparation": refused("training.preparation", "zca", "'unit', 'scaled' or 'gcn'."),
    "an unknown device": refused("runtime.device", "tpu", "'auto', 'cpu' or 'cuda'."),
    "no address of a scheduler": refused("runtime.scheduler", "head:8786", "such as tcp://head:8786"),
    "no resamples": refused("evaluation.bootstrap_samples", 0, "greater than or equal to 1."),
    "a window that networks cannot halve": refused("video.window", 20, "multiple of 8."),
    "an unknown objective": refused("tuning.objective", "auroc", "'pseudo' or 'labelled'."),
    "an unknown pruner": refused("tuning.pruner", "median", "'wilcoxon', 'paired_t' or 'none'."),
    "a number as a root": refused("data.root", ["a", "b"], "string."),
    "a negative seed": Case(
        "split mnist", (f"{MNIST}.seeds.0 is -1: ", "greater than or equal to 0."), {f"{MNIST}.seeds": [-1]}
    ),
    "a seed that is too large": Case(
        "split mnist", (f"{MNIST}.seeds.0 is {2**32}: ", f"less than {2**32}."), {f"{MNIST}.seeds": [2**32]}
    ),
    "a seed as a text": Case("split mnist", (f"{MNIST}.seeds.0 is 'a': ", "integer."), {f"{MNIST}.seeds": ["a"]}),
    "a seed twice": Case("split mnist", (f"{MNIST}.seeds names 3 twice; keep one.",), {f"{MNIST}.seeds": [3, 3]}),
    "a seed that is no list": refused(f"{MNIST}.seeds", 0, "list."),
    "no seeds": refused(f"{MNIST}.seeds", [], "at least 1 item"),
    "no classes": refused(f"{MNIST}.classes", [], "at least 1 item"),
    "an image size that networks cannot halve": Case(
        "split mnist",
        (f"{MNIST}.image_size is 72", "cannot be halved 4 times; ", "multiples of 16"),
        {f"{MNIST}.image_size": 72},
    ),
    "an odd image size": Case(
        "split mnist", (f"{MNIST}.image_size is 31", "; ", "multiples of 8"), {f"{MNIST}.image_size": 31}
    ),
    "an image size that is too small": refused(f"{MNIST}.image_size", 8, "greater than or equal to 16"),
    "an image size that is too large": refused(f"{MNIST}.image_size", 4096, "less than or equal to 1024"),
    "images that are no squares": Case(
        "split mnist", (f"{MNIST}.image_size is 32 x 64, ", "; name one side."), {f"{MNIST}.image_size": [32, 64]}
    ),
    "three sides": Case("split mnist", (f"{MNIST}.image_size", "32, 32, 3"), {f"{MNIST}.image_size": [32, 32, 3]}),
    "clips prepared by their own contrast": Case(
        "split ped2",
        ("training.preparation is gcn, ", "; choose unit or scaled."),
        {"benchmarks.ped2.training": {"preparation": "gcn"}},
    ),
    "a name with capitals": Case(
        "split mnist", ("pipeline.datasets.0 is 'MNIST': ", "pattern"), {"pipeline.datasets": ["MNIST"]}
    ),
    "a benchmark whose name is a path": Case(
        "split mnist", ("../x", "pattern"), {"benchmarks": {"../x": {"dataset": "digits"}}, "pipeline.paper": []}
    ),
    "a data set twice": Case(
        "split mnist",
        ("pipeline.datasets names mnist twice; keep one.",),
        {"pipeline.datasets": ["mnist", "mnist"]},
    ),
    "a default that is no benchmark": Case(
        "split mnist", ("Benchmark cifar is not in params.yaml; choose digits, mnist",), {"pipeline.default": "cifar"}
    ),
    "a paper of no benchmark": Case(
        "split mnist", ("Benchmark cifar is not in params.yaml; choose digits, mnist",), {"pipeline.paper": ["cifar"]}
    ),
    "an unknown data set in a benchmark": Case(
        "split mnist",
        (f"{MNIST}.dataset is cifar; choose digits, mnist", "or add cifar to folders or, if it is published,"),
        {f"{MNIST}.dataset": "cifar"},
    ),
    "a folder with the name of a published set": Case(
        "split mnist",
        ("digits is in folders and in pipeline.datasets; give the folder another name.",),
        {"folders": {"digits": "somewhere"}},
    ),
    "an unknown protocol": Case(
        "split mnist",
        (f"{MNIST}.protocol is luck; choose one_vs_rest",),
        {f"{MNIST}.protocol": "luck"},
    ),
}
DETECTORS = {
    "a negative strength": Case(
        "tune digits alpa",
        ("detectors.alpa.strength is -0.5: input should be greater than or equal to 0.",),
        {"detectors.alpa.strength": -0.5},
        base="finished",
    ),
    "a network that no memory holds": Case(
        "tune digits alpa",
        ("alpa cannot be built with ", "width=1073741824", "; choose smaller sizes."),
        {"detectors.alpa.width": 2**30},
        base="finished",
    ),
    "no trials of a study": Case(
        "tune digits alpa", ("tuning.trials is 0: ",), {"benchmarks.digits.tuning.trials": 0}, base="finished"
    ),
    "an unknown family of pseudo-anomalies": Case(
        "tune digits alpa",
        ("Pseudo-anomaly family melted is unknown; choose permuted",),
        {"tuning.families": ["melted"]},
        base="finished",
    ),
    "an interval upside down": Case(
        "tune digits alpa",
        ("tuning.space.alpa.strength goes from 0.5 to 0.1; high must be above low.",),
        {"tuning.space": {"alpa": {"strength": {"low": 0.5, "high": 0.1}}}},
        base="finished",
    ),
    "a logarithm of zero": Case(
        "tune digits alpa",
        ("tuning.space.alpa.strength.low is 0: a logarithmic scale needs values above 0.",),
        {"tuning.space": {"alpa": {"strength": {"low": 0, "high": 0.1, "log": True}}}},
        base="finished",
    ),
    "one choice": Case(
        "tune digits alpa",
        ("tuning.space.alpa.bound is ['box']: ", "at least 2 items"),
        {"tuning.space": {"alpa": {"bound": ["box"]}}},
        base="finished",
    ),
    "a choice that the detector does not take": Case(
        "tune digits alpa",
        ("tuning.space.alpa.bound is 'cube': ", "'sphere' or 'box'."),
        {"tuning.space": {"alpa": {"bound": ["box", "cube"]}}},
        base="finished",
    ),
}
CASES = {"values": VALUES, "detectors": DETECTORS}
