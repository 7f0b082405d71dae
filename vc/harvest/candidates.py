"""Candidates for the pitch of a voice, every millisecond, each with a score.

The first half of Harvest (Morise 2017, "Harvest: a high-performance fundamental frequency estimator
from speech signals"): a bank of band-pass filters, each a few periods long; where a filter passes
the fundamental alone, the intervals between the zero crossings and between the extrema of its
output agree with its centre, and so do those of its neighbours. Each candidate is then refined by
the instantaneous frequencies of its first harmonics, and scored by how well these agree.

The loops are compiled (numba), since the work is a few branches for each of some ten million
samples a second.
"""

import functools
import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

STEP = 0.001  # seconds between candidates
_CHANNELS_PER_OCTAVE = 40
# A fundamental shows in this many neighbouring channels, or it is none.
_MIN_CHANNELS = 10
_MAX_CANDIDATES = 7
# Candidates also stand for this many milliseconds to either side of where they were found.
_SPREAD = 3
# A channel believes in intervals within this share of its centre.
_TRUST = 0.1
_N_HARMONICS = 6
_TOP_HZ = 4000.0
_MIN_SCORE = 2.5
# A candidate without a neighbour in time this near (relative) is chance.
_NEIGHBOUR = 0.05
# At least so many samples a period, so that straight lines find the zeros.
_SAMPLES_A_PERIOD = 8
_CHANNELS_AT_ONCE = 24
# Refinement looks at three periods in this many points.
_PERIODS, _POINTS = 3.0, 96
_CANDIDATES_AT_ONCE = 20_000
# Below these frequencies in Hz refinement listens to the signal below ten times as much, so that
# the few points of a long period do not alias.
_CALM_BELOW = (100.0, 200.0)
_NUTTALL = (0.355768, 0.487396, 0.144232, 0.012604)


def find_candidates(
    waveform: Tensor, sample_rate: int, f0_min: float, f0_max: float
) -> tuple[np.ndarray, np.ndarray]:
    """F0 in Hz and scores (N, K), N = 1 + milliseconds in ``waveform`` (S,); 0 is none."""
    # In double precision, lest the last bit of a transform decide in the quiet parts.
    waveform = waveform.double()
    n_steps = 1 + int(len(waveform) / sample_rate / STEP)
    found = np.zeros((n_steps, _MAX_CANDIDATES))
    agreeing = _agreeing_intervals(waveform, sample_rate, n_steps, f0_min, f0_max)
    _runs_of_channels(agreeing, _MIN_CHANNELS, found)
    return _refined(_spread(found), waveform, sample_rate, f0_min, f0_max)


