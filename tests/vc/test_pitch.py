"""The pitch tracker against signals of known pitch and against librosa's pyin."""

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.vc.sounds import voice, voice_and_pitch
from vc.audio import MelSpec, frame_count
from vc.pitch import F0_MAX, F0_MIN, track_pitch

SPEAKERS = [(80.0, 0.95), (120.0, 1.0), (210.0, 1.17), (330.0, 1.3)]


def pulses(f0: Tensor) -> Tensor:
    """One impulse per period of the frequency ``f0`` (S,) in Hz."""
    turns = torch.cumsum(f0.double() / 16_000, 0)
    return torch.diff(turns.floor(), prepend=torch.zeros(1)).float()


def semitones(a: Tensor, b: Tensor) -> Tensor:
    """Distance where both are voiced."""
    both = (a > 0) & (b > 0)
    return 12 * torch.log2(a[both] / b[both]).abs()


@pytest.mark.parametrize("hz", [80.0, 150.0, 300.0, 450.0])
def test_a_pulse_train_is_tracked_within_one_per_cent(hz: float) -> None:
    f0 = track_pitch(pulses(torch.full((16_000,), hz)))
    inside = f0[5:-5]
    assert torch.all(inside > 0)
    assert torch.all((inside / hz - 1).abs() < 0.01)


# The lower edge of the band pulls the deepest voices up by a third of a semitone at most.
@pytest.mark.parametrize(
    ("hz", "tolerance"),
    [(65.0, 0.025), (70.0, 0.025), (85.0, 0.01), (200.0, 0.005), (550.0, 0.005)],
)
def test_a_tone_of_three_harmonics_is_tracked_without_octave_errors(
    hz: float, tolerance: float
) -> None:
    t = torch.arange(16_000) / 16_000
    tone = sum(torch.sin(2 * torch.pi * hz * k * t) / k for k in (1, 2, 3))
    inside = track_pitch(0.1 * tone)[5:-5]
    assert (inside / hz - 1).abs().max() < tolerance


def test_a_missing_fundamental_is_still_the_pitch() -> None:
    t = torch.arange(16_000) / 16_000
    tone = sum(torch.sin(2 * torch.pi * 150 * k * t) for k in range(2, 8))
    inside = track_pitch(0.05 * tone)[5:-5]
    assert torch.all((inside / 150 - 1).abs() < 0.01)


@pytest.mark.parametrize(("start", "end"), [(90.0, 180.0), (300.0, 150.0), (200.0, 500.0)])
def test_a_glide_over_an_octave_in_a_second_is_followed(start: float, end: float) -> None:
    hz = start * (end / start) ** (torch.arange(16_000) / 16_000)
    f0 = track_pitch(pulses(hz))
    expected = hz[::160]
    inside = slice(5, 95)
    assert torch.all(f0[inside] > 0)
    assert semitones(f0[inside], expected[inside]).max() < 0.35


@pytest.mark.parametrize("seconds", [0.0, 0.001, 1.0])
def test_digital_silence_is_unvoiced(seconds: float) -> None:
    f0 = track_pitch(torch.zeros(int(16_000 * seconds)))
    assert f0.shape == (1 + int(16_000 * seconds) // 160,)
    assert torch.all(f0 == 0)


def test_white_noise_is_unvoiced() -> None:
    noise = 0.1 * torch.randn(64_000, generator=torch.Generator().manual_seed(0))
    assert (track_pitch(noise) > 0).float().mean() < 0.01


def test_noise_coloured_by_a_room_is_mostly_unvoiced() -> None:
    noise = torch.randn(64_000, generator=torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft(noise)
    hz = torch.fft.rfftfreq(64_000, 1 / 16_000)
    # A broad resonance at 550 Hz: periodic at one short lag, not at its double.
    coloured = torch.fft.irfft(spectrum / (1 + ((hz - 550) / 150) ** 2))
    assert (track_pitch(coloured) > 0).float().mean() < 0.25


def test_quiet_hum_between_words_is_unvoiced() -> None:
    speech = voice(120.0, 1.0, 2.0, seed=0)
    hum = 0.002 * torch.sin(2 * torch.pi * 100 * torch.arange(16_000) / 16_000)
    f0 = track_pitch(torch.cat([speech, hum * speech.abs().max()]))
    assert torch.all(f0[210:] == 0)


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 4_001])
def test_there_are_as_many_frames_as_in_the_mel(n_samples: int) -> None:
    f0 = track_pitch(torch.randn(n_samples))
    assert f0.shape == (frame_count(n_samples, MelSpec()),)
    assert f0.dtype == torch.float32


