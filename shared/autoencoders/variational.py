"""The variational autoencoder (Kingma and Welling 2014)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from shared.autoencoders.base import activation
from shared.autoencoders.dense import Dense


class Posterior(NamedTuple):
    """Mean and log-variance (B, D) of the code's normal distribution."""

    mean: Tensor
    log_variance: Tensor


class Variational(Dense):
    """A dense autoencoder whose encoder gives a distribution.

    ``encode`` is its mean, so serving is deterministic; ``forward`` while training draws one
    sample by reparameterisation.
    """

    def __init__(
        self,
        shape: Sequence[int],
        code_dim: int,
        hidden_dims: Sequence[int] = (),
        *,
        hidden_activation: str = "silu",
        output_activation: str = "identity",
    ) -> None:
        super().__init__(
            shape,
            code_dim,
            hidden_dims,
            hidden_activation=hidden_activation,
            output_activation=output_activation,
        )
        n_last = hidden_dims[-1] if hidden_dims else self.n_inputs
        self.log_variance = nn.Linear(n_last, code_dim)
        self.between = activation(hidden_activation)

    def posterior(self, x: Tensor) -> Posterior:
        """What is known of the codes of x (B, *shape)."""
        h = self._flat(x)
        for layer in self.encoder[:-1]:
            h = self.between(layer(h))
        # unbounded, exp overflows in the first steps of a hot start
        return Posterior(self.encoder[-1](h), self.log_variance(h).clamp(-12, 6))

    def sample(self, posterior: Posterior) -> Tensor:
        """One code (B, D) for each example; the gradient reaches mean and log-variance."""
        deviation = (0.5 * posterior.log_variance).exp()
        return posterior.mean + deviation * torch.randn_like(deviation)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.sample(self.posterior(x)) if self.training else self.encode(x))
