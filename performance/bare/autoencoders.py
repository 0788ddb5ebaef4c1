"""The bare loop over the networks of `autoencoder`, `denoising` and `alpa`: the least that trains them."""

import torch
from torch.nn import functional as F


def loss_of(detector, batch):
    latent = detector.norm(detector.encoder(batch)[0].float())
    if detector.key == "autoencoder":
        return F.mse_loss(detector.decoder(latent).float(), batch)
    some, length = len(batch) // 2, detector.config.strength * latent.shape[1] ** 0.5
    away = torch.randn_like(latent[:some]) if detector.key == "denoising" else detector.distorter(batch[:some])[0]
    both = torch.cat([latent, latent[:some] + length * F.normalize(away.float())])
    clean, perturbed = detector.decoder(both, len(latent)).float().split([len(latent), some])
    return F.mse_loss(clean, batch) + F.mse_loss(perturbed, batch[:some])


def train(detector, images, steps, size, bf16):
    optimiser = torch.optim.AdamW(detector.parameters(), lr=2e-3, fused=True)
    for _ in range(steps):
        batch = images[torch.randint(len(images), (size,), device=images.device)].float() / 255
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16):
            loss = loss_of(detector, batch.contiguous(memory_format=torch.channels_last))
        optimiser.zero_grad()
        loss.backward()
        for parameter in detector.distorter.parameters() if detector.key == "alpa" else ():
            parameter.grad.neg_()
        optimiser.step()
