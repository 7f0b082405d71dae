"""Fully connected autoencoders: linear, deep, tied."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shared.autoencoders.base import Autoencoder, activation


class Dense(Autoencoder):
    """Dense layers down through ``hidden_dims`` to the code, and the same way up.

    Without hidden layers and with identities it is the linear autoencoder. With ``tied`` the
    decoder's weights *are* the encoder's, transposed; only its biases are its own.
    """

    def __init__(
        self,
        shape: Sequence[int],
        code_dim: int,
        hidden_dims: Sequence[int] = (),
        *,
        hidden_activation: str = "silu",
        code_activation: str = "identity",
        output_activation: str = "identity",
        tied: bool = False,
    ) -> None:
        super().__init__(shape, code_dim)
        dims = [self.n_inputs, *hidden_dims, code_dim]
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(dims))
        self.tied = tied
        if tied:
            self.decoder_biases = nn.ParameterList(torch.zeros(n) for n in reversed(dims[:-1]))
        else:
            up = dims[::-1]
            self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(up))
        self.hidden_activation = activation(hidden_activation)
        self.code_activation = activation(code_activation)
        self.output_activation = activation(output_activation)

    def encode(self, x: Tensor) -> Tensor:
        """Code (B, D) of x (B, *shape)."""
        h = self._flat(x)
        for layer in self.encoder[:-1]:
            h = self.hidden_activation(layer(h))
        return self.code_activation(self.encoder[-1](h))

    def decode(self, code: Tensor) -> Tensor:
        """x_hat (B, *shape) of a code (B, D)."""
        h = self._check_code(code)
        weights = self.decoder_weights()
        for i, (weight, bias) in enumerate(weights):
            h = F.linear(h, weight, bias)
            is_last = i == len(weights) - 1
            h = self.output_activation(h) if is_last else self.hidden_activation(h)
        return h.unflatten(1, self.shape)

    def decoder_weights(self) -> list[tuple[Tensor, Tensor]]:
        """(weight (n_out, n_in), bias (n_out,)) of the decoder's layers, from the code upwards."""
        if self.tied:
            layers = reversed(self.encoder)
            biases = self.decoder_biases
            return [(layer.weight.T, b) for layer, b in zip(layers, biases, strict=True)]
        return [(layer.weight, layer.bias) for layer in self.decoder]

    @property
    def is_one_sigmoid_layer(self) -> bool:
        """Whether the contractive penalty has its analytic form."""
        return len(self.encoder) == 1 and isinstance(self.code_activation, nn.Sigmoid)
