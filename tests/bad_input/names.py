"""Names that nothing has: on the command line, and of classes in params.yaml."""

from tests.bad_input.case import Case

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
CASES = {"names": NAMES, "classes": CLASSES}
