"""Recordings of any length through the networks in constant memory, without seams.

Everything that depends on the whole recording is gathered first (level, pitch, mean spectrum);
then pieces are rendered, each with so much context that a longer one would change nothing. The
result is therefore the same for any length of the pieces.
"""

import contextlib
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vc.audio import LEVEL, AudioError, LogMel, MelSpec, level_of_frames
from vc.harvest import track_contour, with_weak_pitch
from vc.model import ACTIVE_RANGE
from vc.pitch import track_pitch
from vc.synthesis.base import Vocoder

MIN_SPEECH_SECONDS = 0.5
# Below this level (-90 dBFS) there is nothing but the dither of a 16-bit file.
SILENT_LEVEL = 3e-5
# Frames further than this below the loudest tenth of a second are pauses (dB). What lies longer
# than the margin inside one says nothing of level or colour, however much there is of it.
PAUSE_DB = 45.0
PAUSE_MARGIN_SECONDS = 0.2  # that of vc/prepare.py
_LOUD_FRAMES = 10
# The output fades between these distances below the active level (dB): silence stays silence.
GATE_OPEN_DB, GATE_CLOSED_DB = 57.0, 63.0
_GATE_REACH = 5
# Pitch is tracked in cells on a fixed grid, so it does not depend on the length of the pieces.
_PITCH_CELL = 2000
_PITCH_CONTEXT = 100
# Speech peaks at some 4 to 8 times its active level; a click beyond must not make it "silence".
_LARGEST_PEAK = 8 * LEVEL
# Frames at the edges of a piece of waveform whose windows reach beyond it.
_MEL_MARGIN = 4
_SPOOL_BYTES = 64_000_000

Clock = Callable[[str], AbstractContextManager]
# A piece of mel (1, M, T) and the f0 (1, T) that is wanted -> the mel to be rendered (1, M, T).
Renderer = Callable[[Tensor, Tensor], Tensor]


def no_clock(stage: str) -> AbstractContextManager:
    """Measures nothing."""
    return contextlib.nullcontext()


