"""anomalib's Ganomaly, run by anomalib's own environment on images that lie in memory.

Its model, losses, optimisers and training loop (Lightning's) as they come, without validation, logging, checkpoints and
progress bars, which would only slow it down. Prints JSON: its images per second and, with `--images` and `--scored`
(.npy, uint8, N x 3 x 32 x 32), the seconds that training took and the scores.
"""

import argparse
import json
import logging
import time
import warnings

import numpy as np
import torch
from anomalib.data import ImageBatch, ImageItem
from anomalib.models import Ganomaly
from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader, Dataset

WARM_UP = 5
BATCH = 64


class InMemory(Dataset):
    """Images in [0, 1], (N, C, H, W), as anomalib's items."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> ImageItem:
        return ImageItem(image=self.images[index], gt_label=torch.tensor(0))


class Clock(Callback):
    """Measures the steps after the first few."""

    def on_fit_start(self, trainer, module) -> None:
        self.steps = 0

    def on_train_batch_end(self, trainer, module, outputs, batch, index) -> None:
        self.steps += 1
        self.end = time.perf_counter()
        if self.steps == WARM_UP:
            self.start = self.end

    @property
    def per_second(self) -> float:
        return (self.steps - WARM_UP) * BATCH / (self.end - self.start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images")
    parser.add_argument("--scored")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    images = as_tensor(arguments.images) if arguments.images else torch.rand(64 * BATCH, 3, 32, 32)
    parts = {"evaluator": False, "visualizer": False, "post_processor": False}
    model = Ganomaly(batch_size=BATCH, pre_processor=Ganomaly.configure_pre_processor((32, 32)), **parts)
    loader = DataLoader(
        InMemory(images), BATCH, shuffle=True, drop_last=True, collate_fn=ImageBatch.collate, num_workers=0
    )
    clock = Clock()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(
        max_steps=2 * (arguments.steps + WARM_UP),  # Lightning counts the steps of both optimisers
        callbacks=[clock],
        accelerator="cpu",
        precision=arguments.precision,
        enable_model_summary=False,
        **quiet,
    )
    started = time.perf_counter()
    trainer.fit(model, loader)
    found = {"per_second": clock.per_second, "steps": clock.steps, "seconds": time.perf_counter() - started}
    if arguments.scored:
        found["scores"] = scores(model, as_tensor(arguments.scored))
    print(json.dumps(found))


def as_tensor(path: str) -> torch.Tensor:
    return torch.from_numpy(np.load(path, allow_pickle=False)).float() / 255


def scores(model: Ganomaly, images: torch.Tensor) -> list[float]:
    """Return the distance between the latents of each image and of its reconstruction, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        prepared = (model.pre_processor.transform(part) for part in images.split(256))
        return [float(score) for part in prepared for score in model.model(part).pred_score.flatten()]


if __name__ == "__main__":
    main()
