"""ALPA as two players in two passes, with every decoding on its own and on the whole batch: what `alpa` saves."""

import torch
from torch.nn import functional as F


def latents(detector, batch):
    latent, away = detector.norm(detector.encoder(batch)[0].float()), detector.distorter(batch)[0]
    return latent, latent + detector.config.strength * latent.shape[1] ** 0.5 * F.normalize(away.float())


def train(detector, images, steps, size, bf16):
    own = [parameter for name, parameter in detector.named_parameters() if not name.startswith("distorter")]
    autoencoder = torch.optim.AdamW(own, lr=2e-3, fused=True)
    distorter = torch.optim.AdamW(detector.distorter.parameters(), lr=2e-3, fused=True)
    for _ in range(steps):
        batch = images[torch.randint(len(images), (size,), device=images.device)].float() / 255
        batch = batch.contiguous(memory_format=torch.channels_last)
        for optimiser, sign in ((distorter, -1), (autoencoder, 1)):
            with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16):
                latent, perturbed = latents(detector, batch)
                loss = F.mse_loss(detector.decoder(perturbed).float(), batch)
                if sign > 0:
                    loss = loss + F.mse_loss(detector.decoder(latent).float(), batch)
            optimiser.zero_grad()
            (sign * loss).backward()
            optimiser.step()
