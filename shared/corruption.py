"""What a denoising autoencoder has to undo (Vincent et al. 2010, section 3.3).

Each takes x of any shape and gives back a new tensor of the same shape; the target stays x.
"""

from collections.abc import Callable

import torch
from torch import Tensor

KINDS = ("none", "masking", "gaussian", "salt_and_pepper")


def mask(x: Tensor, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """x with each element set to 0 with probability ``rate``; at rate 0, x itself."""
    _check_rate(rate)
    return x * (_uniform(x, generator) >= rate)


def add_gaussian(x: Tensor, sigma: float, generator: torch.Generator | None = None) -> Tensor:
    """x plus white noise of deviation ``sigma``, in the units of x; not clipped."""
    if sigma < 0:
        raise ValueError(f"sigma must not be below 0, got {sigma:g}")
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return x + sigma * noise


def salt_and_pepper(x: Tensor, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """x with each element replaced with probability ``rate``: by 0 or 1, equally often."""
    _check_rate(rate)
    draw = _uniform(x, generator)
    salted = torch.where(draw < rate / 2, torch.zeros_like(x), x)
    return torch.where((draw >= rate / 2) & (draw < rate), torch.ones_like(x), salted)


def corruption(
    kind: str, level: float, generator: torch.Generator | None = None
) -> Callable[[Tensor], Tensor]:
    """The function x -> corrupted x; ``level`` is a rate in [0, 1], for "gaussian" a deviation.

    Raises ValueError for a kind that is not in KINDS and a level that is out of its range.
    """
    table = {"masking": mask, "gaussian": add_gaussian, "salt_and_pepper": salt_and_pepper}
    if kind == "none":
        return lambda x: x
    if kind not in table:
        raise ValueError(f"corruption must be one of {', '.join(KINDS)}, got {kind!r}")
    table[kind](torch.zeros(1), level)  # a wrong level shows here rather than in the first step
    return lambda x: table[kind](x, level, generator)


def _uniform(x: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def _check_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be between 0 and 1, got {rate:g}")
