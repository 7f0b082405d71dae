import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.vc.serving import make_converter, write_voice, write_weights
from tests.vc.sounds import SAMPLE_RATE, voice
from vc import VoiceConverter, conversion, inference
from vc.__main__ import build_parser
from vc.audio import AudioError, active_level, read_audio
from vc.inference import EMPHASIS, expanded
from vc.vocoder import GriffinLim
from vc.voices import VoiceError, blend, pitch_statistics

SOURCE = (voice(120, 1.0, 3.37, 0), SAMPLE_RATE)
TARGET = (voice(210, 1.17, 2.5, 1), SAMPLE_RATE)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder)
    return folder


@pytest.fixture
def converter(weights) -> VoiceConverter:
    return VoiceConverter.from_pretrained(weights)


def likeness(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0))


# --- the result ---------------------------------------------------------------------------------


def test_the_result_is_as_long_and_about_as_loud_as_the_source(converter):
    waveform, sample_rate = converter.convert(SOURCE, TARGET)
    assert sample_rate == SAMPLE_RATE
    assert waveform.shape == SOURCE[0].shape
    assert waveform.dtype == torch.float32
    assert 0.1 < active_level(waveform) / active_level(SOURCE[0]) < 10


@pytest.mark.parametrize("error", [-1.5, 1.5])
def test_a_decoder_that_is_too_loud_or_soft_does_not_change_the_level(
    converter, monkeypatch, error
):
    target = converter.profile(TARGET)
    plain = converter.convert(SOURCE, target).waveform
    monkeypatch.setattr(inference, "expanded", lambda *args: expanded(*args) + error)
    wrong = converter.convert(SOURCE, target).waveform
    assert active_level(wrong) == pytest.approx(active_level(plain), rel=0.02)
    assert 0.5 < active_level(plain) / active_level(SOURCE[0]) < 2


def test_a_burst_of_the_decoder_does_not_push_the_rest_down(converter, monkeypatch):
    target = converter.profile(TARGET)
    plain = converter.convert(SOURCE, target).waveform
    decode = converter.network.decode

    def bursting(*args):
        mel = decode(*args)
        mel[..., 100:106] += 4.0
        return mel

    monkeypatch.setattr(converter.network, "decode", bursting)
    bursts = converter.convert(SOURCE, target).waveform
    rest = slice(150 * 160, None)
    assert active_level(bursts[rest]) == pytest.approx(active_level(plain[rest]), rel=0.1)


def test_fast_conversion_never_asks_for_the_second_pitch_contour(weights, monkeypatch):
    def refuse(*args):
        raise AssertionError("the slow contour was tracked")

    monkeypatch.setattr(conversion, "track_contour", refuse)
    fast = VoiceConverter.from_pretrained(weights, fast=True)
    assert fast.convert(SOURCE, TARGET).waveform.shape == SOURCE[0].shape
    with pytest.raises(AssertionError, match="slow contour"):
        VoiceConverter.from_pretrained(weights).convert(SOURCE, TARGET)


def test_an_expander_lowers_what_is_below_the_voices_mean_and_nothing_else():
    mean = torch.tensor([[-5.0, -3.0]])
    mel = torch.tensor([[[-5.0, -4.0, -7.0], [-3.0, -1.0, -4.0]]])
    wanted = torch.tensor([[[-5.0, -4.0, -8.0], [-3.0, -1.0, -4.5]]])
    assert torch.equal(expanded(mel, mean, 0.5), wanted)
    assert torch.equal(expanded(mel, mean, 0.0), mel)