@pytest.mark.parametrize(("hz", "scale"), SPEAKERS)
def test_a_synthetic_speaker_is_tracked(hz: float, scale: float) -> None:
    waveform, truth = voice_and_pitch(hz, scale, 3.0, seed=2)
    f0 = track_pitch(waveform)
    voiced = truth > 0
    assert (f0[voiced] > 0).float().mean() > 0.9
    assert (semitones(f0, truth) > 1).float().mean() < 0.03
    assert semitones(f0, truth).median() < 0.2


@pytest.mark.parametrize(("hz", "scale"), SPEAKERS[1:3])
def test_noise_and_rumble_leave_most_of_the_voice(hz: float, scale: float) -> None:
    waveform, truth = voice_and_pitch(hz, scale, 3.0, seed=2)
    rng = torch.Generator().manual_seed(0)
    level = waveform.square().mean().sqrt()
    t = torch.arange(len(waveform)) / 16_000
    rumble = level * torch.sin(2 * torch.pi * 30 * t)
    hiss = 0.3 * level * torch.randn(len(waveform), generator=rng)
    f0 = track_pitch(waveform + rumble + hiss)
    assert (f0[truth > 0] > 0).float().mean() > 0.8
    assert (semitones(f0, truth) > 1).float().mean() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("hz", "scale"), SPEAKERS)
def test_librosas_pyin_agrees(hz: float, scale: float) -> None:
    waveform = voice(hz, scale, 2.0, seed=3)
    reference, _, _ = librosa.pyin(
        waveform.numpy(), fmin=F0_MIN, fmax=F0_MAX, sr=16_000, frame_length=1024, hop_length=160
    )
    reference = torch.from_numpy(np.nan_to_num(reference)).float()
    f0 = track_pitch(waveform)
    assert ((f0 > 0) == (reference > 0)).float().mean() > 0.8
    assert (semitones(f0, reference) < 0.5).float().mean() > 0.95


@pytest.mark.parametrize("gain", [1e-4, 0.1, 8.0])
def test_gain_does_not_change_the_pitch(gain: float) -> None:
    waveform = voice(140.0, 1.0, 2.0, seed=4)
    torch.testing.assert_close(
        track_pitch(waveform * gain), track_pitch(waveform), rtol=1e-3, atol=0
    )


def test_an_offset_does_not_change_the_voicing() -> None:
    waveform = voice(140.0, 1.0, 2.0, seed=4)
    same = (track_pitch(waveform + 0.2) > 0) == (track_pitch(waveform) > 0)
    assert same[5:-5].float().mean() > 0.97


@pytest.mark.parametrize("step", [50, 130])
def test_pieces_with_half_a_second_of_context_are_the_whole(step: int) -> None:
    waveform = voice(130.0, 1.0, 6.0, seed=5)
    whole = track_pitch(waveform)
    peak = float(waveform.abs().max())
    n_frames, context = len(whole), 50
    pieces = []
    for start in range(0, n_frames, step):
        stop = min(start + step, n_frames)
        first, last = max(0, start - context), min(n_frames, stop + context)
        piece = track_pitch(waveform[first * 160 : last * 160], peak=peak)
        pieces.append(piece[start - first : stop - first])
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-5, atol=0)


def test_the_pitch_stays_within_its_range() -> None:
    noise = torch.randn(64_000, generator=torch.Generator().manual_seed(1)).cumsum(0)
    f0 = track_pitch(torch.cat([noise / noise.abs().max(), pulses(torch.full((8_000,), 620.0))]))
    voiced = f0[f0 > 0]
    assert torch.all((voiced >= F0_MIN) & (voiced <= F0_MAX))


def test_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(S,\)"):
        track_pitch(torch.zeros(1, 1600))