class FloatFile:
    """Numbers that are written once and read anywhere, in memory up to 64 MB and on disk beyond.

    A context manager, as the file wants closing. ``name`` is what an error calls it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115
        self.n_samples = 0

    def append(self, values: Tensor) -> None:
        """Add the values (N,) at the end; raises AudioError when the disk is full."""
        try:
            self._file.seek(4 * self.n_samples)
            self._file.write(np.ascontiguousarray(values.numpy(), dtype=np.float32).tobytes())
        except OSError as error:
            raise AudioError(
                f"{self.name} needs more room for temporary files ({error.strerror}); "
                "point TMPDIR to a larger disk"
            ) from error
        self.n_samples += values.numel()

    def read(self, start: int, stop: int) -> Tensor:
        """Values (stop - start,), or fewer at the end."""
        start, stop = max(0, start), min(stop, self.n_samples)
        self._file.seek(4 * start)
        data = self._file.read(4 * max(0, stop - start))
        return torch.frombuffer(bytearray(data), dtype=torch.float32) if data else torch.zeros(0)

    def __enter__(self) -> "FloatFile":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


class Recording(FloatFile):
    """A mono waveform, decoded once; up to some four minutes of it stay in memory."""

    def __init__(self, blocks: Iterable[Tensor], name: str) -> None:
        super().__init__(name)
        self.peak = 0.0
        try:
            for block in blocks:
                if block.numel():
                    self.peak = max(self.peak, float(block.abs().max()))
                    self.append(block)
        except BaseException:
            self._file.close()
            raise


class Analysis(NamedTuple):
    """What is known of a whole recording before any of it is converted.

    ``heard`` (T,) is False in pauses, ``active`` (T,) True where there is speech; ``mean`` (M,) is
    the mean log-mel over active frames at the house level; ``gate`` (T,) in [0, 1] is what pauses
    are multiplied by; ``f0`` (T,) is in Hz, 0 unvoiced. Where only a weak pitch is heard (see
    vc/harvest) it is negative: unvoiced to the decoder, while the synthesiser follows it.
    """

    level: float
    f0: Tensor
    active: Tensor
    mean: Tensor
    gate: Tensor

    @property
    def n_frames(self) -> int:
        return self.f0.numel()


def analyse(
    recording: Recording,
    log_mel: LogMel,
    clock: Clock = no_clock,
    *,
    chunk_seconds: float = 20.0,
    weak_pitch: bool = True,
) -> Analysis:
    """Level, pitch, activity and mean spectrum of the recording.

    Without ``weak_pitch`` only voiced frames have a pitch (which takes an eighth of the time).
    Raises AudioError when there is nothing but silence in it.
    """
    spec = log_mel.spec
    with clock("features"):
        power = frame_powers(recording, spec)
        heard = outside_pauses(power, spec)
        level = level_of_frames(power[heard]) if recording.n_samples else 0.0
        if level < SILENT_LEVEL:
            raise AudioError(f"{recording.name} holds only silence; choose a recording of speech")
        active, mean = _active_mean(recording, log_mel, LEVEL / level, heard, chunk_seconds)
    with clock("pitch"):
        f0 = _pitch(recording, spec, LEVEL / level, weak_pitch)
    return Analysis(level, f0, active, mean, _gate(power, level))


def frame_powers(recording: Recording, spec: MelSpec) -> Tensor:
    """Mean square (T,), float64, of the two hops that meet at each mel frame."""
    hop = spec.hop_length
    block = 6000 * hop
    parts = []
    for start in range(0, max(1, recording.n_samples), block):
        samples = recording.read(start, start + block)
        n_hops = samples.numel() // hop
        parts.append(samples[: n_hops * hop].reshape(n_hops, hop).square().mean(1).double())
    hops = torch.cat(parts)
    if hops.numel() == 0:
        return recording.read(0, recording.n_samples).double().square().mean().reshape(1)
    return 0.5 * (torch.cat([hops[:1], hops]) + torch.cat([hops, hops[-1:]]))


def outside_pauses(power: Tensor, spec: MelSpec) -> Tensor:
    """True (T,) for frames of power (T,) in sound, or no further from it than the margin."""
    # A tenth of a second: no click, but every short word.
    loudest = power.topk(min(_LOUD_FRAMES, power.numel())).values
    loud = float(loudest[loudest > 0].min()) if bool(loudest[0] > 0) else 0.0
    sound = (power >= loud * 10 ** (-PAUSE_DB / 10)).float()
    return _widened(sound, round(PAUSE_MARGIN_SECONDS * spec.frames_per_second)) > 0


def _widened(x: Tensor, reach: int) -> Tensor:
    """The largest value of x (T,) within ``reach`` frames."""
    return torch.nn.functional.max_pool1d(x[None], 2 * reach + 1, 1, reach)[0]


def read_mel(
    recording: Recording, log_mel: LogMel, gain: float, start: int, stop: int, device: torch.device
) -> Tensor:
    """Frames ``start`` to ``stop`` (1, M, stop - start) of the log-mel of the scaled recording."""
    hop = log_mel.spec.hop_length
    first = max(0, start - _MEL_MARGIN)
    samples = recording.read(first * hop, (stop + _MEL_MARGIN) * hop) * gain
    return log_mel(samples[None].to(device))[..., start - first : stop - first]


def _device_of(module: torch.nn.Module) -> torch.device:
    return next(module.buffers()).device


def _active_mean(
    recording: Recording, log_mel: LogMel, gain: float, heard: Tensor, chunk_seconds: float
) -> tuple[Tensor, Tensor]:
    """`vc.model.active_frames` and `mean_spectrum` of the frames outside pauses, in two passes."""
    n_frames, device = heard.numel(), _device_of(log_mel)
    step = _even(chunk_seconds * log_mel.spec.frames_per_second)
    starts = range(0, n_frames, step)

    def mel(start: int) -> Tensor:
        stop = min(start + step, n_frames)
        return read_mel(recording, log_mel, gain, start, stop, device)[0].cpu()

    # Most recordings are one piece: then the second pass need not compute it again.
    only = mel(0) if len(starts) == 1 else None
    loudness = torch.cat([(mel(s) if only is None else only).mean(0) for s in starts])
    rank = max(1, int(0.95 * int(heard.sum())))
    active = heard & (loudness >= loudness[heard].kthvalue(rank).values - ACTIVE_RANGE)
    total = torch.zeros(log_mel.spec.n_mels, dtype=torch.float64)
    for start in starts:
        piece = mel(start) if only is None else only
        total += piece[:, active[start : start + step]].double().sum(1)
    return active, (total / active.sum().clamp_min(1)).float()


def _pitch(recording: Recording, spec: MelSpec, gain: float, weak_pitch: bool) -> Tensor:
    n_frames = 1 + recording.n_samples // spec.hop_length
    parts = []
    for start in range(0, n_frames, _PITCH_CELL):
        stop = min(start + _PITCH_CELL, n_frames)
        first = max(0, start - _PITCH_CONTEXT)
        samples = recording.read(first * spec.hop_length, (stop + _PITCH_CONTEXT) * spec.hop_length)
        samples, peak = samples * gain, min(recording.peak * gain, _LARGEST_PEAK)
        f0 = track_pitch(samples, spec, peak)
        if weak_pitch:
            f0 = with_weak_pitch(f0, track_contour(samples, spec, peak))
        parts.append(f0[start - first : stop - first])
    return torch.cat(parts)


def _gate(power: Tensor, level: float) -> Tensor:
    """Gain (T,) that is 0 in silence; it opens a little before a sound and closes after it."""
    below = 10 * torch.log10(level**2 / power.clamp_min(1e-20))
    gate = ((GATE_CLOSED_DB - below) / (GATE_CLOSED_DB - GATE_OPEN_DB)).clamp(0, 1).float()
    return _widened(gate, _GATE_REACH)


def render(
    recording: Recording,
    analysis: Analysis,
    log_mel: LogMel,
    make_mel: Renderer,
    f0: Tensor,
    vocoder: Vocoder,
    *,
    context: int,
    chunk_seconds: float = 20.0,
    clock: Clock = no_clock,
) -> Iterator[Tensor]:
    """Consecutive blocks (S,) of what ``make_mel`` and the vocoder make of the recording.

    Together they are as long as the recording and at its own level. ``f0`` (T,) in Hz is the pitch
    they are given; ``context`` the frames on either side that ``make_mel`` may look at (even).
    """
    spec, device = log_mel.spec, _device_of(log_mel)
    step = _even(chunk_seconds * spec.frames_per_second)
    starts = range(0, analysis.n_frames, step)
    pitch = f0[None].to(device)
    with FloatFile(recording.name) as mels:
        powers = []
        for start in starts:
            stop = min(start + step, analysis.n_frames)
            first, last = max(0, start - context), min(stop + context, analysis.n_frames)
            with clock("features"):
                gain = LEVEL / analysis.level
                mel = read_mel(recording, log_mel, gain, first, last, device)
            made = make_mel(mel, pitch[:, first:last])
            inner = slice(start - first, stop - first)
            powers.append(tuple(band_powers(x[0, :, inner], log_mel.filters) for x in (mel, made)))
            # (M, T) -> (T, M): frames follow one another in the file.
            mels.append(made[0, :, inner].float().T.flatten().cpu())
        gain = _level_correction(*(torch.cat(c) for c in zip(*powers, strict=True)), analysis)
        stream, n_sent = vocoder.stream(), 0
        for start in starts:
            stop = min(start + step, analysis.n_frames)
            rows = mels.read(start * spec.n_mels, stop * spec.n_mels)
            mel = rows.reshape(1, -1, spec.n_mels).mT + gain[start:stop]
            mel = mel.to(device)
            with clock("vocoder"):
                if len(starts) == 1:
                    # No need to wait for context, nor to render any of it twice.
                    block = vocoder(mel, pitch)[0].cpu()
                else:
                    block = stream.push(mel, pitch[:, start:stop])[0].cpu()
            yield _levelled(block, n_sent, analysis, spec)
            n_sent += block.numel()
    if len(starts) > 1:
        with clock("vocoder"):
            block = stream.finish()[0].cpu()
        yield _levelled(block, n_sent, analysis, spec)
        n_sent += block.numel()
    # Less than a hop is left over behind the last frame.
    yield torch.zeros(recording.n_samples - n_sent)


def band_powers(mel: Tensor, filters: Tensor) -> Tensor:
    """Power (T,), in units of its own, of a log-mel (M, T) by ``filters`` (F, M); on the CPU.

    A band's magnitude is a mean over its width, so its power counts by its width. All filters have
    one area, so a band is as wide as its filter is low.
    """
    width = 1 / filters.amax(0)
    return torch.einsum("m,mt->t", width, (2 * mel.float()).exp()).double().cpu()


def _level_correction(power: Tensor, made: Tensor, analysis: Analysis) -> Tensor:
    """What to add to each frame of the made log-mel (T,) to be as loud as the recording.

    Frames that would be much louder than the recording's loud ones are bursts of the decoder and
    are held down; then the power over active frames is made that of the recording.
    """
    power, made = power.clamp_min(1e-20), made.clamp_min(1e-20)
    loud = power[analysis.active]
    ceiling = 1.5 * float(loud.kthvalue(max(1, int(0.98 * loud.numel()))).values)
    typical = float((power / made)[analysis.active].median())
    held = (typical * made).clamp_max(ceiling)
    held = held * float(loud.sum() / held[analysis.active].sum())
    return (0.5 * (held / made).log()).float()


def _levelled(block: Tensor, start: int, analysis: Analysis, spec: MelSpec) -> Tensor:
    """Samples ``start`` onwards at the recording's level, silent where it is silent."""
    if block.numel() == 0:
        return block
    gain = analysis.level / LEVEL
    position = torch.arange(start, start + block.numel(), dtype=torch.float64) / spec.hop_length
    frame = position.floor().long().clamp_max(analysis.n_frames - 1)
    after = (frame + 1).clamp_max(analysis.n_frames - 1)
    gate = torch.lerp(analysis.gate[frame], analysis.gate[after], (position - frame).float())
    return _limited(block * gate * gain)


