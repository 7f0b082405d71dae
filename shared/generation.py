"""New codes: a prior fitted to codes, samples of it, ways between codes, and grids."""

from collections.abc import Mapping

import torch
from torch import Tensor


class GaussianPrior:
    """A normal distribution over codes, kept as mean (D,) and principal axes.

    ``axes`` (r, D) have unit length, ``deviations`` (r,) is the spread along each; directions that
    the codes never went are left out, so it can be fitted to fewer codes than dimensions.
    """

    def __init__(self, mean: Tensor, axes: Tensor, deviations: Tensor) -> None:
        self.mean, self.axes, self.deviations = mean, axes, deviations

    @classmethod
    def fit(cls, codes: Tensor, n_axes: int | None = None) -> "GaussianPrior":
        """Fitted to codes (n, D); ``n_axes`` at most (default: all that vary)."""
        codes = _checked(codes)
        mean = codes.mean(0)
        _, spread, axes = torch.linalg.svd(codes - mean, full_matrices=False)
        deviations = spread / max(1, len(codes) - 1) ** 0.5
        kept = int((deviations > 1e-6 * deviations.max().clamp_min(1e-12)).sum())
        kept = min(kept, n_axes or kept)
        return cls(mean.float(), axes[:kept].float(), deviations[:kept].float())

    def sample(
        self, n: int, *, spread: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """n codes (n, D); ``spread`` scales the deviations: below 1 stays near the mean."""
        noise = torch.randn(n, len(self.deviations), generator=generator)
        return self.mean + spread * (noise * self.deviations) @ self.axes

    def coordinates(self, codes: Tensor) -> Tensor:
        """Codes (n, D) along the axes, in deviations (n, r): standard normal for typical ones."""
        return (codes - self.mean) @ self.axes.T / self.deviations.clamp_min(1e-12)

    def from_coordinates(self, coordinates: Tensor) -> Tensor:
        """The inverse of `coordinates`, up to what lies off the axes."""
        return self.mean + (coordinates * self.deviations) @ self.axes

    def state(self) -> dict[str, Tensor]:
        """What `from_state` needs."""
        return {"mean": self.mean, "axes": self.axes, "deviations": self.deviations}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "GaussianPrior":
        """The prior whose `state` this is."""
        return cls(state["mean"], state["axes"], state["deviations"])


class MixturePrior:
    """A mixture of normal distributions with diagonal covariances, fitted by EM."""

    def __init__(self, shares: Tensor, means: Tensor, deviations: Tensor) -> None:
        self.shares, self.means, self.deviations = shares, means, deviations

    @classmethod
    def fit(
        cls,
        codes: Tensor,
        n_components: int,
        *,
        n_iterations: int = 50,
        generator: torch.Generator | None = None,
    ) -> "MixturePrior":
        """Fitted to codes (n, D), n of at least ``n_components``."""
        codes = _checked(codes)
        if not 1 <= n_components <= len(codes):
            raise ValueError(
                f"n_components must be between 1 and the number of codes, {len(codes)}, "
                f"got {n_components}"
            )
        floor = 1e-3 * codes.std(0, correction=0).clamp_min(1e-6)
        first = torch.randperm(len(codes), generator=generator)[:n_components]
        means = codes[first].clone()
        deviations = codes.std(0, correction=0).clamp_min(1e-6).expand_as(means).clone()
        shares = torch.full((n_components,), 1 / n_components, dtype=codes.dtype)
        for _ in range(n_iterations):
            belongs = cls(shares, means, deviations)._log_joint(codes).softmax(1)
            weight = belongs.sum(0).clamp_min(1e-9)
            means = belongs.T @ codes / weight[:, None]
            variance = belongs.T @ codes.square() / weight[:, None] - means.square()
            deviations = torch.maximum(variance.clamp_min(0).sqrt(), floor)
            shares = weight / weight.sum()
        return cls(shares.float(), means.float(), deviations.float())

    def state(self) -> dict[str, Tensor]:
        """What `from_state` needs."""
        return {"shares": self.shares, "means": self.means, "deviations": self.deviations}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "MixturePrior":
        """The mixture whose `state` this is."""
        return cls(state["shares"], state["means"], state["deviations"])

    def log_probability(self, codes: Tensor) -> Tensor:
        """Log density (n,) of codes (n, D), in nats."""
        return self._log_joint(codes).logsumexp(1)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n codes (n, D)."""
        which = torch.multinomial(self.shares, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator)
        return self.means[which] + noise * self.deviations[which]

    def _log_joint(self, codes: Tensor) -> Tensor:
        normal = torch.distributions.Normal(self.means, self.deviations)
        return normal.log_prob(codes[:, None]).sum(2) + self.shares.log()


def interpolate(start: Tensor, end: Tensor, n_steps: int) -> Tensor:
    """Codes (n_steps, D) on the straight line from start to end (D,), both included."""
    if n_steps < 2:
        raise ValueError(f"n_steps must be at least 2, got {n_steps}")
    way = torch.linspace(0, 1, n_steps)[:, None]
    return torch.lerp(start.expand(n_steps, -1), end.expand(n_steps, -1), way)


def grid(codes: Tensor, n_side: int) -> Tensor:
    """Codes (n_side², 2) on a square grid over the middle 90 % of 2-dimensional codes (n, 2).

    Row by row, from the top (largest second coordinate) to the bottom.
    """
    if codes.ndim != 2 or codes.shape[1] != 2:
        raise ValueError(f"a grid needs codes (n, 2), got {tuple(codes.shape)}")
    low, high = codes.float().quantile(torch.tensor([0.05, 0.95]), dim=0)
    xs = torch.linspace(float(low[0]), float(high[0]), n_side)
    ys = torch.linspace(float(high[1]), float(low[1]), n_side)
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


def _checked(codes: Tensor) -> Tensor:
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(f"a prior needs codes (n, D), n at least 2, got {tuple(codes.shape)}")
    if not bool(torch.isfinite(codes).all()):
        raise ValueError("codes hold values that are not finite")
    return codes.detach().double().cpu()
