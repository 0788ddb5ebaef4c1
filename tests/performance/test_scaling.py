import pytest

from performance import scaling


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    sizes = [10, 20, 40, 80]
    assert scaling.exponent(sizes, [3 * n**power for n in sizes]) == pytest.approx(power)


@pytest.mark.parametrize(
    ("axis", "n"),
    [("training images", 256), ("scored images", 32), ("cells", 1), ("frames", 8), ("pixels", 256), ("batch size", 8)],
)
def test_every_axis_is_measured(axis: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, _ = scaling.AXES[axis]
    monkeypatch.setitem(scaling.AXES, axis, (prepare, (n,)))
    found = scaling.measure(axis, n)
    assert found["seconds"] > 0
    assert found["peak_mib"] > 0


def test_sizes_of_an_axis_grow_at_least_fourfold() -> None:
    assert all(max(sizes) >= 4 * min(sizes) for _, sizes in scaling.AXES.values())
