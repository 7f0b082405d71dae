"""Mel spectrograms as pictures with the pitch drawn in, for TensorBoard and for the demo.

Figures are made from matplotlib's objects: pyplot keeps every figure alive and is not safe to call
from the threads of a server.
"""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from torch import Tensor

from vc.audio import MelSpec

# A dark panel reads well on light pages and on dark ones.
BACKGROUND = "#17141f"
FOREGROUND = "#d9d5e3"
PITCH = "#5ce1e6"
# What lies this far below the loudest band is drawn as silence: 8 nepers are 70 dB.
_RANGE = 8.0
_MEL_TICKS = (250, 500, 1000, 2000, 4000, 8000)
_PITCH_TICKS = (100, 150, 200, 300, 400, 600)
# Hz that the pitch axis always shows, so that figures of different voices compare.
_PITCH_RANGE = (70.0, 420.0)


def mel_figure(
    mels: dict[str, Tensor],
    f0: dict[str, Tensor] | None = None,
    spec: MelSpec | None = None,
) -> Figure:
    """One panel per named mel (M, T), stacked on one time axis, with its ``f0`` (T,) drawn in.

    The left axis is the mel's in Hz, the right one the pitch's in Hz on a logarithmic scale (Hz,
    0 = unvoiced; names may be missing). Panels share colours and axes, so they compare.
    Raises ValueError when there is no mel or its shape is not that of ``spec``.
    """
    spec = spec or MelSpec()
    arrays = {name: _checked(name, mel, spec) for name, mel in mels.items()}
    if not arrays:
        raise ValueError("mels is empty; pass at least one named mel (M, T)")
    pitches = {name: x.detach().float().cpu().numpy() for name, x in (f0 or {}).items()}
    pitch_range = _pitch_range(pitches)
    loudest = max(float(array.max()) for array in arrays.values())
    longest = max(array.shape[1] for array in arrays.values()) / spec.frames_per_second
    n = len(arrays)
    pad = 6 / 72
    figure = Figure(figsize=(5.4, 0.55 + 2.15 * n), facecolor=BACKGROUND, layout="constrained")
    figure.get_layout_engine().set(w_pad=pad, h_pad=pad)
    panels = figure.subplots(n, 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, array) in zip(panels, arrays.items(), strict=True):
        _draw_mel(axes, array, spec, loudest)
        axes.set_title(name, color=FOREGROUND, fontsize=10, loc="left")
        axes.set_xlim(0, longest)
        if name in pitches and pitch_range:
            _draw_pitch(axes, pitches[name], spec, pitch_range)
    panels[-1].set_xlabel("seconds", color=FOREGROUND, fontsize=9)
    return figure


def mel_position(frequency: float, spec: MelSpec) -> float:
    """Where ``frequency`` in Hz falls on the mel axis, in bins: 0.0 is the first bin's centre."""
    low, high, here = (_slaney_mel(x) for x in (spec.f_min, spec.f_max, frequency))
    return (here - low) / (high - low) * (spec.n_mels + 1) - 1


def _slaney_mel(frequency: float) -> float:
    """Slaney's mel scale (Auditory Toolbox, 1998): straight up to 1 kHz, logarithmic above."""
    if frequency < 1000:
        return frequency * 3 / 200
    return 15 + 27 * math.log(frequency / 1000) / math.log(6.4)


def _checked(name: str, mel: Tensor, spec: MelSpec) -> np.ndarray:
    if mel.ndim != 2 or mel.shape[0] != spec.n_mels or mel.shape[1] == 0:
        raise ValueError(f"mel {name!r} must be ({spec.n_mels}, T), got shape {tuple(mel.shape)}")
    return mel.detach().float().cpu().numpy()


def _pitch_range(pitches: dict[str, np.ndarray]) -> tuple[float, float] | None:
    """Lowest and highest Hz to show for all melodies; None when nothing is voiced."""
    voiced = [pitch[pitch > 0] for pitch in pitches.values()]
    joined = np.concatenate(voiced) if voiced else np.zeros(0)
    if joined.size == 0:
        return None
    low, high = _PITCH_RANGE
    return min(low, float(joined.min())), max(high, float(joined.max()))


def _draw_mel(axes: Axes, mel: np.ndarray, spec: MelSpec, loudest: float) -> None:
    half, seconds = 0.5 / spec.frames_per_second, mel.shape[1] / spec.frames_per_second
    axes.imshow(
        mel,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=loudest - _RANGE,
        vmax=loudest,
        # frames are centred on multiples of the hop, bins on whole numbers
        extent=(-half, seconds - half, -0.5, spec.n_mels - 0.5),
    )
    ticks = [hz for hz in _MEL_TICKS if spec.f_min < hz <= spec.f_max]
    axes.set_yticks([min(mel_position(hz, spec), spec.n_mels - 0.5) for hz in ticks])
    axes.set_yticklabels([f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in ticks])
    axes.set_ylabel("frequency, Hz", color=FOREGROUND, fontsize=9)
    axes.set_facecolor(BACKGROUND)
    _plain_spines(axes)


def _draw_pitch(
    axes: Axes, pitch: np.ndarray, spec: MelSpec, pitch_range: tuple[float, float]
) -> None:
    # On an axis of its own, as in Praat: on the mel's a whole melody would lie in three bins.
    beside = axes.twinx()
    times = np.arange(len(pitch)) / spec.frames_per_second
    beside.plot(
        times,
        np.where(pitch > 0, pitch, np.nan),
        color=PITCH,
        linewidth=1.8,
        solid_capstyle="round",
        path_effects=[withStroke(linewidth=3.6, foreground=BACKGROUND, alpha=0.7)],
    )
    beside.set_yscale("log")
    beside.set_ylim(*pitch_range)
    low, high = pitch_range
    beside.yaxis.set_major_locator(FixedLocator([hz for hz in _PITCH_TICKS if low <= hz <= high]))
    beside.yaxis.set_minor_locator(NullLocator())
    beside.yaxis.set_major_formatter(FuncFormatter(lambda hz, _: f"{hz:g}"))
    beside.set_ylabel("pitch, Hz", color=PITCH, fontsize=9)
    _plain_spines(beside)
    beside.tick_params(axis="y", labelcolor=PITCH)


def _plain_spines(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(colors=FOREGROUND, labelsize=8, length=2)
