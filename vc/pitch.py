"""Fundamental frequency of a voice, frame by frame.

The method is Boersma's (1993, "Accurate short-term analysis of the fundamental frequency"): the
autocorrelation of a windowed frame divided by that of the window, a few candidates per frame, and
the cheapest path through them. The trackers on PyPI are either a hundred times slower (librosa's
pyin) or need a compiler at installation (pyworld).

Two things are added. The autocorrelation is taken of the band that carries the harmonics, so that
rumble and hiss do not hide them. And a short period must repeat at twice its length, as noise that
a room or a codec has coloured looks periodic at short lags alone.

On 18 readers, against what two of pyworld's harvest, pyworld's dio and librosa's pyin agree on,
91 % of the voiced frames are found (dio 88 %, pyin 87 %) and 0.8 % of those are off by more than
two semitones (1.2 %, 1.1 %); 7 % of what all three call unvoiced is called voiced.
"""

import math

import numpy as np
import torch
from numba import njit
from torch import Tensor

from vc.audio import MelSpec

# Goes up whenever the same waveform would get another f0 here or in vc/harvest; cached features
# carry it.
TRACKER_VERSION = 2
F0_MIN = 60.0
F0_MAX = 600.0
_N_CANDIDATES = 6
_WINDOW_SECONDS = 3.0 / F0_MIN
_VOICING_THRESHOLD = 0.52
_SILENCE_THRESHOLD = 0.03
_OCTAVE_COST = 0.02
_OCTAVE_JUMP_COST = 1.0
_VOICING_CHANGE_COST = 0.2
# Edges of the harmonics' band in Hz, each with the width of its slope.
_BAND_LOW, _BAND_LOW_WIDTH = 70.0, 8.0
_BAND_HIGH, _BAND_HIGH_WIDTH = 1200.0, 200.0
# From here on two periods count; for longer ones the pitch moves too far between the two.
_DOUBLED_FROM = 250.0


def track_pitch(waveform: Tensor, spec: MelSpec | None = None, peak: float | None = None) -> Tensor:
    """F0 in Hz (T,), 0 where unvoiced, at the mel's frames (T = 1 + S // hop).

    ``waveform`` is (S,); ``peak`` is the largest magnitude of the whole recording when
    ``waveform`` is a piece of it (it decides what counts as silence). Pieces that start at whole
    hops and bring half a second of context on each side give the frames of the whole.
    """
    spec = spec or MelSpec()
    if waveform.ndim != 1:
        raise ValueError(f"waveform must be (S,), got shape {tuple(waveform.shape)}")
    waveform = waveform.detach().float().cpu()
    peak = float(waveform.abs().max()) if peak is None and waveform.numel() else (peak or 0.0)
    n_frames = 1 + waveform.numel() // spec.hop_length
    if peak <= 0:
        return torch.zeros(n_frames)
    frequencies, strengths = _candidates(waveform, spec, peak, n_frames)
    return torch.from_numpy(_cheapest_path(frequencies, strengths, spec))


