"""The bare loop over the networks of `ganomaly`: the least that trains both players by one forward pass."""

import torch
from torch.nn import functional as F


def losses_of(generator, discriminator, real):
    latent, _ = generator.encoder(real)
    fake = generator.decoder(latent)
    (logit_real, feature_real), (logit_fake, feature_fake) = discriminator(real), discriminator(fake)
    latents = F.mse_loss(generator.second_encoder(fake)[0], latent)
    made = F.mse_loss(feature_fake, feature_real) + 50 * F.l1_loss(fake, real) + latents
    return made, F.softplus(-logit_real).mean() / 2 + F.softplus(logit_fake).mean() / 2


def train(detector, images, steps, size, bf16):
    players = [list(player.parameters()) for player in (detector.generator, detector.discriminator)]
    optimisers = [torch.optim.Adam(player, lr=2e-4, betas=(0.5, 0.999), fused=True) for player in players]
    for _ in range(steps):
        batch = images[torch.randint(len(images), (size,), device=images.device)].float() / 127.5 - 1
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bf16):
            both = losses_of(detector.generator, detector.discriminator, batch.to(memory_format=torch.channels_last))
        for player, loss in zip(players, both, strict=True):
            for parameter, gradient in zip(player, torch.autograd.grad(loss, player, retain_graph=True), strict=True):
                parameter.grad = gradient
        for optimiser in optimisers:
            optimiser.step()
