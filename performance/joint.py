"""K detectors of one shape trained as one, each as if alone: what performance/many_models.py measures.

Both ways keep the suite's own `begin` and `train_step`. AdamW works number by number, so that one over the parameters
of all is K of them; the gradient of the sum of K losses is that of each, as no model sees another's parameters.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from alpa.detectors.autoencoder import Autoencoder
from alpa.detectors.convolutions import KERNEL, PADDING, STRIDE, Doubling
from alpa.detectors.detector import Detector


class Grouped(Autoencoder):
    """Autoencoders whose channels lie side by side, (B, K * C, H, W), under convolutions in K groups.

    A batch normalisation over K * C channels is K of them, running statistics included.
    """

    def __init__(self, detectors: Sequence[Autoencoder]) -> None:
        first = detectors[0]
        super().__init__(first.image_shape, first.config, first.seed)
        self.n = len(detectors)
        self.to(first.calibration.device)
        _fill(self, detectors, lambda parts: torch.cat(parts) if parts[0].dim() else parts[0])

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return each model's loss, (K,), on its own images of (K, B, C, H, W)."""
        wanted = images.transpose(0, 1).flatten(1, 2)  # (K, B, C, H, W) -> (B, K * C, H, W)
        difference = self.decode(*self.encode(wanted)).float() - wanted
        return {"reconstruction": self._apart(difference.square()).mean(dim=(1, 2, 3, 4))}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        return losses["reconstruction"].sum()

    def encode(self, given: Tensor) -> tuple[Tensor, list[Tensor]]:
        rows, features = given, []
        for convolution, norm, activation in self.encoder.stages:
            rows = activation(norm(F.conv2d(rows, convolution.weight, None, STRIDE, PADDING, groups=self.n)))
            features.append(rows)
        flat = self._apart(rows).permute(0, 1, 3, 4, 2).flatten(2)  # (K, B, C, h, w) -> (K, B, h * w * C)
        latent = self._linear(self.encoder.head, flat)
        return self.norm(latent.float().transpose(0, 1).flatten(1)), features  # (K, B, latent) -> (B, K * latent)

    def decode(self, latent: Tensor, features: list[Tensor], n_clean: int | None = None) -> Tensor:
        decoder = self.decoder
        rows = F.relu(self._linear(decoder.stem, latent.unflatten(1, (self.n, -1)).transpose(0, 1)))
        rows = rows.unflatten(2, decoder.grid).permute(1, 0, 4, 2, 3).flatten(1, 2)  # (K, B, hwC) -> (B, K * C, h, w)
        for stage, norm in zip(decoder.stages, decoder.norms, strict=True):
            rows = F.relu(norm(self._doubled(rows, stage)))
        return (self._doubled(rows, decoder.head) + decoder.head.bias.view(-1, 1, 1)).sigmoid()

    def parted(self, tensor: Tensor) -> Sequence[Tensor]:
        """Return each model's part of one of the tensors."""
        return tensor.chunk(self.n) if tensor.dim() else [tensor] * self.n

    def _linear(self, layer: nn.Linear, rows: Tensor) -> Tensor:
        """Apply K linear layers to rows (K, B, inputs)."""
        weight, bias = layer.weight.unflatten(0, (self.n, -1)), layer.bias.unflatten(0, (self.n, -1))
        return torch.baddbmm(bias[:, None], rows, weight.transpose(1, 2))

    def _doubled(self, rows: Tensor, layer: Doubling) -> Tensor:
        return F.conv_transpose2d(rows, layer.weight, None, STRIDE, PADDING, groups=self.n)

    def _apart(self, rows: Tensor) -> Tensor:
        return rows.unflatten(1, (self.n, -1)).transpose(0, 1)  # (B, K * C, H, W) -> (K, B, C, H, W)


class PlainDoubling(nn.ConvTranspose2d):
    """A `Doubling` without its shortcut on a CPU, a function of its own that vmap cannot look into."""

    def __init__(self, layer: Doubling) -> None:
        super().__init__(layer.in_channels, layer.out_channels, KERNEL, STRIDE, PADDING, bias=layer.bias is not None)
        self.load_state_dict(layer.state_dict())


class _Losses(nn.Module):
    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.detector.losses(images)


def vmapped(detectors: Sequence[Autoencoder]) -> Autoencoder:
    """Return the first detector with the parameters and buffers of all, each (K, ...), and torch's vmap over them.

    Also for `alpa`, whose distorter turns its gradients round as ever, while it steps at every step.
    """
    one = copy.deepcopy(detectors[0])
    one.decoder.head = PlainDoubling(one.decoder.head).to(one.calibration.device)
    inner, whole = _Losses(one), copy.deepcopy(detectors[0])
    _fill(whole, detectors, torch.stack)
    state = {f"detector.{name}": tensor for name, tensor in [*whole.named_parameters(), *whole.named_buffers()]}
    of_each = vmap(lambda state, images: functional_call(inner, state, (images,)))
    whole.losses = lambda images: of_each(state, images)
    whole.total = lambda losses: one.total(losses).sum()
    whole.parted = torch.unbind
    return whole


def hand_back(joint: Detector, detectors: Sequence[Detector]) -> None:
    """Give each detector what the joint one has learned for it."""
    parts = {name: joint.parted(tensor) for name, tensor in joint.state_dict().items()}
    for place, detector in enumerate(detectors):
        detector.load_state_dict({name: tensors[place] for name, tensors in parts.items()})


def _fill(whole: nn.Module, detectors: Sequence[Detector], joined: Callable[[list[Tensor]], Tensor]) -> None:
    """Replace the module's tensors by those of all detectors, joined."""
    sources = [dict([*detector.named_parameters(), *detector.named_buffers()]) for detector in detectors]
    for name, tensor in [*whole.named_parameters(), *whole.named_buffers()]:
        tensor.data = joined([source[name].data for source in sources])
