"""Sparse coding: an overcomplete dictionary with unit-norm atoms (Olshausen and Field 1996)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shared.autoencoders.base import Autoencoder


class SparseCoding(Autoencoder):
    """x ≈ code @ atoms; the code minimises ½‖x − x_hat‖² + ``l1_weight``·‖code‖₁ by ISTA.

    Encoding is an optimisation (Daubechies et al. 2004), not a network: ``n_iterations``
    steps of a fixed length. No gradient passes through it; ``decode`` trains the atoms.
    """

    def __init__(
        self,
        shape: Sequence[int],
        code_dim: int,
        *,
        l1_weight: float = 0.1,
        n_iterations: int = 50,
    ) -> None:
        super().__init__(shape, code_dim)
        if l1_weight < 0 or n_iterations < 1:
            raise ValueError("l1_weight must not be below 0, n_iterations not below 1")
        self.l1_weight, self.n_iterations = l1_weight, n_iterations
        self.atoms = nn.Parameter(torch.randn(code_dim, self.n_inputs))
        self.register_buffer("mean", torch.zeros(self.n_inputs))
        self.normalise()

    @torch.no_grad()
    def normalise(self) -> None:
        """Bring every atom back to length 1; call it after each step of an optimiser."""
        self.atoms /= self.atoms.norm(dim=1, keepdim=True).clamp_min(1e-12)

    @torch.no_grad()
    def fit_mean(self, x: Tensor) -> None:
        """Take the mean of x (n, *shape) as what a code of zeros decodes to."""
        self.mean.copy_(self._flat(x).mean(0))

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Code (B, D), mostly zeros."""
        return self.ista(x)[0]

    @torch.no_grad()
    def ista(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Code (B, D) and the objective of each example after each iteration (n + 1, B)."""
        target = self._flat(x) - self.mean
        # 1 / L with L the largest eigenvalue of the Gram matrix: the objective never rises
        step = 1 / torch.linalg.matrix_norm(self.atoms, 2).square().clamp_min(1e-12)
        code = target.new_zeros(len(target), self.code_dim)
        history = [self.objective(code, target)]
        for _ in range(self.n_iterations):
            moved = code + step * ((target - code @ self.atoms) @ self.atoms.T)
            code = moved.sign() * (moved.abs() - step * self.l1_weight).clamp_min(0)
            history.append(self.objective(code, target))
        return code, torch.stack(history)

    def objective(self, code: Tensor, target: Tensor) -> Tensor:
        """½‖target − code @ atoms‖² + l1_weight·‖code‖₁ (B,); ``target`` is x less the mean."""
        error = 0.5 * (target - code @ self.atoms).square().sum(1)
        return error + self.l1_weight * code.abs().sum(1)

    def decode(self, code: Tensor) -> Tensor:
        """x_hat (B, *shape) of a code (B, D)."""
        return (self._check_code(code) @ self.atoms + self.mean).unflatten(1, self.shape)
