"""Greedy layer-wise pre-training (Bengio et al. 2007; denoising: Vincent et al. 2010)."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shared.autoencoders.base import activation
from shared.autoencoders.dense import Dense


def pretrain(
    network: Dense,
    x: Tensor,
    *,
    n_steps: int,
    corrupt: Callable[[Tensor], Tensor] = lambda x: x,
    learning_rate: float = 2e-3,
    batch_size: int = 128,
) -> list[float]:
    """The last error of each layer; ``network`` now starts from layers trained one by one.

    Layer i with its mirror image in the decoder is a shallow autoencoder of what the layers below
    make of x (n, *shape); ``corrupt`` disturbs its input, the target stays clean. ``n_steps``
    are per layer.
    """
    h = x.flatten(1)
    errors = []
    for i, layer in enumerate(network.encoder):
        is_code = i == len(network.encoder) - 1
        up = network.code_activation if is_code else network.hidden_activation
        down = network.output_activation if i == 0 else network.hidden_activation
        errors.append(
            _train_layer(network, i, h, up, down, corrupt, n_steps, learning_rate, batch_size)
        )
        with torch.no_grad():
            h = up(layer(h))
    return errors


def _train_layer(
    network: Dense,
    i: int,
    h: Tensor,
    up: nn.Module,
    down: nn.Module,
    corrupt: Callable[[Tensor], Tensor],
    n_steps: int,
    learning_rate: float,
    batch_size: int,
) -> float:
    layer, level = network.encoder[i], len(network.encoder) - 1 - i
    own = [network.decoder_biases[level]] if network.tied else network.decoder[level].parameters()
    optimiser = torch.optim.Adam([*layer.parameters(), *own], lr=learning_rate, fused=True)
    error = torch.zeros(())
    for _ in range(n_steps):
        batch = h[torch.randint(len(h), (min(batch_size, len(h)),), device=h.device)]
        weight, bias = network.decoder_weights()[level]
        rebuilt = down(F.linear(up(layer(corrupt(batch))), weight, bias))
        error = (rebuilt - batch).square().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
    return float(error.detach())


class Classifier(nn.Module):
    """Class logits (B, n_classes) of x (B, *shape): dense layers, as 784-1000-1000-500-10.

    ``start_from`` copies the layers of a trained encoder of the same widths, the last of which is
    its code.
    """

    def __init__(
        self,
        n_inputs: int,
        hidden_dims: Sequence[int],
        n_classes: int,
        *,
        hidden_activation: str = "silu",
    ) -> None:
        super().__init__()
        dims = [n_inputs, *hidden_dims]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(dims))
        self.head = nn.Linear(dims[-1], n_classes)
        self.hidden_activation = activation(hidden_activation)

    @torch.no_grad()
    def start_from(self, network: Dense) -> "Classifier":
        """Itself, with the encoder's layers; raises ValueError where widths differ."""
        if [x.weight.shape for x in self.layers] != [x.weight.shape for x in network.encoder]:
            raise ValueError("the classifier's hidden layers must have the encoder's widths")
        for own, trained in zip(self.layers, network.encoder, strict=True):
            own.load_state_dict(trained.state_dict())
        return self

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        for layer in self.layers:
            h = self.hidden_activation(layer(h))
        return self.head(h)
