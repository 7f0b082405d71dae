"""The convolution blocks that all three networks of the voice autoencoder are made of."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelNorm(nn.Module):
    """x (B, C, T) scaled to unit root-mean-square over C, frame by frame (Zhang & Sennrich 2019).

    It looks at one frame only, so a long recording gives the same result in pieces as at once.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-6).to(x.dtype)


class InstanceNorm(nn.Module):
    """x (B, C, T) standardised over T: the textbook way to remove a speaker (Chou et al. 2019).

    Its statistics depend on everything it is given, so chunked results differ slightly.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x)


NORMS = {"channel": ChannelNorm, "instance": InstanceNorm}


def make_norm(name: str) -> nn.Module:
    """A fresh normalisation layer by its name in the configuration."""
    if name not in NORMS:
        raise ValueError(f"norm must be one of {sorted(NORMS)}, got {name!r}")
    return NORMS[name]()


class ConvBlock(nn.Module):
    """x (B, H, T) plus a normalised, optionally conditioned, activated convolution of it."""

    def __init__(
        self, hidden_dim: int, kernel_size: int, *, norm: str = "channel", condition_dim: int = 0
    ) -> None:
        super().__init__()
        self.norm = make_norm(norm)
        self.conv = nn.Conv1d(hidden_dim, hidden_dim, kernel_size, padding=kernel_size // 2)
        self.film = nn.Linear(condition_dim, 2 * hidden_dim) if condition_dim else None
        if self.film is not None:
            nn.init.zeros_(self.film.bias)
            nn.init.normal_(self.film.weight, std=0.02)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        y = self.norm(x)
        if self.film is not None:
            # FiLM (Perez et al. 2018): one scale and shift per channel, constant over time.
            scale, shift = self.film(condition).unsqueeze(-1).chunk(2, dim=1)
            y = y * (1 + scale) + shift
        return x + self.conv(F.gelu(y))
