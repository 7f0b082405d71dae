"""The critic of the adversarial stage: is this stretch of mel real, and is it this voice's?"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MelDiscriminator(nn.Module):
    """Scores of stretches of log-mels (B, M, T) for a voice (B, E), and the features they stand on.

    Convolutions over time with the bands as channels: two-dimensional patches (PatchGAN) made a
    training step four times as long on two cores, these about twice. The voice enters by
    projection (Miyato & Koyama 2018), so that real speech of the wrong voice is told from the
    right one.
    """

    def __init__(self, n_mels: int, speaker_dim: int, width: int = 192, n_strided: int = 2) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(n_mels, width, 5, padding=2)])
        for _ in range(n_strided):
            self.convs.append(nn.Conv1d(width, width, 5, stride=2, padding=2))
        self.head = nn.Conv1d(width, 1, 3, padding=1)
        self.project = nn.Linear(speaker_dim, width)

    def forward(self, mel: Tensor, speaker: Tensor) -> tuple[Tensor, list[Tensor]]:
        """``mel`` is normalised. Returns scores (B, t) and the list of layer features."""
        x, features = mel, []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            features.append(x)
        match = torch.einsum("bct,bc->bt", x.float(), self.project(speaker).float())
        return self.head(x).squeeze(1).float() + match / x.shape[1] ** 0.5, features