def test_the_same_input_gives_the_same_output(converter):
    first, second = (converter.convert(SOURCE, TARGET).waveform for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("chunk_seconds", [0.4, 1.0, 2.11])
def test_the_length_of_the_pieces_changes_nothing(converter, chunk_seconds):
    whole = converter.convert(SOURCE, TARGET).waveform
    converter.chunk_seconds = chunk_seconds
    pieces = converter.convert(SOURCE, TARGET).waveform
    assert (whole - pieces).abs().max() < 1e-4 * whole.abs().max()


def test_the_length_of_the_pieces_changes_nothing_with_griffin_lim(converter):
    converter.vocoder = GriffinLim(n_iterations=2)
    whole = converter.convert(SOURCE, TARGET).waveform
    converter.chunk_seconds = 0.9
    pieces = converter.convert(SOURCE, TARGET).waveform
    assert (whole - pieces).abs().max() < 1e-3 * whole.abs().max()


@pytest.mark.parametrize("gain", [0.1, 2.0])
def test_a_louder_source_gives_the_same_louder(converter, gain):
    plain = converter.convert(SOURCE, TARGET).waveform
    scaled = converter.convert((SOURCE[0] * gain, SAMPLE_RATE), TARGET).waveform
    assert torch.allclose(scaled / gain, plain, atol=1e-3 * float(plain.abs().max()))


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_a_louder_reference_is_the_same_voice(converter, gain):
    plain = converter.profile(TARGET)
    scaled = converter.profile((TARGET[0] * gain, SAMPLE_RATE))
    for a, b in zip(plain.speaker, scaled.speaker, strict=True):
        assert torch.allclose(a, b, atol=1e-3)
    assert scaled.f0_median == pytest.approx(plain.f0_median, rel=1e-3)


def test_silence_inside_a_sentence_stays_silent(converter):
    speech = SOURCE[0]
    source = torch.cat([speech, torch.zeros(2 * SAMPLE_RATE), speech])
    waveform = converter.convert((source, SAMPLE_RATE), TARGET).waveform
    start = len(speech) + SAMPLE_RATE // 4
    assert waveform[start : start + SAMPLE_RATE].square().mean().sqrt() < 1e-3
    assert waveform[: len(speech)].abs().max() > 0.01


def test_silence_around_a_reference_hardly_changes_the_voice(converter):
    speech = TARGET[0]
    padded = torch.cat([torch.zeros(len(speech) // 2), speech, torch.zeros(len(speech))])
    plain, silent = (converter.profile((x, SAMPLE_RATE)) for x in (speech, padded))
    for a, b in zip(plain.speaker, silent.speaker, strict=True):
        assert likeness(a, b) > 0.995
    assert silent.f0_median == pytest.approx(plain.f0_median, rel=0.01)


def test_a_quiet_long_pause_in_a_reference_hardly_changes_the_voice(converter):
    speech = TARGET[0]
    pause = 1e-4 * torch.randn(20 * SAMPLE_RATE)
    plain = converter.profile((speech, SAMPLE_RATE))
    silent = converter.profile((torch.cat([speech, pause]), SAMPLE_RATE))
    assert likeness(plain.vector, silent.vector) > 0.99


@pytest.mark.parametrize("sample_rate", [8_000, 24_000, 44_100])
def test_the_result_comes_at_the_rate_that_is_asked_for(converter, sample_rate):
    result = converter.convert(SOURCE, TARGET, sample_rate=sample_rate)
    assert result.sample_rate == sample_rate
    seconds = len(SOURCE[0]) / SAMPLE_RATE
    assert len(result.waveform) == pytest.approx(seconds * sample_rate, abs=2)


@pytest.mark.parametrize("n_samples", [1, 100, 159, 160, 161, 400, 1601])
def test_sources_of_a_few_samples_are_converted(converter, n_samples):
    source = (0.1 * torch.ones(n_samples), SAMPLE_RATE)
    assert converter.convert(source, TARGET).waveform.shape == (n_samples,)


def test_the_codes_are_one_per_two_frames(converter):
    codes = converter.content_codes(SOURCE)
    n_frames = 1 + len(SOURCE[0]) // 160
    assert codes.shape == (converter.network.config.content_dim, -(-n_frames // 2))


def test_codes_in_pieces_are_those_of_the_whole(converter, monkeypatch):
    whole = converter.content_codes(SOURCE)
    monkeypatch.setattr("vc.inference._CODE_FRAMES", 60)
    assert torch.allclose(converter.content_codes(SOURCE), whole, atol=1e-5)


def test_copy_synthesis_and_reconstruction_are_as_long_as_the_recording(converter):
    for result in (converter.copy_synthesis(SOURCE), converter.reconstruct(SOURCE)):
        assert result.waveform.shape == SOURCE[0].shape
        assert torch.isfinite(result.waveform).all()


def test_no_gradient_is_kept_and_inference_mode_does_not_leak(converter):
    result = converter.convert(SOURCE, TARGET).waveform
    assert not result.requires_grad
    assert not torch.is_inference_mode_enabled()


# --- knobs --------------------------------------------------------------------------------------


def test_the_command_emphasises_as_much_as_the_library(converter):
    options = build_parser().parse_args(["convert", "a.wav", "--voice", "b.wav", "-o", "c.wav"])
    assert options.emphasis == EMPHASIS
    assert torch.equal(
        converter.convert(SOURCE, TARGET).waveform,
        converter.convert(SOURCE, TARGET, emphasis=EMPHASIS).waveform,
    )


def test_emphasis_changes_the_voice_only_where_it_is_not_average(converter):
    plain = converter.convert(SOURCE, TARGET, emphasis=0.0).waveform
    assert not torch.allclose(converter.convert(SOURCE, TARGET, emphasis=1.0).waveform, plain)
    profile = converter.profile(TARGET)
    encoder = converter.network.speaker_encoder
    average = profile.speaker._replace(vector=encoder.average_vector, tokens=encoder.average_tokens)
    average = replace(profile, speaker=average)
    assert torch.allclose(
        converter.convert(SOURCE, average, emphasis=1.0).waveform,
        converter.convert(SOURCE, average).waveform,
        atol=1e-6,
    )


def test_strength_zero_is_the_own_voice(converter):
    own = converter.profile(SOURCE)
    nothing = converter.convert(SOURCE, TARGET, strength=0.0).waveform
    same = converter.convert(SOURCE, own, emphasis=0.0).waveform
    assert torch.allclose(nothing, same, atol=1e-3 * float(same.abs().max()))


def test_strength_moves_the_result_towards_the_target(converter):
    # At one pitch, as waveforms of different pitches cannot be compared.
    mels = [
        converter.log_mel(
            converter.convert(SOURCE, TARGET, strength=s, pitch_mode="keep").waveform[None]
        )
        for s in (0.0, 0.5, 1.0)
    ]
    far = (mels[2] - mels[0]).abs().mean()
    assert (mels[2] - mels[1]).abs().mean() < 0.8 * far
    assert (mels[1] - mels[0]).abs().mean() < 0.8 * far


@pytest.mark.parametrize(
    ("knobs", "semitones"),
    [
        ({"pitch_mode": "keep"}, 0.0),
        ({"pitch_mode": "shift", "pitch_shift": 7.0}, 7.0),
        ({"pitch_mode": "match"}, None),
        ({"pitch_mode": "match", "pitch_shift": -3.0}, None),
    ],
)
def test_the_vocoder_is_given_the_pitch_that_is_asked_for(converter, monkeypatch, knobs, semitones):
    given = []
    render = converter.vocoder.render
    monkeypatch.setattr(
        converter.vocoder,
        "render",
        lambda mel, f0, at: (given.append(f0[0]), render(mel, f0, at))[1],
    )
    converter.convert(SOURCE, TARGET, **knobs)
    own, target = converter.profile(SOURCE).f0_median, converter.profile(TARGET).f0_median
    moved = 12 * math.log2(pitch_statistics(given[0])[0] / own)
    if semitones is None:
        semitones = 12 * math.log2(target / own) + knobs.get("pitch_shift", 0.0)
    assert moved == pytest.approx(semitones, abs=0.05)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"pitch_mode": "up"}, "pitch mode"),
        ({"pitch_mode": "keep", "pitch_shift": 2.0}, "keep"),
        ({"pitch_mode": "keep", "pitch_range": 2.0}, "keep"),
        ({"pitch_shift": float("nan")}, "pitch shift"),
        ({"strength": 1.6}, "strength"),
        ({"strength": -0.1}, "strength"),
        ({"emphasis": 2.1}, "emphasis"),
        ({"pitch_range": -1.0}, "pitch range"),
        ({"sample_rate": 12}, "sample rate"),
    ],
)
def test_knobs_that_make_no_sense_are_refused(converter, knobs, message):
    with pytest.raises(ValueError, match=message):
        converter.convert(SOURCE, TARGET, **knobs)


# --- voices -------------------------------------------------------------------------------------


def test_a_voice_may_be_given_in_every_form(converter, weights, tmp_path):
    path = write_voice(tmp_path / "b.wav", 210)
    profile = converter.profile(path)
    for form in (path, str(path), [path], [str(path)], profile, [profile]):
        found = converter.profile(form)
        assert all(map(torch.equal, found.speaker, profile.speaker))
    assert converter.profile("ann").f0_median == pytest.approx(
        converter.profile(weights / "voices" / "ann.voice").f0_median
    )


def test_several_recordings_are_joined_and_profiles_are_averaged(converter, tmp_path):
    a, b = (write_voice(tmp_path / f"{i}.wav", 210, seed=i) for i in range(2))
    joined = converter.profile([a, b])
    alone = [converter.profile(x) for x in (a, b)]
    likenesses = [likeness(joined.speaker.mean, x.speaker.mean) for x in alone]
    assert min(likenesses) > likeness(alone[0].speaker.mean, alone[1].speaker.mean)
    averaged = converter.profile(alone)
    expected = blend(alone)
    assert all(map(torch.equal, averaged.speaker, expected.speaker))


def test_recordings_beside_a_profile_count_as_many_times_as_there_are(converter, tmp_path):
    a, b = (write_voice(tmp_path / f"{i}.wav", 210, seed=i) for i in range(2))
    mixed = converter.profile([a, converter.profile("bob"), b])
    expected = blend([converter.profile("bob"), converter.profile([a, b])], [1, 2])
    assert torch.allclose(mixed.vector, expected.vector)


def test_ready_voices_are_listed_and_an_unknown_one_names_them(converter):
    assert converter.voices() == ["ann", "bob"]
    with pytest.raises(VoiceError, match="ann, bob"):
        converter.profile("eve")


def test_a_profile_of_other_weights_is_refused(converter):
    other = make_converter(seed=7)
    profile = other.profile(TARGET)
    with pytest.raises(VoiceError, match="other weights"):
        converter.convert(SOURCE, profile)


@pytest.mark.parametrize("seconds", [0.1, 0.4])
def test_a_reference_with_too_little_speech_is_refused(converter, seconds):
    speech = TARGET[0][8000 : 8000 + round(seconds * SAMPLE_RATE)]
    for reference in (speech, torch.cat([speech, torch.zeros(5 * SAMPLE_RATE)])):
        with pytest.raises(AudioError, match=r"at least 0\.5 s"):
            converter.profile((reference, SAMPLE_RATE))


def test_no_voice_at_all_is_refused(converter):
    with pytest.raises(VoiceError, match="no voice given"):
        converter.convert(SOURCE, [])


# --- waveforms and files ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (torch.zeros(0), "no samples"),
        (torch.zeros(2, 8000), "must be"),
        (torch.zeros(8000, dtype=torch.int16), "floating point"),
        (torch.full((8000,), torch.nan), "not finite"),
        (np.full(8000, np.inf, dtype=np.float32), "not finite"),
        (torch.zeros(8000), "only silence"),
    ],
)
def test_waveforms_that_cannot_be_used_are_refused(converter, waveform, message):
    with pytest.raises(AudioError, match=message):
        converter.convert((waveform, SAMPLE_RATE), TARGET)


