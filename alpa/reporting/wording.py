"""Numbers and findings in words. Every sentence follows from the tables, whoever wins."""

from collections.abc import Sequence

from alpa.reporting.results import OWN, Difference, Results

METHOD = "alpa"
FAMILY = ("alpa", "autoencoder", "denoising")  # one pair of networks, three trainings
PEERS = {
    "autoencoder": "the same networks without any perturbation",
    "denoising": "the same networks with a random perturbation instead of a learned one",
    "ganomaly": "another adversarial method, with its own networks and training",
    "ganomaly_tuned": "the same with settings that a study has chosen",
}
VERDICTS = {1: "better", -1: "worse", 0: "not distinguishable"}
SMOKE_TESTS = ("digits",)
FEW_CLIPS = 30  # below, so few draws say little of another day's clips
FEW_SEEDS = 10  # below, resampling seeds covers less than its interval says
NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def percent(fraction: float) -> str:
    """Return a fraction in percent with one decimal, without the sign: 0.9512 is 95.1."""
    return f"{100 * fraction:.1f}"


def points(fraction: float) -> str:
    """Return a difference of fractions in percentage points with its sign and two decimals: +0.40."""
    value = round(100 * fraction, 2) + 0.0
    return "0.00" if value == 0 else f"{value:+.2f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """Return the interval of a mean in percent, its ends joined by a dash."""
    return f"{percent(low)}–{percent(high)}"


def points_interval(difference: Difference) -> str:
    """Return the interval of a difference in points, its ends with signs."""
    return f"{points(difference.low)} to {points(difference.high)}"


def name(text: object) -> str:
    """Return a name marked for the templates, which set it as code."""
    return "`" + " ".join(str(text).replace("`", "'").split()) + "`"


def number(value: int) -> str:
    """Return a count as text reads best: ten, 11, 1,000."""
    return NUMBER_WORDS[value] if value < len(NUMBER_WORDS) else f"{value:,}"


def count(value: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: one class, 12 classes."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def short(text: str, most: int = 20) -> str:
    """Return a name that fits into a figure: what is longer than `most` characters ends in an ellipsis.

    >>> short("a name of many words", 8)
    'a name …'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def samples(results: Results) -> str:
    """Return what the test split consists of: images or frames."""
    return "frames" if results.has_clips else "images"


def extent(results: Results, count_classes: bool = True) -> str:
    """Return in figures what a mean was taken over: 10 classes and 1 seed, 10,000 test images."""
    classes, seeds = len(results.classes), len(results.seeds)
    text = f"{seeds} {'seed' if seeds == 1 else 'seeds'}, {results.n_test:,} test {samples(results)}"
    if results.has_clips:
        return f"{text} of {results.n_clips} {'clip' if results.n_clips == 1 else 'clips'}"
    return f"{classes} {'class' if classes == 1 else 'classes'} and {text}" if count_classes else text


def labelled_note(detectors: Sequence[str]) -> str:
    """Say which detectors were tuned on labelled anomalies, nothing if none was."""
    return f"Tuned on labelled anomalies of the training split: {listed(detectors)}." if detectors else ""


def listed(items: Sequence[str]) -> str:
    """Return items as a sentence lists them: a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def reading(difference: Difference, detector: str = METHOD) -> str:
    """Return what a difference shows, from the side of `detector`."""
    return {1: f"{detector} is better", -1: f"{detector} is worse", 0: "no difference shown"}[difference.sign]


def summary(results: Results) -> tuple[str, ...]:
    """Return the report's opening: who leads, where the method stands, what it rests on."""
    parts = [leader(results), standing(results), _training(results), caveat(results)]
    return tuple(part for part in parts if part)


def leader(results: Results) -> str:
    """Say which detector leads, by which score, and how sure its mean is."""
    best = results.detectors[0]
    row = results.primary.loc[best]
    ranked = f", ranked by {name(row['score'])}," if len(results.detectors) > 1 else f" under {name(row['score'])}"
    leads = f"leads the {count(len(results.detectors), 'detector')}" if len(results.detectors) > 1 else "stands alone"
    kind = "an" if results.has_clips else "a mean"
    over = (
        f"the {results.n_test:,} test frames of {count(results.n_clips, 'clip')}"
        if results.has_clips
        else count(len(results.classes), "class", "classes")
    )
    return (
        f"On {results.dataset_title}, {name(best)}{ranked} {leads} with {kind} AUROC of {percent(row['auroc_mean'])} % "
        f"(95 % interval {interval(row['ci_low'], row['ci_high'])}) over {over} and "
        f"{count(len(results.seeds), 'seed')}."
    )


