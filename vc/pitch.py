"""Fundamental frequency of a voice, frame by frame.

The method is Boersma's (1993, "Accurate short-term analysis of the fundamental frequency"): the
autocorrelation of a windowed frame divided by that of the window, a few candidates per frame, and
the cheapest path through them. The trackers on PyPI are either a hundred times slower (librosa's
pyin) or need a compiler at installation (pyworld).
"""

import numpy as np
import torch
from torch import Tensor

from vc.audio import MelSpec

# Goes up whenever the same waveform would get another f0; cached features carry it.
TRACKER_VERSION = 1
F0_MIN = 60.0
F0_MAX = 600.0
_N_CANDIDATES = 6
_WINDOW_SECONDS = 3.0 / F0_MIN
_VOICING_THRESHOLD = 0.45
_SILENCE_THRESHOLD = 0.03
_OCTAVE_COST = 0.02
_OCTAVE_JUMP_COST = 0.5
_VOICING_CHANGE_COST = 0.14


def track_pitch(waveform: Tensor, spec: MelSpec | None = None, peak: float | None = None) -> Tensor:
    """F0 in Hz (T,), 0 where unvoiced, at the mel's frames (T = 1 + S // hop).

    ``waveform`` is (S,); ``peak`` is the largest magnitude of the whole recording when
    ``waveform`` is a piece of it (it decides what counts as silence).
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
    size = int(round(_WINDOW_SECONDS * spec.sample_rate / 2)) * 2
    window = torch.hann_window(size, periodic=False)
    n_fft = 1 << (2 * size - 1).bit_length()
    window_acf = torch.fft.irfft(torch.fft.rfft(window, n_fft).abs().square())[:size]
    window_acf = window_acf / window_acf[0]
    shortest = int(spec.sample_rate / F0_MAX)
    # Beyond two thirds of the window the division amplifies noise more than pitch.
    longest = min(int(np.ceil(spec.sample_rate / F0_MIN)), size * 2 // 3)
    padded = torch.nn.functional.pad(waveform, (size // 2, size // 2 + spec.hop_length))
    frames = padded.unfold(0, size, spec.hop_length)[:n_frames]
    parts = [
        _frame_candidates(part, window, window_acf, n_fft, shortest, longest, spec, peak)
        for part in frames.split(2000)
    ]
    return (
        torch.cat([f for f, _ in parts]).numpy(),
        torch.cat([s for _, s in parts]).numpy(),
    )


def _frame_candidates(
    frames: Tensor,
    window: Tensor,
    window_acf: Tensor,
    n_fft: int,
    shortest: int,
    longest: int,
    spec: MelSpec,
    peak: float,
) -> tuple[Tensor, Tensor]:
    local_peak = (frames - frames.mean(1, keepdim=True)).abs().amax(1)
    centred = (frames - frames.mean(1, keepdim=True)) * window
    acf = torch.fft.irfft(torch.fft.rfft(centred, n_fft).abs().square())
    acf = acf[:, : longest + 2]
    acf = acf / acf[:, :1].clamp_min(1e-12) / window_acf[: longest + 2]
    left, mid, right = acf[:, :-2], acf[:, 1:-1], acf[:, 2:]
    curve = left - 2 * mid + right
    shift = torch.where(curve < -1e-9, 0.5 * (left - right) / curve.clamp_max(-1e-9), curve * 0)
    height = mid - 0.25 * (left - right) * shift
    lag = torch.arange(1, longest + 1) + shift
    is_peak = (mid > left) & (mid >= right) & (mid > 0.5 * _VOICING_THRESHOLD)
    is_peak[:, : shortest - 1] = False
    frequency = spec.sample_rate / lag.clamp_min(1.0)
    # The octave cost favours the higher of two equally good candidates (Boersma's eq. 24).
    strength = height.clamp_max(1.0) - _OCTAVE_COST * torch.log2(F0_MIN * lag / spec.sample_rate)
    strength = torch.where(is_peak, strength, torch.full_like(strength, -torch.inf))
    best, at = strength.topk(_N_CANDIDATES, dim=1)
    frequency = frequency.gather(1, at)
    loudness = (local_peak / peak) / (_SILENCE_THRESHOLD / (1 + _VOICING_THRESHOLD))
    unvoiced = _VOICING_THRESHOLD + (2 - loudness).clamp_min(0)
    return (
        torch.cat([torch.zeros(len(frames), 1), frequency], 1),
        torch.cat([unvoiced[:, None], best], 1),
    )


def _cheapest_path(frequencies: np.ndarray, strengths: np.ndarray, spec: MelSpec) -> np.ndarray:
    """The Viterbi path (T,) through the candidates; costs are scaled to 10 ms steps."""
    scale = 0.01 * spec.frames_per_second
    voiced = frequencies > 0
    log_frequency = np.log2(np.where(voiced, frequencies, 1.0))
    n_frames, n_states = frequencies.shape
    back = np.zeros((n_frames, n_states), dtype=np.int8)
    score = strengths[0].copy()
    columns = np.arange(n_states)
    for t in range(1, n_frames):
        jump = np.abs(log_frequency[t - 1][:, None] - log_frequency[t][None, :])
        both = voiced[t - 1][:, None] & voiced[t][None, :]
        change = voiced[t - 1][:, None] ^ voiced[t][None, :]
        total = score[:, None] - scale * (
            _OCTAVE_JUMP_COST * jump * both + _VOICING_CHANGE_COST * change
        )
        back[t] = total.argmax(0)
        score = total[back[t], columns] + strengths[t]
    path = np.empty(n_frames, dtype=np.int64)
    path[-1] = int(score.argmax())
    for t in range(n_frames - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return frequencies[np.arange(n_frames), path].astype(np.float32)
