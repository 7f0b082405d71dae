"""Other speakers' readings of the same words, and which of their frames belong together.

``parallel.safetensors`` in a features folder holds, under "id>other id", for every frame of the
one utterance the frame (int16) of the other in which the same is said.
"""

import hashlib
import math
import random
from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numba import njit
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from vc.encoders import dct_basis

FILE = "parallel.safetensors"
# Goes up whenever the same recordings would be aligned otherwise.
_VERSION = 1
# So many partners per utterance: sixty readers of one text would make 3,660 alignments.
N_PARTNERS = 6
_N_CEPSTRA = 14
# How far from the straight line between both ends an alignment may stray (share of the length).
_BAND, _SHORTEST_BAND = 0.15, 40
# Mean distance of aligned frames above which two recordings do not hold the same words
# (1.03 is typical of the same words by two speakers, 1.21 of others).
LARGEST_DISTANCE = 1.1
_N_TRIED = 15
# A frame that is held costs this much more than a step of both.
_HOLDING = 1.1
_SMOOTHING = 5


def write_alignments(features: str | Path, rows: list[dict]) -> int:
    """Align the training utterances in ``rows`` (of the index) that may hold the same words.

    Candidates share a text, or, where texts are unknown, corpus and file name, or corpus and
    being their speaker's only recording; those whose sounds do not agree are left out, and a whole
    group if most of its first pairs do not. Returns how many utterances have a partner.
    """
    features, rng = Path(features), random.Random(0)
    groups = candidates(rows)
    made_from = {"made_from": _digest(features, groups)}
    if made_from != _made_from(features / FILE):
        save_file(_aligned(features, groups, rng), features / FILE, metadata=made_from)
    return len({mine for mine, _ in read_alignments(features)})


def _aligned(
    features: Path, groups: list[list[tuple[str, str]]], rng: random.Random
) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    @lru_cache(maxsize=64)
    def mel(name: str) -> Tensor:
        with safe_open(features / f"{name}.safetensors", "pt") as file:
            return file.get_tensor("mel")

    for group in groups:
        distances, agreed = [], {}
        for a, b in _partners(group, rng):
            forth, back, distance = align(mel(a), mel(b))
            distances.append(distance)
            if distance <= LARGEST_DISTANCE:
                agreed |= {f"{a}>{b}": forth, f"{b}>{a}": back}
            if len(distances) == _N_TRIED and median(distances) > LARGEST_DISTANCE:
                agreed = {}
                break
        found |= agreed
    return found


def _digest(features: Path, groups: list[list[tuple[str, str]]]) -> str:
    """Names all that the alignments depend on."""
    names = sorted(name for group in groups for _, name in group)
    times = [(features / f"{name}.safetensors").stat().st_mtime_ns for name in names]
    return hashlib.sha256(repr((_VERSION, groups, names, times)).encode()).hexdigest()


def _made_from(path: Path) -> dict[str, str] | None:
    try:
        with safe_open(path, "pt") as file:
            return file.metadata()
    except (SafetensorError, OSError):
        return None


def read_alignments(features: str | Path) -> dict[tuple[str, str], Tensor]:
    """Frames (T,) of the second utterance for those of the first, by their ids.

    Raises ValueError when the folder was prepared without.
    """
    path = Path(features) / FILE
    if not path.is_file():
        raise ValueError(
            f"{features} has no {FILE}, which parallel_share needs; run vc prepare again"
        )
    return {tuple(key.split(">")): frames for key, frames in load_file(path).items()}


def candidates(rows: list[dict]) -> list[list[tuple[str, str]]]:
    """Groups of (speaker, id) of training utterances that may hold the same words."""
    rows = [row for row in rows if row["split"] == "train"]
    n_of = Counter(row["speaker"] for row in rows)
    groups = defaultdict(list)
    for row in rows:
        if row["parallel"] is not None:
            key = ("text", row["parallel"])
        elif row["transcript"] is not None:
            continue
        elif n_of[row["speaker"]] == 1:
            key = ("only", row["corpus"])
        else:
            key = ("name", row["corpus"], row["id"].rsplit("/", 1)[-1])
        groups[key].append((row["speaker"], row["id"]))
    return [group for group in groups.values() if len({speaker for speaker, _ in group}) > 1]


