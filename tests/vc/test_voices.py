import math
from dataclasses import replace

import pytest
import torch

from vc.encoders import Speaker
from vc.matching import Match
from vc.voices import (
    VoiceError,
    VoiceProfile,
    blend,
    interpolate,
    load_profile,
    pitch_statistics,
    save_profile,
)


def make_profile(seed: int = 0, f0: float = 120.0, fingerprint: str = "abc") -> VoiceProfile:
    rng = torch.Generator().manual_seed(seed)
    speaker = Speaker(
        torch.randn(12, generator=rng),
        torch.randn(3, 12, generator=rng),
        torch.randn(80, generator=rng) - 5,
        torch.rand(80, generator=rng) + 0.5,
    )
    match = Match(torch.randn(80, generator=rng), torch.randn(80, 80, generator=rng))
    match = Match(*(x.half().float() for x in match))
    return VoiceProfile(speaker, f0, 0.2, f"voice {seed}", fingerprint, match)


def same(a: VoiceProfile, b: VoiceProfile, tolerance: float = 0.0) -> bool:
    tensors = all(
        torch.allclose(x, y, atol=tolerance, rtol=0)
        for x, y in zip((*a.speaker, *a.match), (*b.speaker, *b.match), strict=True)
    )
    numbers = math.isclose(a.f0_median, b.f0_median) and math.isclose(a.f0_spread, b.f0_spread)
    return tensors and numbers and a.fingerprint == b.fingerprint


def test_a_saved_voice_comes_back_bit_for_bit(tmp_path):
    profile = make_profile()
    path = save_profile(profile, tmp_path / "deep" / "Bea Ö.voice")
    loaded = load_profile(path, "abc")
    assert same(loaded, profile)
    assert loaded.name == profile.name


def test_a_voice_file_is_small_and_holds_nothing_but_the_speaker(tmp_path):
    path = save_profile(make_profile(), tmp_path / "b.voice")
    assert path.stat().st_size < 50_000
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_voice_is_kept_without_force(tmp_path):
    path = save_profile(make_profile(0), tmp_path / "b.voice")
    with pytest.raises(VoiceError, match="--force"):
        save_profile(make_profile(1), path, force=False)
    assert same(load_profile(path), make_profile(0))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\0\0\0\0\0\0\0{}      ", b"\xff" * 99])
def test_what_is_not_a_voice_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "b.voice"
    path.write_bytes(content)
    with pytest.raises(VoiceError, match="not a voice file") as error:
        load_profile(path)
    assert "\n" not in str(error.value)


def test_a_truncated_voice_is_refused(tmp_path):
    path = save_profile(make_profile(), tmp_path / "b.voice")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(VoiceError, match="not a voice file"):
        load_profile(path)


def test_other_tensors_are_not_taken_for_a_voice(tmp_path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(3)}, tmp_path / "b.voice")
    with pytest.raises(VoiceError, match="not a voice file"):
        load_profile(tmp_path / "b.voice")


def test_values_that_are_not_finite_are_refused(tmp_path):
    profile = make_profile()
    profile.speaker.vector[3] = torch.nan
    path = save_profile(profile, tmp_path / "b.voice")
    with pytest.raises(VoiceError, match="not finite"):
        load_profile(path)


def test_a_voice_of_other_weights_is_refused(tmp_path):
    path = save_profile(make_profile(), tmp_path / "b.voice")
    with pytest.raises(VoiceError, match="other weights"):
        load_profile(path, "another")


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(VoiceError, match=r"\.voice"):
        save_profile(make_profile(), tmp_path / "b.wav")
    assert not list(tmp_path.iterdir())


def test_a_blend_with_all_weight_on_one_voice_is_that_voice():
    a, b = make_profile(0, 100.0), make_profile(1, 200.0)
    assert same(blend([a, b], [1, 0]), a)
    assert same(blend([a, b], [0, 3]), b, 1e-6)


def test_an_even_blend_lies_in_the_middle_and_does_not_depend_on_order():
    a, b = make_profile(0, 100.0), make_profile(1, 400.0)
    mixed = blend([a, b])
    assert mixed.f0_median == pytest.approx(200.0)
    assert torch.allclose(mixed.vector, 0.5 * (a.vector + b.vector))
    assert same(mixed, blend([b, a]), 1e-6)


def test_weights_are_shares():
    a, b = make_profile(0), make_profile(1)
    assert same(blend([a, b], [3, 7]), blend([a, b], [0.3, 0.7]), 1e-6)


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [-1.0, 2.0], [math.nan, 1.0]])
def test_weights_that_make_no_sense_are_refused(weights):
    with pytest.raises(VoiceError, match="weights"):
        blend([make_profile(0), make_profile(1)], weights)


def test_voices_of_different_weights_are_not_blended():
    with pytest.raises(VoiceError, match="different weights"):
        blend([make_profile(0), make_profile(1, fingerprint="other")])


def test_a_whisper_has_no_say_in_the_pitch_of_a_blend():
    whisper = replace(make_profile(1), f0_median=0.0, f0_spread=0.0)
    mixed = blend([make_profile(0, 150.0), whisper])
    assert mixed.f0_median == pytest.approx(150.0)
    assert mixed.f0_spread == pytest.approx(0.2)


def test_strength_goes_from_the_own_voice_to_the_target_and_beyond():
    own, target = make_profile(0, 100.0), make_profile(1, 200.0)
    assert same(interpolate(own, target, 0.0), replace(own, name=target.name), 1e-6)
    assert same(interpolate(own, target, 1.0), target)
    beyond = interpolate(own, target, 1.5)
    assert beyond.f0_median == pytest.approx(100 * 2**1.5)
    assert bool((beyond.speaker.deviation > 0).all())


def test_pitch_statistics_ignore_unvoiced_frames_and_a_few_octave_errors():
    rng = torch.Generator().manual_seed(0)
    f0 = 150 * torch.exp(0.2 * torch.randn(4000, generator=rng))
    median, spread = pitch_statistics(f0)
    assert median == pytest.approx(150, rel=0.01)
    assert spread == pytest.approx(0.2, rel=0.05)
    f0[::50] *= 2
    f0 = torch.cat([f0, torch.zeros(9000)])
    median, spread = pitch_statistics(f0)
    assert median == pytest.approx(150, rel=0.02)
    assert spread == pytest.approx(0.2, rel=0.1)


def test_nothing_voiced_has_no_pitch():
    assert pitch_statistics(torch.zeros(5)) == (0.0, 0.0)