def _limited(x: Tensor, knee: float = 0.9) -> Tensor:
    """x unchanged up to ``knee``, bent softly towards 1 beyond it."""
    over = (x.abs() - knee).clamp_min(0) / (1 - knee)
    return torch.where(over > 0, x.sign() * (knee + (1 - knee) * torch.tanh(over)), x)


def _even(n_frames: float) -> int:
    """A number of frames that begins on whole content codes, two frames each."""
    if not math.isfinite(n_frames) or n_frames < 2:
        raise ValueError("chunk_seconds must be a number of at least 0.02")
    return int(n_frames) // 2 * 2


def move_pitch(
    f0: Tensor,
    own: tuple[float, float],
    target: tuple[float, float],
    *,
    mode: str,
    shift: float,
    pitch_range: float,
) -> Tensor:
    """``f0`` (T,) in Hz with its melody kept and its register moved; 0 stays 0, signs stay.

    ``own`` and ``target`` are (median in Hz, spread of log-F0). "match" puts the median on the
    target's and the spread near it, "shift" leaves both; then both go up by ``shift`` semitones and
    excursions from the median are scaled by ``pitch_range``. "keep" changes nothing.
    """
    if mode == "keep" or own[0] <= 0:
        return f0
    centre, scale = math.log(own[0]), pitch_range
    goal = centre + shift * math.log(2) / 12
    if mode == "match" and target[0] > 0:
        goal += math.log(target[0]) - centre
        if own[1] > 0 and target[1] > 0:
            # Beyond this a melody sounds sung, or dead.
            scale *= min(1.4, max(0.7, target[1] / own[1]))
    moved = (goal + scale * (f0.abs().clamp_min(1.0).log() - centre)).exp().clamp(40.0, 1000.0)
    return moved * f0.sign()