def test_a_file_and_its_waveform_convert_alike(converter, tmp_path):
    path = write_voice(tmp_path / "a.wav")
    from_file = converter.convert(path, TARGET).waveform
    assert torch.equal(from_file, converter.convert((read_audio(path), 16_000), TARGET).waveform)


def test_a_stereo_recording_at_another_rate_converts_like_the_plain_one(converter, tmp_path):
    import soxr

    plain = SOURCE[0].numpy()
    high = soxr.resample(plain, SAMPLE_RATE, 44_100)
    soundfile.write(tmp_path / "a.flac", np.stack([high, high], 1), 44_100, subtype="PCM_24")
    a = converter.profile((SOURCE[0], SAMPLE_RATE))
    b = converter.profile(tmp_path / "a.flac")
    # The resampler takes a little off the topmost band.
    assert likeness(a.vector, b.vector) > 0.99


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_converted_file_holds_what_convert_returns(converter, tmp_path, suffix):
    path = write_voice(tmp_path / "a.wav")
    out = converter.convert_file(path, tmp_path / f"out.{suffix}", TARGET)
    whole = converter.convert(path, TARGET).waveform
    written = read_audio(out)
    if suffix in ("wav", "flac"):
        assert torch.allclose(written, whole, atol=1e-4)
    else:
        assert len(written) == pytest.approx(len(whole), abs=3000)


