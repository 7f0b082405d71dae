"""Invented voices differ from all known ones and can be spoken in."""

import pytest
import torch

from tests.vc.serving import make_converter
from tests.vc.sounds import SAMPLE_RATE, voice
from vc.encoders import Speaker
from vc.voice_space import NEAREST, VoiceSpace, _flat, invent, nearest, save_map
from vc.voices import VoiceError, VoiceProfile


def made_up(n: int, fingerprint: str = "abc") -> list[VoiceProfile]:
    """Voices of random codes, as wide as the tiny converter's."""
    shapes = make_converter().profile((voice(120.0, 1.0, 2.0, 0), SAMPLE_RATE)).speaker
    return [
        VoiceProfile(
            Speaker(
                torch.randn_like(shapes.vector),
                torch.randn_like(shapes.tokens),
                torch.randn_like(shapes.mean) - 5,
                torch.rand_like(shapes.deviation) + 0.5,
            ),
            100.0 + 20 * i,
            0.2,
            f"voice {i}",
            fingerprint,
        )
        for i in range(n)
    ]


def test_an_invented_voice_is_none_of_the_known_and_repeatable():
    known = made_up(6)
    first, again, other = (invent(known, seed) for seed in (1, 1, 2))
    assert nearest(first, known) < NEAREST
    assert torch.equal(first.vector, again.vector)
    assert not torch.allclose(first.vector, other.vector)
    assert bool((first.speaker.deviation > 0).all())
    assert 60 <= first.f0_median <= 400


def test_an_invented_voice_can_be_spoken_in():
    converter = make_converter()
    invented = invent(made_up(5, converter.fingerprint), 0)
    waveform, _ = converter.convert((voice(120.0, 1.0, 1.0, 3), SAMPLE_RATE), invented)
    assert bool(torch.isfinite(waveform).all())
    assert float(waveform.abs().max()) > 0


def test_a_space_of_many_voices_gives_others_as_likely_as_they_are():
    known = made_up(60)
    space = VoiceSpace.fit(known)
    generator = torch.Generator().manual_seed(0)
    drawn = [space.sample(known[0], generator, "new") for _ in range(20)]
    coordinates = space.prior.coordinates(torch.stack([_flat(voice) for voice in drawn]))
    assert float(space.mixture.log_probability(coordinates).min()) >= space.least_likely - 1e-3
    spread = torch.stack([voice.vector for voice in drawn]).std(0).mean()
    real = torch.stack([voice.vector for voice in known]).std(0).mean()
    assert 0.4 < float(spread / real) < 1.2
    assert all(voice.fingerprint == "abc" for voice in drawn)
    with pytest.raises(VoiceError, match="at least 20 speakers, got 19"):
        VoiceSpace.fit(known[:19])


def test_too_few_voices_invent_nothing_and_draw_no_map(tmp_path):
    with pytest.raises(VoiceError, match="at least three"):
        invent(made_up(2), 0)
    with pytest.raises(VoiceError, match="at least three"):
        save_map(made_up(2), tmp_path / "map.png")


def test_a_map_is_a_picture_of_a_known_kind(tmp_path):
    assert save_map(made_up(4), tmp_path / "map.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="png"):
        save_map(made_up(4), tmp_path / "map.docx")
