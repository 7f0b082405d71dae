"""What drives the synthesiser before any filter: glottal pulses and noise.

All of it is a function of absolute position (the phase of the voice and the number of the sample),
so that a recording rendered piece by piece is the recording rendered at once.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

# The pulses go on this many frames beyond the tracked voicing; the network decides how loudly.
_VOICING_MARGIN = 2
# Held one frame further than they sound, so that no glide from 0 Hz is ever heard.
_HOLD = _VOICING_MARGIN + 1
_NOISE_BLOCK = 4096
_NOISE_SEED = 20_000_003
# Frames at the cut edge of a piece whose held pitch may differ from that of the whole recording.
PITCH_CONTEXT = _HOLD + 1


class Position(NamedTuple):
    """Where a piece lies in its recording.

    ``start_frame`` is the number of its first frame; the voice has made ``phase`` (B,) cycles
    (float64, modulo 1) at the piece's own frame ``anchor``.
    """

    start_frame: int = 0
    anchor: int = 0
    phase: Tensor | float = 0.0


class Excitation(NamedTuple):
    """Signals (B, S + 2 * margin) of unit power where they sound."""

    pulses: Tensor
    noise: Tensor


def hold_pitch(f0: Tensor) -> tuple[Tensor, Tensor]:
    """|F0| (B, T) held a little beyond voicing, and the gate (B, T) in [0, 1] of the pulses.

    Negative values are weak pitch; it has pulses as well.
    """
    f0 = f0.abs()
    voiced = f0 > 0
    gate = voiced
    for _ in range(_HOLD):
        before = functional.pad(f0, (1, 0))[:, :-1]
        after = functional.pad(f0, (0, 1))[:, 1:]
        f0 = torch.where(f0 > 0, f0, torch.where(before > 0, before, after))
    for _ in range(_VOICING_MARGIN):
        gate = gate | functional.pad(gate, (1, 0))[:, :-1] | functional.pad(gate, (0, 1))[:, 1:]
    return f0, gate.to(f0.dtype)


def _to_samples(frames: Tensor, hop: int) -> Tensor:
    """Straight lines between frames: (B, T) -> (B, (T - 1) * hop)."""
    ramp = torch.arange(hop, dtype=frames.dtype, device=frames.device) / hop
    left, right = frames[:, :-1, None], frames[:, 1:, None]
    return (left + (right - left) * ramp).flatten(1)


def _cycles(f0: Tensor, hop: int, sample_rate: int, position: Position) -> Tensor:
    """Cycles (B, (T - 1) * hop + 1) made by the voice at each sample; float64, not wrapped."""
    steps = _to_samples(f0.double(), hop) / sample_rate
    cycles = functional.pad(steps.cumsum(1), (1, 0))
    phase = torch.as_tensor(position.phase, dtype=torch.float64, device=f0.device)
    anchor = cycles[:, position.anchor * hop]
    return cycles + (phase - anchor)[:, None]


def frame_phase(f0: Tensor, hop: int, sample_rate: int, position: Position) -> Tensor:
    """Cycles (B, T) made by the voice at each frame, modulo 1, float64.

    The first and last ``PITCH_CONTEXT`` frames of a piece are not to be carried over.
    """
    held, _ = hold_pitch(f0)
    return _cycles(held, hop, sample_rate, position)[:, ::hop].remainder(1.0)


def pulse_train(cycles: Tensor, f0: Tensor, sample_rate: int) -> Tensor:
    """Pulses of unit power with every harmonic of ``f0`` (B, S) below half the sample rate.

    ``cycles`` (B, S) is the phase of the fundamental. The sum of K cosines in closed form
    (Dirichlet's kernel); the topmost harmonic fades in by its share of the band, so that a
    moving pitch makes no clicks.
    """
    n_harmonics = 0.5 * sample_rate / f0.clamp_min(20.0)
    whole = n_harmonics.floor()
    # Distance to the nearest pulse in radians: small numbers keep float32 exact.
    angle = ((cycles - cycles.round()) * (2 * math.pi)).float()
    half = torch.sin(0.5 * angle)
    at_pulse = half.abs() < 1e-4
    kernel = torch.sin((whole + 0.5) * angle) / torch.where(at_pulse, torch.ones_like(half), half)
    total = 0.5 * torch.where(at_pulse, 2 * whole + 1, kernel) - 0.5
    total = total + (n_harmonics - whole) * torch.cos((whole + 1) * angle)
    return total * torch.sqrt(2.0 / n_harmonics)


def positional_noise(start: int, n_samples: int) -> Tensor:
    """Gaussian noise (S,) that depends only on the number of each sample (from ``start``, which
    may be negative)."""
    first = start // _NOISE_BLOCK
    last = (start + n_samples - 1) // _NOISE_BLOCK
    generator = torch.Generator()
    blocks = []
    for block in range(first, last + 1):
        generator.manual_seed((_NOISE_SEED + block) % 2**31)
        blocks.append(torch.randn(_NOISE_BLOCK, generator=generator))
    offset = start - first * _NOISE_BLOCK
    return torch.cat(blocks)[offset : offset + n_samples]


def excite(
    f0: Tensor,
    hop: int,
    sample_rate: int,
    margin: int,
    position: Position | None = None,
) -> Excitation:
    """The excitation of frames ``f0`` (B, T) in Hz: (T - 1) * hop samples and ``margin`` on both
    sides. Without a ``position`` the noise is a fresh random draw, the same phase 0 everywhere."""
    batch, n_frames = f0.shape
    n_samples = (n_frames - 1) * hop
    total = n_samples + 2 * margin
    if position is None:
        noise = torch.randn(batch, total, device=f0.device)
        phase = torch.rand(batch, dtype=torch.float64, device=f0.device)
        position = Position(phase=phase)
    else:
        noise = positional_noise(position.start_frame * hop - margin, total)
        noise = noise.to(f0.device).expand(batch, total)
    held, gate = hold_pitch(f0.float())
    cycles = _cycles(held, hop, sample_rate, position)[:, :-1]
    gate = _to_samples(gate, hop)
    pulses = pulse_train(cycles, _to_samples(held, hop), sample_rate) * gate
    return Excitation(functional.pad(pulses, (margin, margin)), noise)
