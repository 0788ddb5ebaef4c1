import pytest
import torch
from torch import Tensor

from alpa.config import TrainingConfig
from alpa.detectors.detector import Detector
from alpa.errors import ModelError
from alpa.runtime import Runtime
from alpa.training.loop import train


class Counting(Detector):
    """A detector whose two losses follow from the number of the step."""

    key = "counting"

    def __init__(self, broken_from: int | None = None, broken: float = float("nan")) -> None:
        super().__init__((1, 1, 1), config=None, seed=0)
        self.batches: list[Tensor] = []
        self.broken_from, self.broken = broken_from, broken

    def train_step(self, images: Tensor) -> dict[str, Tensor]:
        self.batches.append(images)
        step = len(self.batches)
        bad = self.broken_from is not None and step >= self.broken_from
        return {"first": torch.tensor(float(step)), "second": torch.tensor(self.broken if bad else 10.0 * step)}


IMAGES = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1)


def history(steps: int, detector: Counting | None = None) -> list[dict[str, float]]:
    return train(detector or Counting(), IMAGES, TrainingConfig(steps=steps, batch_size=8), Runtime())


def test_the_loop_takes_the_steps_it_is_told_on_batches_of_the_size_it_is_told() -> None:
    detector = Counting()
    history(7, detector)
    assert [tuple(batch.shape) for batch in detector.batches] == [(8, 1, 1, 1)] * 7
    assert detector.batches[0].dtype == torch.float32


@pytest.mark.parametrize(
    ("steps", "rows"), [(1, 1), (2, 2), (40, 40), (41, 21), (79, 40), (80, 40), (100, 34), (1001, 39), (2000, 40)]
)
def test_the_history_has_about_forty_rows_and_ends_with_the_last_step(steps: int, rows: int) -> None:
    found = [row["step"] for row in history(steps)]
    assert len(found) == rows
    assert found[-1] == steps
    assert found == sorted(set(found))


def test_a_row_is_the_mean_of_each_loss_since_the_row_before() -> None:
    rows = history(100)  # a row at every third step, and one at the hundredth
    assert rows[0] == {"step": 3, "first": (1 + 2 + 3) / 3, "second": (10 + 20 + 30) / 3}
    assert rows[1] == {"step": 6, "first": (4 + 5 + 6) / 3, "second": (40 + 50 + 60) / 3}
    assert rows[-2:] == [{"step": 99, "first": 98, "second": 980}, {"step": 100, "first": 100, "second": 1000}]


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_stops_the_training_at_the_next_row(broken: float) -> None:
    detector = Counting(broken_from=4, broken=broken)
    with pytest.raises(ModelError) as error:
        history(100, detector)
    assert str(error.value) == (
        f"The second loss of counting is {broken} by step 6; lower the learning rate or the strength."
    )
    assert len(detector.batches) == 6


def test_the_step_runs_under_the_runtimes_precision() -> None:
    class Multiplying(Counting):
        def train_step(self, images: Tensor) -> dict[str, Tensor]:
            self.dtype = (images.flatten(1) @ images.flatten(1).T).dtype
            return super().train_step(images)

    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        detector = Multiplying()
        train(detector, IMAGES, TrainingConfig(steps=1, batch_size=8), Runtime(precision=precision))
        assert detector.dtype == dtype
