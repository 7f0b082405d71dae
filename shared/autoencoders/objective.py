"""What a recipe minimises: reconstruction of the clean input, and a penalty on the code."""

import torch
from torch import Tensor

from shared.autoencoders.base import Autoencoder
from shared.autoencoders.dense import Dense
from shared.autoencoders.sparse_coding import SparseCoding
from shared.autoencoders.variational import Variational
from shared.corruption import corruption
from shared.penalties import (
    contractive,
    contractive_sigmoid,
    kl_normal,
    kl_sparsity,
    l1,
    l2,
    reconstruction_error,
)

PENALTIES = ("none", "kl_sparsity", "l1", "l2", "contractive", "kl_normal")


class Objective:
    """Losses of a network by name, each a mean over the batch; "loss" is their weighted sum.

    Raises ValueError for an unknown corruption or penalty, and where the penalty does not fit
    the network.
    """

    def __init__(
        self,
        network: Autoencoder,
        *,
        corruption_kind: str = "none",
        corruption_level: float = 0.0,
        penalty: str = "none",
        penalty_weight: float = 0.0,
        sparsity_target: float = 0.05,
    ) -> None:
        if penalty not in PENALTIES:
            raise ValueError(f"penalty must be one of {', '.join(PENALTIES)}, got {penalty!r}")
        if (penalty == "kl_normal") != isinstance(network, Variational):
            raise ValueError("the penalty kl_normal and the variational network need each other")
        self.network, self.penalty, self.weight = network, penalty, penalty_weight
        self.sparsity_target = sparsity_target
        self.corrupt = corruption(corruption_kind, corruption_level)

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        """Losses of a batch x (B, *shape) in training: corrupted in, clean out."""
        seen = self.corrupt(x)
        if self.penalty == "none":
            return _summed(reconstruction_error(self.network(seen), x).mean())
        if isinstance(self.network, Variational):
            posterior = self.network.posterior(seen)
            x_hat = self.network.decode(self.network.sample(posterior))
            penalty = kl_normal(*posterior)
        else:
            x_hat = self.network(seen)
            penalty = self._penalty(seen)
        error = reconstruction_error(x_hat, x).mean()
        return _summed(error, self.penalty, penalty.mean(), self.weight)

    def _penalty(self, x: Tensor) -> Tensor:
        if self.penalty == "contractive":
            network = self.network
            if isinstance(network, Dense) and network.is_one_sigmoid_layer:
                return contractive_sigmoid(network.encode(x), network.encoder[0].weight)
            return contractive(network.encode, x)
        code = self.network.encode(x)
        if self.penalty == "kl_sparsity":
            return kl_sparsity(code, self.sparsity_target)
        return {"l1": l1, "l2": l2}[self.penalty](code)

    def after_step(self) -> None:
        """What the network's constraints ask for after each step of the optimiser."""
        if isinstance(self.network, SparseCoding):
            self.network.normalise()


def _summed(
    error: Tensor, name: str = "", penalty: Tensor | None = None, weight: float = 0.0
) -> dict[str, Tensor]:
    if penalty is None:
        return {"loss": error, "reconstruction": error.detach()}
    loss = error + weight * penalty
    return {"loss": loss, "reconstruction": error.detach(), name: torch.Tensor.detach(penalty)}
