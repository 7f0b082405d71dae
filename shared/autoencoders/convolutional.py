"""Convolutional autoencoders of images: up by max-unpooling, or by deconvolution."""

import itertools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shared.autoencoders.base import Autoencoder, activation


class Pooled(NamedTuple):
    """Feature maps (B, channels, h, w) and, for each level, where its maxima were."""

    maps: Tensor
    positions: list[Tensor]


class Convolutional(Autoencoder):
    """Images (B, colours, height, width), each level halving them, with a dense code in the middle.

    With ``up="unpool"`` the decoder puts a value where the encoder found its maximum (Zeiler and
    Fergus 2014). Those positions are not in the code: ``forward`` passes the real ones, while
    ``decode(code)`` alone puts each value in the first cell of its window, so the two differ. With
    ``up="deconvolution"`` transposed convolutions fill the windows and the two agree.
    """

    def __init__(
        self,
        shape: Sequence[int],
        code_dim: int,
        channels: Sequence[int] = (16, 32),
        *,
        up: Literal["unpool", "deconvolution"] = "deconvolution",
        hidden_activation: str = "silu",
        output_activation: str = "identity",
    ) -> None:
        super().__init__(shape, code_dim)
        if up not in ("unpool", "deconvolution"):
            raise ValueError(f"up must be unpool or deconvolution, got {up!r}")
        step = 2 ** len(channels)
        if len(self.shape) != 3 or self.shape[1] % step or self.shape[2] % step:
            raise ValueError(
                f"shape must be (colours, height, width), both sides multiples of {step} for "
                f"{len(channels)} levels, got {self.shape}"
            )
        self.up = up
        widths = [self.shape[0], *channels]
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.small = (widths[-1], self.shape[1] // step, self.shape[2] // step)
        n_small = self.small[0] * self.small[1] * self.small[2]
        self.to_code = nn.Linear(n_small, code_dim)
        self.from_code = nn.Linear(code_dim, n_small)
        if up == "unpool":
            self.rise = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in reversed(pairs))
        else:
            self.rise = nn.ModuleList(
                nn.ConvTranspose2d(b, a, 4, stride=2, padding=1) for a, b in reversed(pairs)
            )
        self.hidden_activation = activation(hidden_activation)
        self.output_activation = activation(output_activation)

    def pool(self, x: Tensor) -> Pooled:
        """The smallest maps of x, and the positions of the maxima on the way."""
        self._flat(x)
        positions = []
        for layer in self.down:
            x, where = F.max_pool2d(self.hidden_activation(layer(x)), 2, return_indices=True)
            positions.append(where)
        return Pooled(x, positions)

    def encode(self, x: Tensor) -> Tensor:
        """Code (B, D) of x; the positions of the maxima are not in it."""
        return self.to_code(self.pool(x).maps.flatten(1))

    def decode(self, code: Tensor, positions: Sequence[Tensor] | None = None) -> Tensor:
        """x_hat of a code (B, D); ``positions`` as of `pool`, None: the first cell of a window."""
        h = self.hidden_activation(self.from_code(self._check_code(code)))
        h = h.unflatten(1, self.small)
        for i, layer in enumerate(self.rise):
            if self.up == "unpool":
                where = _first_cells(h) if positions is None else positions[-1 - i]
                h = F.max_unpool2d(h, where, 2)
            h = layer(h)
            is_last = i == len(self.rise) - 1
            h = self.output_activation(h) if is_last else self.hidden_activation(h)
        return h

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(x)
        code = self.to_code(pooled.maps.flatten(1))
        return self.decode(code, pooled.positions if self.up == "unpool" else None)


def _first_cells(h: Tensor) -> Tensor:
    """Indices (B, channels, h, w) of the first cell of each 2 × 2 window in the unpooled map."""
    height, width = h.shape[-2:]
    rows = 2 * torch.arange(height, device=h.device)[:, None] * (2 * width)
    columns = 2 * torch.arange(width, device=h.device)
    return (rows + columns).expand(h.shape).contiguous()
