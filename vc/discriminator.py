"""The critic of the adversarial stage: is this stretch of mel real, and is it this voice's?"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MelDiscriminator(nn.Module):
    """Scores of patches of mels (B, M, T) for a voice (B, E), and the features they stand on.

    Patches of bands and frames (PatchGAN, Isola et al. 2017), every layer at half the resolution
    of the one before, which keeps a step cheap. A second input channel says how high a patch lies,
    since formants are judged otherwise than hiss. The voice enters by projection (Miyato & Koyama
    2018), so that real speech of the wrong voice is told from the right one.
    """

    def __init__(self, speaker_dim: int, width: int = 32, n_layers: int = 4) -> None:
        super().__init__()
        sizes = [2] + [min(width * 2**i, 128) for i in range(n_layers)]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 5, stride=2, padding=2) for a, b in itertools.pairwise(sizes)
        )
        self.head = nn.Conv2d(sizes[-1], 1, 3, padding=1)
        self.project = nn.Linear(speaker_dim, sizes[-1])

    def forward(self, mel: Tensor, speaker: Tensor) -> tuple[Tensor, list[Tensor]]:
        """``mel`` in deviations from the voice's mean spectrum. Returns scores (B, m, t) and the
        list of layer features (B, C, m', t')."""
        height = torch.linspace(-1, 1, mel.shape[1], device=mel.device, dtype=mel.dtype)
        x, features = torch.stack([mel, height[None, :, None].expand_as(mel)], 1), []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            features.append(x)
        match = torch.einsum("bcmt,bc->bmt", x.float(), self.project(speaker).float())
        return self.head(x).squeeze(1).float() + match / x.shape[1] ** 0.5, features
