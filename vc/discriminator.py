"""The critic of the adversarial stage: is this patch of mel real, and is it this voice's?"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MelDiscriminator(nn.Module):
    """Patch scores of log-mels (B, M, T) for a voice (B, E), and the features they stand on.

    Two-dimensional convolutions over bands and frames (Isola et al. 2017, PatchGAN); the voice
    enters by projection (Miyato & Koyama 2018), so that a real patch of the wrong voice is told
    from one of the right voice.
    """

    def __init__(self, n_mels: int, speaker_dim: int, widths: tuple[int, ...] = (32, 64, 128, 192)):
        super().__init__()
        self.convs = nn.ModuleList()
        # The band's position matters: a constant ramp beside the mel tells low from high.
        previous = 2
        for width in widths:
            self.convs.append(nn.Conv2d(previous, width, (5, 5), stride=(2, 2), padding=2))
            previous = width
        self.head = nn.Conv2d(previous, 1, (3, 3), padding=1)
        self.project = nn.Linear(speaker_dim, previous)
        self.register_buffer("ramp", torch.linspace(-1, 1, n_mels)[:, None], persistent=False)

    def forward(self, mel: Tensor, speaker: Tensor) -> tuple[Tensor, list[Tensor]]:
        """``mel`` is normalised. Returns scores (B, m, t) and the list of layer features."""
        ramp = self.ramp.expand(mel.shape[0], -1, mel.shape[2])
        x = torch.stack([mel, ramp], 1)
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            features.append(x)
        match = torch.einsum("bcmt,bc->bmt", x.float(), self.project(speaker).float())
        return self.head(x).squeeze(1).float() + match / x.shape[1] ** 0.5, features
