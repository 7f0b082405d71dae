import torch

from vc.audio import LogMel
from vc.synthesis.griffin_lim import GriffinLim


def tone(frequency: float, seconds: float) -> torch.Tensor:
    return 0.1 * torch.sin(2 * torch.pi * frequency * torch.arange(int(16_000 * seconds)) / 16_000)


def test_a_tone_comes_back_at_its_pitch_and_level():
    waveform = tone(440.0, 1.0)
    mel = LogMel()(waveform[None])
    again = GriffinLim()(mel, torch.zeros(1, mel.shape[2]))[0]
    assert again.shape == (16_000,)
    spectrum = torch.fft.rfft(again[1600:-1600] * torch.hann_window(12_800)).abs()
    assert abs(int(spectrum.argmax()) * 16_000 / 12_800 - 440) < 25
    assert 0.5 < float(again[1600:-1600].std() / waveform.std()) < 2


def test_pieces_sound_like_the_whole():
    mel = LogMel()(torch.cat([tone(f, 1.0) for f in (300.0, 500.0, 350.0, 700.0, 200.0)])[None])
    f0 = torch.zeros(1, mel.shape[2])
    vocoder = GriffinLim(n_iterations=4)
    whole = vocoder(mel, f0)
    for size in (90, 300):
        stream = vocoder.stream()
        pieces = zip(mel.split(size, 2), f0.split(size, 1), strict=True)
        parts = [stream.push(m, f) for m, f in pieces] + [stream.finish()]
        torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=0.0)


def test_it_leaves_the_callers_random_numbers_alone():
    mel = LogMel()(tone(300.0, 0.5)[None])
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    GriffinLim(n_iterations=2)(mel, torch.zeros(1, mel.shape[2]))
    assert torch.equal(torch.rand(4), expected)