def _candidates(
    waveform: Tensor, spec: MelSpec, peak: float, n_frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and strengths (T, K + 1); column 0 is the unvoiced candidate."""
    size = round(_WINDOW_SECONDS * spec.sample_rate / 2) * 2
    padded = torch.nn.functional.pad(waveform, (size // 2, size // 2 + spec.hop_length))
    frames = padded.unfold(0, size, spec.hop_length)[:n_frames]
    # In parts, so that an hour of sound does not need an hour of spectra.
    parts = [_frame_candidates(part, spec, peak) for part in frames.split(2000)]
    return (
        torch.cat([f for f, _ in parts]).numpy(),
        torch.cat([s for _, s in parts]).numpy(),
    )


def _frame_candidates(frames: Tensor, spec: MelSpec, peak: float) -> tuple[Tensor, Tensor]:
    centred = frames - frames.mean(1, keepdim=True)
    frequency, strength = _peaks(_autocorrelation(centred, spec), spec)
    best, at = strength.topk(_N_CANDIDATES, dim=1)
    # Boersma's eq. 23: quiet frames are unvoiced even if periodic.
    loudness = (centred.abs().amax(1) / peak) / (_SILENCE_THRESHOLD / (1 + _VOICING_THRESHOLD))
    unvoiced = _VOICING_THRESHOLD + (2 - loudness).clamp_min(0)
    return (
        torch.cat([torch.zeros(len(frames), 1), frequency.gather(1, at)], 1),
        torch.cat([unvoiced[:, None], best], 1),
    )


def _autocorrelation(frames: Tensor, spec: MelSpec) -> Tensor:
    """Of the harmonics' band of ``frames``, over that of the window; (T, lags 0 to longest + 1)."""
    size = frames.shape[1]
    n_lags = math.ceil(spec.sample_rate / F0_MIN) + 2
    n_fft = 1 << (2 * size - 1).bit_length()
    window = torch.hann_window(size, periodic=False)
    window_acf = torch.fft.irfft(torch.fft.rfft(window, n_fft).abs().square())[:n_lags]
    hz = torch.fft.rfftfreq(n_fft, 1 / spec.sample_rate)
    band = torch.sigmoid((hz - _BAND_LOW) / _BAND_LOW_WIDTH)
    band = band * torch.sigmoid((_BAND_HIGH - hz) / _BAND_HIGH_WIDTH)
    power = torch.fft.rfft(frames * window, n_fft).abs().square() * band
    acf = torch.fft.irfft(power)[:, :n_lags]
    return acf / acf[:, :1].clamp_min(1e-12) * (window_acf[0] / window_acf)


def _peaks(acf: Tensor, spec: MelSpec) -> tuple[Tensor, Tensor]:
    """Frequency in Hz and strength (T, lags 1 to longest); -inf where there is no peak."""
    left, mid, right = acf[:, :-2], acf[:, 1:-1], acf[:, 2:]
    curve = left - 2 * mid + right
    shift = torch.where(curve < -1e-9, 0.5 * (left - right) / curve.clamp_max(-1e-9), curve * 0)
    height = (mid - 0.25 * (left - right) * shift).clamp_max(1.0)
    n_short = math.floor(spec.sample_rate / _DOUBLED_FROM)
    doubled = torch.nn.functional.max_pool1d(acf[:, None], 3, 1, 1)[:, 0, 2 : 2 * n_short + 1 : 2]
    height = torch.cat([0.5 * (height[:, :n_short] + doubled), height[:, n_short:]], 1)
    lag = torch.arange(1, mid.shape[1] + 1) + shift
    frequency = spec.sample_rate / lag.clamp_min(1.0)
    is_peak = (mid > left) & (mid >= right) & (mid > 0.5 * _VOICING_THRESHOLD)
    is_peak &= (frequency >= F0_MIN) & (frequency <= F0_MAX)
    # The octave cost favours the higher of two equally good candidates (Boersma's eq. 24).
    strength = height + _OCTAVE_COST * torch.log2(frequency / F0_MIN)
    return frequency, torch.where(is_peak, strength, torch.full_like(strength, -torch.inf))


def _cheapest_path(frequencies: np.ndarray, strengths: np.ndarray, spec: MelSpec) -> np.ndarray:
    """The Viterbi path (T,) through the candidates; costs are scaled to 10 ms steps."""
    voiced = frequencies > 0
    log_frequency = np.log2(np.where(voiced, frequencies, 1.0))
    path = _best_states(voiced, log_frequency, strengths, 0.01 * spec.frames_per_second)
    return frequencies[np.arange(len(path)), path].astype(np.float32)


@njit(cache=True, nogil=True)
def _best_states(voiced, log_frequency, strengths, scale):
    """The state (T,) of each frame on the path with the most strength left after its jumps."""
    n_frames, n_states = strengths.shape
    back = np.zeros((n_frames, n_states), dtype=np.int8)
    score = strengths[0].astype(np.float64)
    total = np.empty(n_states)
    for t in range(1, n_frames):
        for now in range(n_states):
            best, best_before = -np.inf, 0
            for before in range(n_states):
                cost = 0.0
                if voiced[t, now] != voiced[t - 1, before]:
                    cost = _VOICING_CHANGE_COST
                elif voiced[t, now]:
                    jump = abs(log_frequency[t, now] - log_frequency[t - 1, before])
                    cost = _OCTAVE_JUMP_COST * jump
                value = score[before] - scale * cost
                if value > best:
                    best, best_before = value, before
            back[t, now] = best_before
            total[now] = best + strengths[t, now]
        score[:] = total
    path = np.empty(n_frames, dtype=np.int64)
    path[-1] = score.argmax()
    for t in range(n_frames - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path
