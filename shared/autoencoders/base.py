"""What every autoencoder of the family offers."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class Autoencoder(nn.Module):
    """x (B, *shape) -> code (B, D) -> x_hat (B, *shape); ``forward`` is decode after encode.

    ``shape`` is that of one example without the batch, ``code_dim`` is D.
    """

    def __init__(self, shape: Sequence[int], code_dim: int) -> None:
        super().__init__()
        self.shape = tuple(int(n) for n in shape)
        self.n_inputs = math.prod(self.shape)
        self.code_dim = code_dim
        if not self.shape or min(self.shape) < 1 or code_dim < 1:
            raise ValueError(f"shape {self.shape} and code_dim {code_dim} must be positive")

    def encode(self, x: Tensor) -> Tensor:
        """Code (B, D) of x (B, *shape)."""
        raise NotImplementedError

    def decode(self, code: Tensor) -> Tensor:
        """x_hat (B, *shape) of a code (B, D)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def _flat(self, x: Tensor) -> Tensor:
        if x.shape[1:] != self.shape:
            raise ValueError(f"x must be (B, {_text(self.shape)}), got {tuple(x.shape)}")
        return x.flatten(1)

    def _check_code(self, code: Tensor) -> Tensor:
        if code.ndim != 2 or code.shape[1] != self.code_dim:
            raise ValueError(f"code must be (B, {self.code_dim}), got {tuple(code.shape)}")
        return code


def activation(name: str) -> nn.Module:
    """The activation of this name; raises ValueError for one that is not in ACTIVATIONS."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
    return ACTIVATIONS[name]()


def _text(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))
