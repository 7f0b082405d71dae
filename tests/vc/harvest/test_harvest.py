"""The contour of weak pitch against signals of known period and against pyworld's Harvest."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.vc.sounds import voice, voice_and_pitch
from vc.audio import MelSpec, frame_count
from vc.harvest import F0_MAX, F0_MIN, track_contour
from vc.pitch import track_pitch


def pulses(f0: Tensor) -> Tensor:
    """One impulse per period of the frequency ``f0`` (S,) in Hz."""
    turns = torch.cumsum(f0.double() / 16_000, 0)
    return torch.diff(turns.floor(), prepend=torch.zeros(1)).float()


def semitones(a: Tensor, b: Tensor) -> Tensor:
    """Distance where both have a pitch."""
    both = (a > 0) & (b > 0)
    return 12 * torch.log2(a[both] / b[both]).abs()


def in_noise(hz: float, seconds: float, strength: float) -> Tensor:
    """Three harmonics of ``hz`` in white noise (S,), ``strength`` times as strong."""
    t = torch.arange(int(16_000 * seconds)) / 16_000
    noise = torch.randn(len(t), generator=torch.Generator().manual_seed(0))
    return 0.05 * (
        noise + strength * sum(torch.sin(2 * torch.pi * hz * k * t) / k for k in (1, 2, 3))
    )


@pytest.mark.parametrize("hz", [60.0, 80.0, 150.0, 300.0, 450.0])
def test_a_clear_tone_is_tracked_within_a_thousandth(hz: float) -> None:
    inside = track_contour(in_noise(hz, 1.0, 50.0))[8:-8]
    assert torch.all((inside / hz - 1).abs() < 0.001)


@pytest.mark.parametrize(("start", "end"), [(90.0, 180.0), (300.0, 150.0)])
def test_a_glide_over_an_octave_in_a_second_is_followed(start: float, end: float) -> None:
    hz = start * (end / start) ** (torch.arange(16_000) / 16_000)
    inside = slice(8, 92)
    f0, expected = track_contour(pulses(hz))[inside], hz[::160][inside]
    assert torch.all(f0 > 0)
    assert semitones(f0, expected).max() < 0.35


def test_a_pitch_too_weak_for_the_voicing_tracker_is_followed() -> None:
    waveform = in_noise(110.0, 2.0, 0.4)
    f0 = track_contour(waveform)
    assert (track_pitch(waveform) > 0).float().mean() < 0.2
    assert (f0 > 0).float().mean() > 0.9
    assert (semitones(f0, torch.full_like(f0, 110.0)) < 0.5).float().mean() > 0.75


@pytest.mark.parametrize(("hz", "scale"), [(90.0, 0.95), (210.0, 1.17)])
def test_a_synthetic_speaker_is_tracked(hz: float, scale: float) -> None:
    waveform, truth = voice_and_pitch(hz, scale, 3.0, seed=2)
    f0 = track_contour(waveform)
    assert (f0[truth > 0] > 0).float().mean() > 0.97
    assert (semitones(f0, truth) > 1).float().mean() < 0.05


@pytest.mark.parametrize("seconds", [0.0, 0.001, 1.0])
def test_digital_silence_has_no_pitch(seconds: float) -> None:
    f0 = track_contour(torch.zeros(int(16_000 * seconds)))
    assert f0.shape == (1 + int(16_000 * seconds) // 160,)
    assert torch.all(f0 == 0)


def test_silence_beside_speech_has_no_pitch() -> None:
    f0 = track_contour(torch.cat([voice(120.0, 1.0, 1.0, seed=0), torch.zeros(16_000)]))
    assert torch.all(f0[103:] == 0)


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 400, 4_001])
def test_there_are_as_many_frames_as_in_the_mel(n_samples: int) -> None:
    f0 = track_contour(torch.randn(n_samples, generator=torch.Generator().manual_seed(0)))
    assert f0.shape == (frame_count(n_samples, MelSpec()),)
    assert f0.dtype == torch.float32


def test_the_pitch_stays_within_its_range() -> None:
    noise = torch.randn(64_000, generator=torch.Generator().manual_seed(1))
    f0 = track_contour(torch.cat([noise, pulses(torch.full((8_000,), 620.0))]))
    found = f0[f0 > 0]
    assert torch.all((found > 0.95 * F0_MIN) & (found < 1.05 * F0_MAX))


@pytest.mark.parametrize("gain", [1e-4, 8.0])
def test_gain_does_not_change_the_pitch(gain: float) -> None:
    waveform = voice(140.0, 1.0, 2.0, seed=4)
    a, b = track_contour(waveform * gain), track_contour(waveform)
    assert ((a / b.clamp_min(1) - b.sign()).abs() < 0.01).float().mean() > 0.98


def test_pieces_with_half_a_second_of_context_are_the_whole() -> None:
    waveform = voice(130.0, 1.0, 6.0, seed=5)
    whole, peak = track_contour(waveform), float(waveform.abs().max())
    context, step, pieces = 50, 130, []
    for start in range(0, len(whole), step):
        stop = min(start + step, len(whole))
        first, last = max(0, start - context), min(len(whole), stop + context)
        piece = track_contour(waveform[first * 160 : last * 160], peak=peak)
        pieces.append(piece[start - first : stop - first])
    joined = torch.cat(pieces)
    # At its very edges a piece lacks the rise and fall of its neighbours.
    assert ((joined / whole.clamp_min(1) - whole.sign()).abs() < 0.01).float().mean() > 0.99


def test_other_sample_rates_give_the_same_pitch() -> None:
    spec = MelSpec(sample_rate=24_000, hop_length=240, n_fft=1536, win_length=960, f_max=12_000.0)
    t = torch.arange(24_000) / 24_000
    tone = sum(torch.sin(2 * torch.pi * 130 * k * t) / k for k in (1, 2, 3))
    inside = track_contour(tone, spec)[8:-8]
    assert torch.all((inside / 130 - 1).abs() < 0.01)


def test_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(S,\)"):
        track_contour(torch.zeros(1, 1600))


@pytest.mark.parametrize(("hz", "scale"), [(120.0, 1.0), (210.0, 1.17)])
def test_pyworlds_harvest_agrees(hz: float, scale: float) -> None:
    pyworld = pytest.importorskip("pyworld", reason="pyworld comes with the eval extra")
    waveform = voice(hz, scale, 3.0, seed=6) + 0.3 * in_noise(hz, 3.0, 0.4)
    reference, _ = pyworld.harvest(
        waveform.double().numpy(), 16_000, f0_floor=F0_MIN, f0_ceil=F0_MAX, frame_period=10.0
    )
    reference = torch.from_numpy(reference.astype(np.float32))
    f0 = track_contour(waveform)
    assert ((f0 > 0) == (reference > 0)).float().mean() > 0.85
    assert (semitones(f0, reference) < 0.5).float().mean() > 0.85
