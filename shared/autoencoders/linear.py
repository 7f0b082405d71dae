"""Principal components in closed form: what every other member of the family has to beat."""

from collections.abc import Sequence

import torch
from torch import Tensor

from shared.autoencoders.base import Autoencoder


class PCA(Autoencoder):
    """Projection on the ``code_dim`` directions of largest variance; fitted, not trained."""

    def __init__(self, shape: Sequence[int], code_dim: int) -> None:
        super().__init__(shape, code_dim)
        if code_dim > self.n_inputs:
            raise ValueError(f"PCA of {self.n_inputs} inputs has no {code_dim} components")
        self.register_buffer("mean", torch.zeros(self.n_inputs))
        self.register_buffer("components", torch.eye(self.n_inputs)[:code_dim])

    @torch.no_grad()
    def fit(self, x: Tensor) -> "PCA":
        """Itself, fitted to x (n, *shape) by SVD of the centred examples.

        The largest entry of each component is positive, so that two fits agree in sign. Raises
        ValueError for fewer examples than components.
        """
        flat = self._flat(x).double()
        if len(flat) < self.code_dim:
            raise ValueError(
                f"PCA with {self.code_dim} dimensions needs at least as many examples, "
                f"got {len(flat)}; give more examples or fewer dimensions"
            )
        mean = flat.mean(0)
        rows = torch.linalg.svd(flat - mean, full_matrices=False).Vh[: self.code_dim]
        largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
        self.mean.copy_(mean)
        self.components.copy_(rows * largest.sign())
        return self

    def encode(self, x: Tensor) -> Tensor:
        """Coordinates (B, D) on the components, around the mean."""
        return (self._flat(x) - self.mean) @ self.components.T

    def decode(self, code: Tensor) -> Tensor:
        """The point (B, *shape) of the subspace."""
        return (self._check_code(code) @ self.components + self.mean).unflatten(1, self.shape)


def principal_angles(a: Tensor, b: Tensor) -> Tensor:
    """Angles in degrees between the subspaces spanned by the columns of a and b (n, D).

    Ascending (D,); Björck and Golub 1973.
    """
    bases = [torch.linalg.qr(m.detach().double()).Q for m in (a, b)]
    cosines = torch.linalg.svdvals(bases[0].T @ bases[1]).clamp(0, 1)
    return torch.rad2deg(torch.acos(cosines))
