"""Figures that compare two arrays: likeness, error rates, pitch, spectral distance, intervals.

Pure numpy on what the judges heard (`vc.judges`); nothing here opens a file or knows a model.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MINIMUM_SHARED_FRAMES = 10  # below this a correlation of pitch says nothing


class Interval(NamedTuple):
    """A mean with the ends of its confidence interval, and over how many values."""

    mean: float
    low: float
    high: float
    n: int


# ---- likeness of vectors ----


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between vectors a (E,) and b (E,), in [-1, 1].

    0.0 if either is all zeros: the judge heard no speech, which is like nobody.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"vectors must be one-dimensional and equally long: {a.shape}, {b.shape}")
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.clip(a @ b / norms, -1.0, 1.0)) if norms > 0 else 0.0


def mean_direction(vectors: Sequence[np.ndarray]) -> np.ndarray:
    """Unit vector (E,) along the mean of the unit vectors; zeros (no speech) are left out."""
    if len(vectors) == 0:
        raise ValueError("mean_direction needs at least one vector")
    stacked = np.stack([np.asarray(v, dtype=np.float64) for v in vectors])
    norms = np.linalg.norm(stacked, axis=1, keepdims=True)
    total = np.divide(stacked, norms, out=np.zeros_like(stacked), where=norms > 0).sum(axis=0)
    length = np.linalg.norm(total)
    return total / length if length > 0 else total


# ---- error rates ----


def edit_distance(reference: Sequence, hypothesis: Sequence) -> int:
    """Least number of insertions, deletions and substitutions from one to the other."""
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, heard in enumerate(hypothesis, start=1):
            substituted = diagonal + (wanted != heard)
            diagonal, row[j] = row[j], min(substituted, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def normalise_text(text: str) -> str:
    """Lower-case words of letters, digits and apostrophes with single spaces between."""
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.lower())
    return " ".join(kept.split())


def character_error_rate(reference: str, hypothesis: str) -> float:
    """Edits per character of the reference, spaces counted; may exceed 1.

    NaN if the reference is empty: nothing was said, so nothing can be mistaken.
    """
    reference, hypothesis = normalise_text(reference), normalise_text(hypothesis)
    return edit_distance(reference, hypothesis) / len(reference) if reference else float("nan")


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Edits per word of the reference; may exceed 1. NaN if the reference is empty."""
    wanted, heard = normalise_text(reference).split(), normalise_text(hypothesis).split()
    return edit_distance(wanted, heard) / len(wanted) if wanted else float("nan")


# ---- pitch ----


def semitones(f0: np.ndarray) -> np.ndarray:
    """Voiced frames (> 0 Hz) of f0 (T,), in semitones above 1 Hz; shorter than T."""
    f0 = np.asarray(f0, dtype=np.float64)
    return 12.0 * np.log2(f0[f0 > 0])


def f0_median_error(f0: np.ndarray, target_f0: np.ndarray) -> float:
    """Distance in semitones between the medians of two F0 tracks (T,) in Hz, 0 = unvoiced.

    The tracks may be of different lengths. NaN if either has no voiced frame.
    """
    ours, theirs = semitones(f0), semitones(target_f0)
    if len(ours) == 0 or len(theirs) == 0:
        return float("nan")
    return float(abs(np.median(ours) - np.median(theirs)))


def f0_correlation(f0: np.ndarray, source_f0: np.ndarray) -> float:
    """Correlation of log-F0 over the frames voiced in both tracks (T,), in [-1, 1].

    The tracks start together and the longer one is cut. 0.0 where one melody is flat, NaN where
    fewer than ten frames are voiced in both.
    """
    n = min(len(f0), len(source_f0))
    a, b = np.asarray(f0[:n], dtype=np.float64), np.asarray(source_f0[:n], dtype=np.float64)
    voiced = (a > 0) & (b > 0)
    if voiced.sum() < MINIMUM_SHARED_FRAMES:
        return float("nan")
    a, b = np.log(a[voiced]), np.log(b[voiced])
    a, b = a - a.mean(), b - b.mean()
    spread = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.clip(a @ b / spread, -1.0, 1.0)) if spread > 1e-9 else 0.0


# ---- spectral distance ----


def warping_path(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices (P,), (P,) of the cheapest monotonic path through cost (T1, T2), ends included.

    Dynamic time warping with steps of one frame in either or both directions (Sakoe & Chiba,
    1978, without slope weights), computed one anti-diagonal at a time.
    """
    n, m = cost.shape
    if n == 0 or m == 0:
        raise ValueError(f"cannot align an empty sequence: cost has shape {cost.shape}")
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0.0
    for d in range(n + m - 1):
        i = np.arange(max(0, d - m + 1), min(n, d + 1))
        j = d - i
        before = np.minimum(total[i, j], np.minimum(total[i, j + 1], total[i + 1, j]))
        total[i + 1, j + 1] = cost[i, j] + before
    i, j, path = n, m, []
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        steps = ((i - 1, j - 1), (i - 1, j), (i, j - 1))
        i, j = min(steps, key=lambda step: total[step])
    rows, columns = np.array(path[::-1]).T
    return rows, columns


def mel_cepstral_distortion(cepstra: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance in dB between mel cepstra (D, T1) and (D, T2) after time warping.

    (10 / ln 10) sqrt(2 sum_d (c_d - c'_d)^2), averaged along the path (Kubichek 1993), for the
    coefficients c_1 .. c_D of the log amplitude; c_0, the level, must have been left out.
    NaN if either is empty.
    """
    if cepstra.shape[0] != truth.shape[0]:
        raise ValueError(f"cepstra differ in order: {cepstra.shape[0]} and {truth.shape[0]}")
    if cepstra.shape[1] == 0 or truth.shape[1] == 0:
        return float("nan")
    a, b = cepstra.astype(np.float64), truth.astype(np.float64)
    squares = (a**2).sum(0)[:, None] + (b**2).sum(0)[None, :] - 2.0 * a.T @ b
    distance = np.sqrt(2.0 * np.maximum(squares, 0.0)) * 10.0 / np.log(10.0)
    return float(distance[warping_path(distance)].mean())


# ---- intervals ----


def bootstrap_interval(
    values: Sequence[float], level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> Interval:
    """Mean of the values with its percentile bootstrap interval (Efron 1979); NaN are left out.

    All NaN, with n = 0, if no value is left. The same values give the same interval.
    """
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[~np.isnan(kept)]
    if len(kept) == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    draws = np.random.default_rng(seed).integers(len(kept), size=(n_resamples, len(kept)))
    tails = [50.0 * (1.0 - level), 50.0 * (1.0 + level)]
    low, high = np.percentile(kept[draws].mean(axis=1), tails)
    return Interval(float(kept.mean()), float(low), float(high), len(kept))