def standing(results: Results) -> str:
    """Say how far the method is ahead of the next one or behind the leader, and whether that is more than chance."""
    if METHOD not in results.detectors or len(results.detectors) < 2:
        return ""
    rank = results.detectors.index(METHOD)
    other = results.detectors[0] if rank else results.detectors[1]
    difference = results.difference(METHOD, other)
    if difference is None:
        return ""
    row = results.primary.loc[METHOD]
    place = (
        f"{name(METHOD)} is {ORDINALS[rank] if rank < len(ORDINALS) else f'number {rank + 1}'} with "
        f"{percent(row['auroc_mean'])} % ({interval(row['ci_low'], row['ci_high'])}, ranked by {name(row['score'])}), "
        f"{abs(100 * difference.mean):.2f} points behind {name(other)}"
        if rank
        else f"{name(METHOD)} is {abs(100 * difference.mean):.2f} points ahead of the next, {name(other)}"
    )
    verdict = "excludes 0" if difference.sign else "includes 0, so this run does not tell the two apart"
    return f"{place}; the 95 % interval of that paired difference, {points_interval(difference)}, {verdict}."


def _training(results: Results) -> str:
    """Say what the learned perturbation does under equal scores."""
    found = against(results, "autoencoder")
    return f"Is it the training? Against the plain {name('autoencoder')}, {found}." if found else ""


def compared(results: Results, other: str) -> list[tuple[str, Difference]]:
    """Return the method's differences to `other`: under each shared score, and each under its own if these differ."""
    if not {METHOD, other} <= set(results.detectors):
        return []
    scores = results.shared_scores(METHOD, other)
    if results.score_of(METHOD) != results.score_of(other):
        scores = [*scores, OWN]
    found = [(score, results.difference(METHOD, other, score)) for score in scores]
    return [(score, difference) for score, difference in found if difference is not None]


def against(results: Results, other: str) -> str | None:
    """Return in words how the method does against `other` under their shared scores, None if they share none."""
    signs = [difference.sign for score, difference in compared(results, other) if score != OWN]
    verdicts = [(word, signs.count(sign)) for sign, word in VERDICTS.items() if sign in signs]
    if not verdicts:
        return None
    if len(verdicts) > 1:
        kinds = [f"{word} under {number(times)}" for word, times in verdicts]
        return f"{name(METHOD)} is {listed(kinds)} of the {number(len(signs))} shared scores"
    if verdicts[0][0] == VERDICTS[0] and len(signs) > 1:
        return f"{name(METHOD)} is distinguishable under none of the {number(len(signs))} shared scores"
    each = "the one shared score" if len(signs) == 1 else f"each of the {number(len(signs))} shared scores"
    return f"{name(METHOD)} is {verdicts[0][0]} under {each}"


def caveat(results: Results) -> str:
    """Return what a reader must know before quoting a number."""
    smoke = (
        "This is a smoke test: images of 8×8 pixels, few of them, and no official split. It "
        "shows that everything runs; it ranks nothing. "
        if results.dataset in SMOKE_TESTS
        else ""
    )
    n, drawn = len(results.seeds), "clips" if results.has_clips else "images"
    chance = (
        f"The intervals cover the choice of seeds and of test {drawn}"
        + (f"; with {count(n, 'seed')} they are too narrow for what another seed would do." if n < FEW_SEEDS else ".")
        if n > 2
        else f"With {count(n, 'seed')} the intervals cover the choice of test {drawn}, not the chance in training."
    )
    few = (
        f" Frames of a clip are alike, so whole clips are drawn, and {count(results.n_clips, 'clip')} "
        f"{'is' if results.n_clips == 1 else 'are'} few for that: take the intervals as rough."
        if 0 < results.n_clips < FEW_CLIPS
        else ""
    )
    return smoke + chance + few
