"""params.yaml as a file, and keys that nobody knows."""

from tests.bad_input.case import Case, Damage, folder, instead, loop, pipe, remove, replace, write

FILE = "params.yaml"
MNIST = "benchmarks.mnist"


def line(old: str, new: str) -> Damage:
    """Return what changes one line of params.yaml."""
    return replace(FILE, old, new)


def unknown(place: str, known: str) -> Case:
    """Return the case of a key that nobody knows."""
    return Case("split mnist", (f"Unknown key {place}; known here: {known}",), {place: 1})


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
    "a section of no detector": Case(
        "preflight digits", ("Unknown detector svdd; choose alpa, arae",), {"detectors.svdd": {}}
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
CASES = {"params.yaml": THE_FILE, "keys": KEYS}
