"""From errors to alarms. What an error is belongs to the caller; larger = odder."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Threshold(NamedTuple):
    """An error above ``value`` is an alarm; ``rate`` of clean examples were to be above it."""

    value: float
    rate: float

    def is_odd(self, errors: Tensor) -> Tensor:
        """True (n,) where an error is above the threshold."""
        return errors > self.value


def fit_threshold(clean: Tensor, rate: float = 0.05) -> Threshold:
    """The threshold that at most ``rate`` of new clean errors exceed, from n clean ones (n,).

    It is the order statistic of rank ceil((n + 1)(1 − rate)), which keeps the promise on average
    for any distribution (Vovk 2005). Raises ValueError if n is too small for the rate (n + 1
    must be at least 1 / rate), and for errors that are not finite.
    """
    if not 0 < rate < 1:
        raise ValueError(f"the false-alarm rate must lie in (0, 1), got {rate:g}")
    clean = clean.flatten().double()
    if not bool(torch.isfinite(clean).all()):
        raise ValueError("clean errors hold values that are not finite")
    rank = math.ceil((len(clean) + 1) * (1 - rate) - 1e-9)
    if rank > len(clean):
        raise ValueError(
            f"a false-alarm rate of {rate:g} needs at least {math.ceil(1 / rate) - 1} clean "
            f"examples, got {len(clean)}; give more, or a larger rate"
        )
    return Threshold(float(clean.sort().values[rank - 1]), rate)


def auroc(clean: Tensor, odd: Tensor) -> float:
    """Probability that an odd example has the larger error; ties count half. 0.5 is chance."""
    if not len(clean) or not len(odd):
        raise ValueError("AUROC needs at least one clean and one odd example")
    every = torch.cat([clean, odd]).double()
    _values, inverse, counts = every.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0) - (counts - 1) / 2)[inverse]
    total = ranks[len(clean) :].sum() - len(odd) * (len(odd) + 1) / 2
    return float(total / (len(clean) * len(odd)))


class Normality:
    """Mahalanobis error of features (n, D) under a Gaussian with a shrunken covariance.

    The linear-Gaussian limit of reconstruction error: each principal direction counts by how
    seldom clean examples go there. ``shrinkage`` of the variance is spread over all directions.
    """

    def __init__(self, mean: Tensor, precision: Tensor) -> None:
        self.mean, self.precision = mean.double(), precision.double()

    @classmethod
    def fit(cls, clean: Tensor, shrinkage: float = 0.1) -> "Normality":
        """Fitted to clean features (n, D), n at least 2."""
        if clean.ndim != 2 or len(clean) < 2:
            raise ValueError(f"features must be (n, D) with n of at least 2, got {clean.shape}")
        x = clean.double()
        centred = x - x.mean(0)
        covariance = centred.T @ centred / (len(x) - 1)
        spread = covariance.diagonal().mean().clamp_min(1e-9)
        eye = torch.eye(x.shape[1], dtype=x.dtype)
        shrunk = (1 - shrinkage) * covariance + shrinkage * spread * eye
        return cls(x.mean(0), torch.linalg.inv(shrunk))

    def error(self, features: Tensor) -> Tensor:
        """Squared distance over D (n,) of features (n, D): about 1 for clean ones."""
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(f"features must be (n, {len(self.mean)}), got {tuple(features.shape)}")
        d = features.double() - self.mean
        return ((d @ self.precision) * d).sum(1).float() / len(self.mean)
