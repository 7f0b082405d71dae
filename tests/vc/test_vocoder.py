from dataclasses import replace

import pytest
import torch

from vc.audio import MelSpec
from vc.vocoder import (
    PACKAGED,
    GriffinLim,
    SourceFilter,
    load_vocoder,
    save_synthesiser,
)


def tiny() -> SourceFilter:
    return SourceFilter(width=16, dilations=(1,)).eval()


@pytest.mark.parametrize("make", [tiny, lambda: GriffinLim(n_iterations=2)])
@pytest.mark.parametrize("n_frames", [1, 2, 3, 50])
def test_every_vocoder_gives_one_hop_less_than_its_frames_and_always_the_same(make, n_frames):
    mel, f0 = torch.randn(2, 80, n_frames) - 5, torch.full((2, n_frames), 120.0)
    vocoder = make()
    with torch.inference_mode():
        waveform = vocoder(mel, f0)
        assert waveform.shape == (2, (n_frames - 1) * 160)
        assert torch.equal(waveform, vocoder(mel, f0))
        stream = vocoder.stream()
        parts = [stream.push(mel, f0), stream.finish()]
    torch.testing.assert_close(torch.cat(parts, 1), waveform, atol=1e-6, rtol=0.0)


def test_a_stream_with_nothing_in_it_says_so():
    with pytest.raises(ValueError, match="nothing was pushed"):
        tiny().stream().finish()


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="mel must be"):
        tiny()(torch.zeros(1, 64, 10), torch.zeros(1, 10))
    with pytest.raises(ValueError, match="f0 must be"):
        tiny()(torch.zeros(1, 80, 10), torch.zeros(1, 11))


def test_a_saved_synthesiser_sounds_the_same_again(tmp_path):
    model = tiny()
    mel, f0 = torch.randn(1, 80, 30) - 5, torch.full((1, 30), 120.0)
    again = load_vocoder(save_synthesiser(model, tmp_path / "out"))
    with torch.inference_mode():
        torch.testing.assert_close(again(mel, f0), model(mel, f0), atol=1e-3, rtol=0.02)


def test_a_synthesiser_for_other_mels_is_refused(tmp_path):
    folder = save_synthesiser(tiny(), tmp_path / "out")
    with pytest.raises(ValueError, match="other mels"):
        load_vocoder(folder, replace(MelSpec(), floor=1e-3))


def test_a_synthesiser_that_was_not_told_of_weak_pitch_is_refused_with_the_remedy(tmp_path):
    before = tiny()
    before.enter.weight = torch.nn.Parameter(before.enter.weight[:, :-1])
    folder = save_synthesiser(before, tmp_path / "out")
    with pytest.raises(ValueError, match=r"earlier version.*fit-synthesiser"):
        load_vocoder(folder)


def test_vocoders_are_found_by_name(tmp_path):
    assert isinstance(load_vocoder("griffin-lim"), GriffinLim)
    with pytest.raises(ValueError, match="no such folder"):
        load_vocoder(tmp_path / "nothing")
    with pytest.raises(ValueError, match="no HiFi-GAN"):
        load_vocoder(f"hifigan:{tmp_path}")


@pytest.mark.skipif(not PACKAGED.is_dir(), reason="no packaged weights in this checkout")
def test_the_packaged_synthesiser_loads_and_is_silent_in_silence():
    vocoder = load_vocoder(None, MelSpec())
    mel, f0 = torch.full((1, 80, 60), MelSpec().floor).log(), torch.zeros(1, 60)
    for pitch in (f0, f0 + 130.0):
        with torch.inference_mode():
            assert vocoder(mel, pitch).abs().max() < 10 ** (-60 / 20)
