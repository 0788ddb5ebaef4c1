"""Settings that do not fit: params.yaml as a file, its keys, its values, and the names on the command line."""

import math

from tests.bad_input.case import Case, Damage, folder, instead, loop, pipe, remove, replace, write

FILE = "params.yaml"
MNIST = "benchmarks.mnist"
LARGEST = 2**31 - 1


def line(old: str, new: str) -> Damage:
    """Return what changes one line of params.yaml."""
    return replace(FILE, old, new)


def unknown(place: str, known: str) -> Case:
    """Return the case of a key that nobody knows."""
    return Case("split mnist", (f"Unknown key {place}; known here: {known}",), {place: 1})


def refused(place: str, value: object, *says: str) -> Case:
    """Return the case of a value that does not fit; the sentence has it as Python writes it."""
    return Case("split mnist", (f"{place} is {value!r}: ", *says), {place: value})


THE_FILE = {
    "no params.yaml": Case(
        "split mnist", ("params.yaml does not exist; run this from the project's folder.",), damage=remove(FILE)
    ),
    "an empty file": Case("split mnist", ("params.yaml holds no sections; ",), damage=write(FILE, "")),
    "a list": Case("split mnist", ("params.yaml holds no sections; ",), damage=write(FILE, "- split\n- train\n")),
    "no YAML": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "line 1, column 5", "; correct it."),
        damage=write(FILE, "a: b: c\n"),
    ),
    "a tab": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "line 2, column 1", "'\\t'", "; correct it."),
        damage=write(FILE, "a:\n\tb: 1\n"),
    ),
    "a bracket that stays open": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "; correct it."),
        damage=line("seeds: [0, 1]", "seeds: [0, 1"),
    ),
    "not UTF-8": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "byte 5 is not UTF-8", "; correct it."),
        damage=write(FILE, "a: Größe\n".encode("latin-1")),
    ),
    "control characters": Case(
        "split mnist", ("params.yaml is not valid YAML (", "; correct it."), damage=write(FILE, "a: \0\n")
    ),
    "an anchor that is gone": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "undefined alias 'usual'", "; correct it."),
        damage=line("mnist: &usual", "mnist:"),
    ),
    "an object of Python's": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "python/object", "; correct it."),
        damage=write(FILE, "a: !!python/object/apply:os.getcwd []\n"),
    ),
    "a key that stands twice": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "key steps stands twice", "; correct it."),
        damage=line("  steps: 2000\n", "  steps: 2000\n  steps: 4000\n"),
    ),
    "a benchmark that stands twice": Case(
        "split mnist",
        ("params.yaml is not valid YAML (", "key kmnist stands twice", "; correct it."),
        damage=line("  svhn: {", "  kmnist: {"),
    ),
    "a value that holds itself": Case(
        "split mnist",
        ("pipeline.default is {'default': {'default': ", "{...}", ": input should be a valid string."),
        damage=write(FILE, "pipeline: &a {default: *a}\n"),
    ),
    "brackets a thousand deep": Case(
        "split mnist",
        ("params.yaml is not valid YAML (it is nested too deeply); correct it.",),
        damage=write(FILE, "a: " + "[" * 1000 + "]" * 1000),
    ),
    "a number as a section": Case("split mnist", ("training is 5: ", "dictionary"), {"training": 5}),
    "a section that is missing": Case(
        "split mnist", ("runtime is missing; add it to params.yaml.",), damage=line("runtime:", "run_time:")
    ),
    "a folder": Case(
        "split mnist",
        ("params.yaml cannot be read (it is not a file); put a file there",),
        damage=instead(FILE, folder),
    ),
    "a pipe": Case(
        "split mnist",
        ("params.yaml cannot be read (it is not a file); put a file there",),
        damage=instead(FILE, pipe),
        as_command=True,
    ),
    "a link to itself": Case(
        "split mnist", ("params.yaml cannot be read (Too many levels of symbolic links); ",), damage=instead(FILE, loop)
    ),
}
KEYS = {
    "an unknown key at the top": unknown("trainings", "pipeline, benchmarks, detectors"),
    "an unknown key of pipeline": unknown("pipeline.dataset", "default, datasets, detectors, paper"),
    "an unknown key of a benchmark": unknown(f"{MNIST}.seed", "dataset, protocol, seeds, classes"),
    "an unknown key of training": unknown("training.stepz", "steps, batch_size"),
    "an unknown key of a benchmark's training": unknown(f"{MNIST}.training.epochs", "steps, batch_size"),
    "an unknown key of video": unknown("video.windows", "form, frames, step, window"),
    "an unknown key of a benchmark's video": unknown(f"{MNIST}.video.windows", "form, frames, step, window"),
    "an unknown key of tuning": unknown("tuning.trial", "objective, trials, trials_of"),
    "an unknown key of a benchmark's tuning": unknown(f"{MNIST}.tuning.trial", "objective, trials, trials_of"),
    "an unknown key of the trials' training": unknown("tuning.training.epochs", "steps, batch_size"),
    "an unknown key of runtime": unknown("runtime.gpu", "device, precision"),
    "an unknown key of evaluation": unknown("evaluation.bootstrap", "bootstrap_samples, bootstrap_seed"),
    "an unknown key of data": unknown("data.path", "root, mirror"),
    "an unknown key of a detector": Case(
        "tune digits alpa",
        ("Unknown key detectors.alpa.strenght; known here: width",),
        {"detectors.alpa.strenght": 1},
        base="finished",
    ),
    "a search space of no parameter": Case(
        "tune digits alpa",
        ("Unknown key tuning.space.alpa.strenght; known here: width",),
        {"tuning.space.alpa": {"strenght": [1, 2]}},
        base="finished",
    ),
    "a detector that is not listed": Case(
        "split mnist",
        ("svdd is in detectors but not in pipeline.detectors; add it there or remove it here.",),
        {"detectors.svdd": {}},
    ),
    "a search space of no detector": Case(
        "split mnist", ("tuning.space names svdd; choose alpa, autoencoder",), {"tuning.space.svdd": {"nu": [1, 2]}}
    ),
    "settings of no detector": Case(
        "split mnist",
        (f"{MNIST}.detectors names svdd; choose alpa, autoencoder",),
        {f"{MNIST}.detectors": {"svdd": {"nu": 0.1}}},
    ),
}
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
NAMES = {
    **{
        f"an unknown benchmark to {command.split()[0]}": Case(
            command, ("Benchmark cifar is not in params.yaml; choose digits, mnist",)
        )
        for command in (
            "preflight cifar",
            "split cifar",
            "tune cifar pca",
            "train cifar pca",
            "evaluate cifar pca",
            "sweep cifar pca",
            "tuning cifar",
            "leaderboard cifar",
            "report cifar",
            "release cifar",
            "collect cifar",
            "grow cifar 50",
        )
    },
    "a path for a benchmark": Case("collect ../x", ("Benchmark ../x is not in params.yaml; choose digits",)),
    "a path within for a benchmark": Case("release a/b", ("Benchmark a/b is not in params.yaml; choose digits",)),
    "an unknown data set to download": Case("download cifar", ("Data set cifar is unknown; choose digits, mnist",)),
    "an unknown folder": Case("folder gates", ("Data set gates is not under folders in params.yaml; ",)),
    **{
        f"an unknown detector to {stage}": Case(
            f"{stage} digits svdd", ("etector svdd", "; choose alpa"), base="finished"
        )
        for stage in ("tune", "train", "evaluate", "sweep")
    },
    "a path for a detector": Case("evaluate digits ../alpa", ("etector ../alpa", "; choose alpa"), base="finished"),
    "no number of trials": Case("grow digits many", ("many is no number of trials; name a whole number from 1.",)),
    "no trials": Case("grow digits 0", ("0 is no number of trials; name a whole number from 1.",)),
    "a detector that is not tuned": Case("grow digits 5 pca", ("pca has no study on digits; choose alpa",)),
    "no port": Case("dashboard http", ("http is no port; ",)),
    "a word that sync does not know": Case("sync now", ("now", "insist")),
}
CLASSES = {
    **{
        f"an unknown class to {command.split()[0]}": Case(
            command,
            ("Normal class 12 is not in digits; choose 0-9.",),
            {"benchmarks.digits.classes": ["0", "12"]},
            base="finished",
        )
        for command in ("preflight digits", "train digits pca", "evaluate digits pca", "leaderboard digits")
    },
    "a class twice": Case(
        "train digits pca",
        ("Normal class 1 is named twice; keep one.",),
        {"benchmarks.digits.classes": ["1", "1"]},
        base="finished",
    ),
    "classes in lists": Case(
        "train digits pca",
        ("Normal class [0, 1] of digits is not one class; ",),
        {"benchmarks.digits.classes": [["0", "1"]]},
        base="finished",
    ),
    "a trial of a class that the benchmark does not run": Case(
        "tune digits alpa",
        ("tuning.classes names 7, which the benchmark does not run; choose 0, 1.",),
        {"benchmarks.digits.tuning.classes": ["7"]},
        base="finished",
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
CASES = {
    "params.yaml": THE_FILE,
    "keys": KEYS,
    "values": VALUES,
    "names": NAMES,
    "classes": CLASSES,
    "detectors": DETECTORS,
}