def _partners(group: list[tuple[str, str]], rng: random.Random) -> list[tuple[str, str]]:
    """Pairs of ids by different speakers, about ``N_PARTNERS`` for each."""
    pairs = set()
    for speaker, name in group:
        others = [other for someone, other in group if someone != speaker]
        for other in rng.sample(others, min(len(others), N_PARTNERS // 2)):
            pairs.add((min(name, other), max(name, other)))
    pairs = sorted(pairs)
    rng.shuffle(pairs)
    return pairs


def align(mel: Tensor, other: Tensor) -> tuple[Tensor, Tensor, float]:
    """Frames of ``other`` (M, U) for those of ``mel`` (M, T), frames of ``mel`` for those of
    ``other``, (T,) and (U,), and the mean distance of aligned frames.

    Dynamic time warping (Sakoe & Chiba 1978) of cepstra that are standardised per recording, so
    that most of what differs between two voices is gone.
    """
    a, b = _standardised_cepstra(mel), _standardised_cepstra(other)
    band = max(_SHORTEST_BAND, math.ceil(_BAND * max(len(a), len(b))))
    path, distance = _shortest_path(a, b, band)
    return _by_frame(path[:, 0], path[:, 1]), _by_frame(path[:, 1], path[:, 0]), float(distance)


def _standardised_cepstra(mel: Tensor) -> np.ndarray:
    cepstra = dct_basis(_N_CEPSTRA, mel.shape[0]) @ mel.float()
    cepstra = cepstra - cepstra.mean(1, keepdim=True)
    cepstra = cepstra / cepstra.std(1, keepdim=True).clamp_min(1e-3)
    return np.ascontiguousarray(cepstra.T.numpy() / math.sqrt(_N_CEPSTRA))


def _by_frame(frames: np.ndarray, partners: np.ndarray) -> Tensor:
    """The mean partner of each frame along a path, without its jitter; never backwards."""
    n = int(frames[-1]) + 1
    mean = np.bincount(frames, partners, n) / np.bincount(frames, minlength=n)
    padded = np.pad(mean, _SMOOTHING, mode="edge")
    smooth = np.convolve(padded, np.full(2 * _SMOOTHING + 1, 1 / (2 * _SMOOTHING + 1)), "valid")
    return torch.from_numpy(np.rint(smooth).clip(0, partners[-1])).short()


@njit(cache=True)
def _shortest_path(a: np.ndarray, b: np.ndarray, band: int) -> tuple[np.ndarray, float]:
    """Pairs of frames (P, 2) from the first to the last, and their mean distance."""
    n, m, d = len(a), len(b), a.shape[1]
    width = 2 * band + 1
    steps = np.zeros((n, width), dtype=np.int8)
    before = np.full(width, np.inf)
    offset_before = 0
    for i in range(n):
        offset = int(i * (m - 1) / max(1, n - 1) + 0.5) - band
        now = np.full(width, np.inf)
        for k in range(width):
            j = offset + k
            if j < 0 or j >= m:
                continue
            distance = 0.0
            for c in range(d):
                distance += (a[i, c] - b[j, c]) ** 2
            distance = math.sqrt(distance)
            if i == 0 and j == 0:
                now[k] = distance
                continue
            best, step = np.inf, 0
            if i > 0:
                up = j - offset_before
                if 0 <= up - 1 < width and before[up - 1] + distance < best:
                    best, step = before[up - 1] + distance, 0
                if 0 <= up < width and before[up] + _HOLDING * distance < best:
                    best, step = before[up] + _HOLDING * distance, 1
            if k > 0 and now[k - 1] + _HOLDING * distance < best:
                best, step = now[k - 1] + _HOLDING * distance, 2
            now[k] = best
            steps[i, k] = step
        before, offset_before = now, offset
    path = np.zeros((n + m, 2), dtype=np.int64)
    i, j, length = n - 1, m - 1, 0
    while True:
        path[length, 0], path[length, 1] = i, j
        length += 1
        if i == 0 and j == 0:
            break
        step = steps[i, j - (int(i * (m - 1) / max(1, n - 1) + 0.5) - band)]
        if step != 2:
            i -= 1
        if step != 1:
            j -= 1
    return path[:length][::-1].copy(), before[m - 1 - offset_before] / length