def _side_by_side(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    """``work`` on every item in as many threads as torch uses: the loops below hold no lock."""
    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
        list(pool.map(work, items))


# ---- the filter bank ----


def _centres(f0_min: float, f0_max: float) -> np.ndarray:
    """Centre frequencies (C,) in Hz, from below the lowest pitch to above the highest."""
    low, high = 0.9 * f0_min, 1.1 * f0_max
    n_channels = 1 + int(math.log2(high / low) * _CHANNELS_PER_OCTAVE)
    return low * 2.0 ** (np.arange(1, n_channels + 1) / _CHANNELS_PER_OCTAVE)


def _agreeing_intervals(
    waveform: Tensor, sample_rate: int, n_steps: int, f0_min: float, f0_max: float
) -> np.ndarray:
    """Frequencies (N, C) in Hz that each channel believes in, 0 where it does not."""
    centres = _centres(f0_min, f0_max)
    result = np.zeros((n_steps, len(centres)))
    margin = round(0.125 * sample_rate) // 16 * 16
    size = len(waveform) + 2 * margin
    n_fft = _even_fast_length(size)
    spectrum = torch.fft.rfft(torch.nn.functional.pad(waveform, (margin, n_fft - size + margin)))

    def listen(group: tuple[int, int, int]) -> None:
        first, stop, decimation = group
        n = n_fft // decimation
        response = _responses(tuple(centres[first:stop]), n // 2 + 1, sample_rate / n_fft)
        filtered = torch.fft.irfft(spectrum[: n // 2 + 1] * response, n)
        _intervals(
            filtered[:, : size // decimation].numpy(),
            sample_rate / decimation,
            margin / decimation,
            centres[first:stop],
            f0_min,
            f0_max,
            result[:, first:stop],
        )

    _side_by_side(listen, _groups(centres, sample_rate))
    return result


def _even_fast_length(size: int) -> int:
    """The next power of two, or three quarters of it."""
    whole = 1 << (size - 1).bit_length()
    return whole * 3 // 4 if whole * 3 // 4 >= size else whole


def _groups(centres: np.ndarray, sample_rate: int) -> list[tuple[int, int, int]]:
    """First channel, last + 1 and decimation: low channels need few samples."""
    groups = []
    for i, centre in enumerate(centres):
        decimation = 1
        while decimation < 16 and sample_rate / (2 * decimation) >= _SAMPLES_A_PERIOD * centre:
            decimation *= 2
        if groups and groups[-1][2] == decimation and i - groups[-1][0] < _CHANNELS_AT_ONCE:
            groups[-1] = (groups[-1][0], i + 1, decimation)
        else:
            groups.append((i, i + 1, decimation))
    return groups


@functools.lru_cache(maxsize=32)
def _responses(centres: tuple[float, ...], n_bins: int, bin_hz: float) -> Tensor:
    """Responses (C, F) of cosines under a Nuttall window of four periods; zero phase."""
    hz = np.arange(n_bins) * bin_hz
    rows = []
    for centre in centres:
        seconds = 4 / centre
        rows.append(_window_spectrum((hz - centre) * seconds))
    return torch.from_numpy(np.stack(rows))


def _window_spectrum(cycles: np.ndarray) -> np.ndarray:
    """The Nuttall window's spectrum at ``cycles`` per window length."""
    total = _NUTTALL[0] * np.sinc(cycles)
    for k in (1, 2, 3):
        total += 0.5 * _NUTTALL[k] * (np.sinc(cycles - k) + np.sinc(cycles + k))
    return total


@njit(cache=True, nogil=True)
def _intervals(filtered, rate, offset, centres, f0_min, f0_max, out):
    """Fill out (N, C): means of four kinds of interval in filtered (C, S), as frequencies."""
    n_steps = out.shape[0]
    total = np.empty(n_steps)
    for c in range(filtered.shape[0]):
        total[:] = 0.0
        y = filtered[c]
        ok = True
        for kind in range(4):
            ok = ok and _add_intervals(y, kind, rate, offset, total)
        if not ok:
            continue
        low = max(f0_min, (1 - _TRUST) * centres[c])
        high = min(f0_max, (1 + _TRUST) * centres[c])
        for t in range(n_steps):
            f = 0.25 * total[t]
            if low <= f <= high:
                out[t, c] = f


@njit(cache=True, nogil=True)
def _add_intervals(y, kind, rate, offset, total):
    """Add to total (N,) the frequency between like events; straight lines between intervals.

    Events: 0 falls through zero, 1 rises through it, 2 and 3 the same of the slope.
    """
    n_steps = total.shape[0]
    sign = 1.0 if kind % 2 == 0 else -1.0
    slope = kind >= 2
    step = STEP * rate
    previous_event = -1.0
    middle, frequency = -1.0, 0.0
    t = 0
    a = sign * (y[0] - y[1]) if slope else sign * y[0]
    for i in range(1, y.shape[0] - 1):
        b = sign * (y[i] - y[i + 1]) if slope else sign * y[i]
        if a > 0.0 and b <= 0.0:
            event = i - 1 + a / (a - b) + (0.5 if slope else 0.0)
            if previous_event >= 0.0:
                new_middle = 0.5 * (event + previous_event)
                new_frequency = rate / (event - previous_event)
                while t < n_steps:
                    at = offset + t * step
                    if at > new_middle:
                        break
                    if frequency == 0.0:
                        total[t] += new_frequency
                    else:
                        share = (at - middle) / (new_middle - middle)
                        total[t] += frequency + share * (new_frequency - frequency)
                    t += 1
                middle, frequency = new_middle, new_frequency
            previous_event = event
        a = b
    while t < n_steps:
        total[t] += frequency
        t += 1
    return frequency > 0.0


@njit(cache=True, nogil=True)
def _runs_of_channels(agreeing, shortest, out):
    """Fill out (N, K) with the means of runs of at least ``shortest`` channels that agree."""
    n_steps, n_channels = agreeing.shape
    for t in range(n_steps):
        n_found, length, total = 0, 0, 0.0
        for c in range(1, n_channels):
            f = agreeing[t, c]
            if f > 0.0 and c < n_channels - 1:
                length += 1
                total += f
                continue
            if length >= shortest and n_found < out.shape[1]:
                out[t, n_found] = total / length
                n_found += 1
            length, total = 0, 0.0


def _spread(found: np.ndarray) -> np.ndarray:
    """Candidates (N, K (2 R + 1)), those of the neighbouring steps included."""
    columns = [found]
    for shift in range(1, _SPREAD + 1):
        later, earlier = np.zeros_like(found), np.zeros_like(found)
        later[shift:], earlier[:-shift] = found[:-shift], found[shift:]
        columns += [later, earlier]
    return np.concatenate(columns, 1)


# ---- refinement ----


def _refined(
    candidates: np.ndarray, waveform: Tensor, sample_rate: int, f0_min: float, f0_max: float
) -> tuple[np.ndarray, np.ndarray]:
    """Refined F0 and scores (N, K); 0 for what turned out to be no pitch."""
    signals = _calmed(waveform, sample_rate)
    step, column = np.nonzero(candidates)
    f0, scores = np.zeros_like(candidates), np.zeros_like(candidates)
    basis = _basis()

    def refine(start: int) -> None:
        chosen = slice(start, start + _CANDIDATES_AT_ONCE)
        rows, columns = step[chosen], column[chosen]
        wanted = candidates[rows, columns]
        points = np.empty((len(rows), _POINTS))
        _gather(signals, rows, wanted, sample_rate, points)
        better, score = np.empty_like(wanted), np.empty_like(wanted)
        _score(points @ basis, wanted, f0_min, f0_max, better, score)
        f0[rows, columns], scores[rows, columns] = better, score

    _side_by_side(refine, range(0, len(step), _CANDIDATES_AT_ONCE))
    _drop_loners(f0.copy(), f0, scores)
    return f0, scores


def _calmed(waveform: Tensor, sample_rate: int) -> np.ndarray:
    """The signal (3, S) below ten times each bound of _CALM_BELOW, and below 4 kHz."""
    n_fft = _even_fast_length(len(waveform) + sample_rate // 8)
    spectrum = torch.fft.rfft(waveform, n_fft)
    hz = torch.fft.rfftfreq(n_fft, 1 / sample_rate, dtype=torch.float64)
    limits = torch.tensor([*(10 * f for f in _CALM_BELOW), 0.98 * _TOP_HZ]).double()[:, None]
    low_pass = torch.sigmoid((limits - hz) / (0.04 * limits))
    return torch.fft.irfft(spectrum * low_pass, n_fft)[:, : len(waveform)].contiguous().numpy()


@functools.lru_cache(maxsize=1)
def _basis() -> np.ndarray:
    """Matrix (P, 4 H): real and imaginary parts of the harmonics under a Blackman window and under
    its slope."""
    periods = ((np.arange(_POINTS) - (_POINTS - 1) / 2) / _POINTS * _PERIODS)[:, None]
    angle = 2 * np.pi * periods / _PERIODS
    window = 0.42 + 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle)
    slope = -(0.5 * np.sin(angle) + 0.16 * np.sin(2 * angle)) * 2 * np.pi / _PERIODS
    waves = np.exp(-2j * np.pi * periods * np.arange(1, _N_HARMONICS + 1))
    columns = [(window * waves).real, (window * waves).imag, (slope * waves).real]
    return np.concatenate([*columns, (slope * waves).imag], 1)


@njit(cache=True, nogil=True)
def _gather(signals, steps, f0, sample_rate, out):
    """Fill out (R, P): three periods of each candidate around its time."""
    n_samples, n_points = signals.shape[1], out.shape[1]
    for r in range(out.shape[0]):
        which = 0 if f0[r] < _CALM_BELOW[0] else (1 if f0[r] < _CALM_BELOW[1] else 2)
        signal = signals[which]
        stride = _PERIODS * sample_rate / f0[r] / n_points
        start = steps[r] * STEP * sample_rate - 0.5 * (n_points - 1) * stride
        for p in range(n_points):
            at = start + p * stride
            i = math.floor(at)
            share = at - i
            left = signal[min(max(i, 0), n_samples - 1)]
            right = signal[min(max(i + 1, 0), n_samples - 1)]
            out[r, p] = left + share * (right - left)


@njit(cache=True, nogil=True)
def _score(products, f0, f0_min, f0_max, better, score):
    """Flanagan's instantaneous frequency of each harmonic, weighted by its amplitude."""
    for r in range(products.shape[0]):
        n_harmonics = min(_N_HARMONICS, int(_TOP_HZ / f0[r]))
        top, bottom, strays = 0.0, 1e-12, 0.0
        for h in range(n_harmonics):
            re, im = products[r, h], products[r, _N_HARMONICS + h]
            d_re, d_im = products[r, 2 * _N_HARMONICS + h], products[r, 3 * _N_HARMONICS + h]
            power = re * re + im * im
            if power <= 1e-24:
                strays += 1.0
                continue
            order = h + 1
            frequency = order - (d_im * re - d_re * im) / power / (2 * math.pi)
            amplitude = math.sqrt(power)
            top += amplitude * frequency
            bottom += amplitude * order
            strays += abs(frequency / order - 1.0)
        better[r] = f0[r] * top / bottom
        score[r] = n_harmonics / (strays + 1e-12)
        if better[r] < f0_min or better[r] > f0_max or score[r] < _MIN_SCORE:
            better[r] = 0.0
            score[r] = 0.0


@njit(cache=True, nogil=True)
def _drop_loners(before, f0, scores):
    """Zero the candidates (N, K) that have no near one just before or just after."""
    n_steps, n_columns = f0.shape
    for t in range(n_steps):
        for k in range(n_columns):
            f = before[t, k]
            if f <= 0.0:
                continue
            near = False
            for neighbour in (t - 1, t + 1):
                if near or neighbour < 0 or neighbour >= n_steps:
                    continue
                for j in range(n_columns):
                    g = before[neighbour, j]
                    if g > 0.0 and abs(g - f) <= _NEIGHBOUR * f:
                        near = True
                        break
            if not near:
                f0[t, k] = 0.0
                scores[t, k] = 0.0
