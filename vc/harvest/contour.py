"""From candidates for the pitch to one contour: the second half of Harvest (Morise 2017)."""

import math

import numpy as np
from numba import njit

from vc.harvest.candidates import STEP

# Relative change of the best candidate from one millisecond to the next that ends a section.
_JUMP = 0.008
# Sections of the best candidates shorter than this (steps) are chance.
_MIN_SECTION = 7
# Sections grow along candidates within this share of the last one, this far, across so many gaps.
_REACH, _NEAR, _PATIENCE = 100, 0.18, 4
_MARGIN = _REACH + 2
# A grown section must hold so many periods.
_MIN_PERIODS = 2.2
# Gaps shorter than this are bridged.
_BRIDGE = 9
_SMOOTHING_HZ, _HOLD = 30.0, 100


def best_contour(f0: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The contour (N,) in Hz through candidates and scores (N, K) a millisecond apart; 0 unvoiced.

    Where the best candidate moves smoothly there is a voiced section; each section is then grown
    to both sides along whatever candidates are near, so that weak onsets and ends are followed.
    Where two grown sections overlap, the better scores win.
    """
    steps = np.arange(len(f0))
    best = scores.argmax(1)
    base = np.where(scores[steps, best] > 0, f0[steps, best], 0.0).astype(np.float64)
    base = _without_jumps(base)
    grown = []
    for start, stop in zip(*_sections(base > 0), strict=True):
        if stop - start < _MIN_SECTION:
            continue
        first, track = _grow(base, start, stop, f0)
        if len(track) * track[track > 0].mean() > _MIN_PERIODS / STEP:
            grown.append((first, track))
    return _smooth(_bridge(_joined(grown, f0, scores)))


def _joined(
    sections: list[tuple[int, np.ndarray]], f0: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """The contour (N,) of sections given by their first step and their values."""
    contour, end = np.zeros(len(f0)), 0
    for first, track in sorted(sections, key=lambda section: section[0]):
        last = first + len(track)
        if last <= end:
            continue
        overlap = slice(first, max(first, end))
        mine = _total_score(contour[overlap], f0[overlap], scores[overlap])
        theirs = _total_score(track[: max(0, end - first)], f0[overlap], scores[overlap])
        keep = end if mine > theirs else first
        contour[keep:last] = track[keep - first :]
        end = last
    return contour


def _sections(voiced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and stops (exclusive) of the runs of True."""
    change = np.diff(np.concatenate([[0], voiced.astype(np.int8), [0]]))
    return np.nonzero(change == 1)[0], np.nonzero(change == -1)[0]


@njit(cache=True, nogil=True)
def _without_jumps(base):
    """The best candidates (N,), 0 where they neither continue the line nor the value before."""
    out = np.zeros_like(base)
    for t in range(2, len(base)):
        if base[t] == 0.0 or base[t - 1] == 0.0:
            continue
        line = 2 * base[t - 1] - base[t - 2]
        off_line = line == 0.0 or abs((base[t] - line) / line) > _JUMP
        if not (off_line and abs(base[t] - base[t - 1]) / base[t - 1] > _JUMP):
            out[t] = base[t]
    return out


@njit(cache=True, nogil=True)
def _grow(base, start, stop, candidates):
    """The first step and the values of base[start:stop] grown to both sides."""
    n_steps, n_columns = candidates.shape
    ends = np.array([start, stop - 1])
    track = np.zeros(stop - start + 2 * _MARGIN)
    shift = start - _MARGIN
    for t in range(start, stop):
        track[t - shift] = base[t]
    for side in range(2):
        direction = 2 * side - 1
        at = ends[side]
        value = base[at]
        misses = 0
        for _ in range(_REACH + 1):
            at += direction
            if at < 1 or at >= n_steps - 1:
                break
            nearest, error = 0.0, _NEAR
            for k in range(n_columns):
                f = candidates[at, k]
                if f > 0.0 and abs(f - value) / value <= error:
                    nearest, error = f, abs(f - value) / value
            if nearest > 0.0:
                track[at - shift] = nearest
                value = nearest
                misses = 0
                ends[side] = at
            else:
                misses += 1
                if misses == _PATIENCE:
                    break
    return ends[0], track[ends[0] - shift : ends[1] - shift + 1].copy()


@njit(cache=True, nogil=True)
def _total_score(track, candidates, scores):
    total = 0.0
    for t in range(len(track)):
        best = 0.0
        for k in range(candidates.shape[1]):
            if track[t] > 0.0 and candidates[t, k] == track[t] and scores[t, k] > best:
                best = scores[t, k]
        total += best
    return total


def _bridge(contour: np.ndarray) -> np.ndarray:
    """Short gaps filled by straight lines."""
    starts, stops = _sections(contour > 0)
    for gap_start, gap_stop in zip(stops[:-1], starts[1:], strict=True):
        n = gap_stop - gap_start
        if n < _BRIDGE:
            ends = contour[gap_start - 1], contour[gap_stop]
            contour[gap_start:gap_stop] = np.linspace(*ends, n + 2)[1:-1]
    return contour


def _smooth(contour: np.ndarray) -> np.ndarray:
    """Each voiced stretch low-passed, forwards and backwards, as if its ends went on."""
    out = contour.copy()
    for start, stop in zip(*_sections(contour > 0), strict=True):
        held = np.pad(contour[start:stop], _HOLD, mode="edge")
        out[start:stop] = _low_passed(_low_passed(held)[::-1])[::-1][_HOLD:-_HOLD]
    return out


@njit(cache=True, nogil=True)
def _low_passed(x):
    """Butterworth's filter of second order (bilinear transform), at rest on the first value."""
    warped = math.tan(math.pi * _SMOOTHING_HZ * STEP)
    scale = 1 / (1 + math.sqrt(2) * warped + warped * warped)
    gain = warped * warped * scale
    a1 = 2 * (warped * warped - 1) * scale
    a2 = (1 - math.sqrt(2) * warped + warped * warped) * scale
    out = np.empty_like(x)
    x1 = x2 = y1 = y2 = x[0]
    for t in range(len(x)):
        y = gain * (x[t] + 2 * x1 + x2) - a1 * y1 - a2 * y2
        x2, x1, y2, y1 = x1, x[t], y1, y
        out[t] = y
    return out