def test_a_converted_file_says_that_it_is_synthetic(converter, tmp_path):
    out = converter.convert_file(SOURCE, tmp_path / "out.wav", TARGET)
    with soundfile.SoundFile(str(out)) as sound:
        assert "Synthetic" in sound.comment


def test_pieces_in_a_file_are_the_whole_at_another_rate_too(converter, tmp_path):
    whole = converter.convert(SOURCE, TARGET, sample_rate=22_050).waveform
    converter.chunk_seconds = 0.5
    out = converter.convert_file(SOURCE, tmp_path / "out.wav", TARGET, sample_rate=22_050)
    written, rate = soundfile.read(out, dtype="float32")
    assert rate == 22_050
    assert torch.allclose(torch.from_numpy(written), whole, atol=1e-4)


def test_the_source_is_never_overwritten(converter, tmp_path):
    path = write_voice(tmp_path / "a.wav")
    before = path.read_bytes()
    with pytest.raises(AudioError, match="source itself"):
        converter.convert_file(path, path, TARGET, force=True)
    assert path.read_bytes() == before


def test_a_failure_on_the_way_leaves_nothing(converter, tmp_path, monkeypatch):
    converter.chunk_seconds = 0.5
    calls = []

    def decode(*arguments):
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return type(converter.network).decode(converter.network, *arguments)

    monkeypatch.setattr(converter.network, "decode", decode)
    with pytest.raises(KeyboardInterrupt):
        converter.convert_file(SOURCE, tmp_path / "out.wav", TARGET)
    assert not list(tmp_path.iterdir())


def test_progress_ends_with_the_whole_recording(converter, tmp_path):
    seen = []
    converter.chunk_seconds = 1.0
    converter.convert_file(
        SOURCE,
        tmp_path / "out.wav",
        TARGET,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert len(seen) > 2
    assert seen[-1][0] == pytest.approx(seen[-1][1])


# --- weights ------------------------------------------------------------------------------------


def test_saved_weights_load_and_convert_the_same(converter, weights, tmp_path):
    converter.save_pretrained(tmp_path / "copy")
    copy = VoiceConverter.from_pretrained(str(tmp_path / "copy"))
    assert copy.fingerprint == converter.fingerprint
    assert copy.voices() == converter.voices()
    a, b = (each.convert(SOURCE, "ann").waveform for each in (converter, copy))
    assert torch.equal(a, b)
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "synthesiser", "voices"}


def test_voices_made_before_saving_fit_the_saved_weights(tmp_path):
    fresh = make_converter(seed=3)
    profile = fresh.profile(TARGET)
    fresh.save_pretrained(tmp_path)
    assert VoiceConverter.from_pretrained(tmp_path).profile(profile) is profile


def test_a_model_card_that_is_there_is_kept(converter, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    converter.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_damaged_weights_are_refused(converter, tmp_path):
    converter.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match="damaged"):
        VoiceConverter.from_pretrained(tmp_path)


def test_weights_of_another_shape_are_refused_in_one_line(converter, tmp_path):
    converter.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"fine_dim": 8', '"fine_dim": 10'))
    with pytest.raises(ValueError, match="does not fit this version") as error:
        VoiceConverter.from_pretrained(tmp_path)
    assert "\n" not in str(error.value)


def test_a_synthesiser_of_another_version_is_refused_in_one_line(converter, tmp_path):
    converter.save_pretrained(tmp_path)
    config = tmp_path / "synthesiser" / "config.json"
    config.write_text(config.read_text().replace('"width"', '"breadth"'))
    with pytest.raises(ValueError, match="synthesiser does not fit") as error:
        VoiceConverter.from_pretrained(tmp_path)
    assert "\n" not in str(error.value)


def test_weights_without_a_synthesiser_say_what_to_do(converter, tmp_path):
    converter.vocoder = GriffinLim()
    converter.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="griffin-lim"):
        VoiceConverter.from_pretrained(tmp_path)
    assert isinstance(
        VoiceConverter.from_pretrained(tmp_path, vocoder="griffin-lim").vocoder, GriffinLim
    )


@pytest.mark.parametrize("device", ["gpu", "cuda:77"])
def test_a_device_that_is_not_there_is_refused_in_one_line(weights, device):
    with pytest.raises(ValueError, match=device) as error:
        VoiceConverter.from_pretrained(weights, device=device)
    assert "\n" not in str(error.value)
