"""What the buttons of the voice tab do, with a tiny random converter."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from demo.loudness import equally_loud
from demo.studio import EXAMPLES, MAX_OWN_VOICES, Choice, Knobs, StoppedError, Studio
from demo.wording import DONE, file_name, friendly, spoken_time
from tests.vc.serving import make_converter, write_voice, write_weights
from tests.vc.sounds import SAMPLE_RATE
from vc import VoiceConverter
from vc.__main__ import main
from vc.audio import SYNTHETIC_NOTE, active_level, read_audio
from vc.voice_space import VoiceSpace
from vc.voices import VoiceProfile, blend, save_profile


@pytest.fixture(scope="module")
def converter(tmp_path_factory) -> VoiceConverter:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def studio(converter, tmp_path) -> Studio:
    return Studio(converter, tmp_path / "made", max_seconds=20)


@pytest.fixture
def sentence(tmp_path) -> str:
    return str(write_voice(tmp_path / "a.wav", f0=120, seconds=1.5))


@pytest.fixture
def other(tmp_path) -> str:
    return str(write_voice(tmp_path / "b.wav", f0=220, seconds=2.0, seed=3))


def blended(converter: VoiceConverter, generator: torch.Generator) -> VoiceProfile:
    """A mixture of the ready voices, somewhat off."""
    shares = torch.rand(3, generator=generator) + 0.1
    mixed = blend([converter.profile(name) for name in ("ann", "bob", "cat")], shares.tolist())
    speaker = mixed.speaker._replace(
        vector=mixed.vector + 0.1 * torch.randn(mixed.vector.shape, generator=generator)
    )
    return dataclasses.replace(mixed, speaker=speaker)


# --- converting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["listed", "recorded", "uploaded", "blended"])
def test_every_way_to_choose_b_gives_a_result_as_long_as_a(studio, sentence, other, origin):
    choice = Choice(origin, "ann", other, [other, other], "ann", "bob", 30)
    made = studio.convert(sentence, choice)
    assert made.message.startswith(DONE)
    assert soundfile.info(made.result).frames == soundfile.info(sentence).frames


def test_the_result_is_a_wav_of_16_bits_that_says_it_is_synthetic(studio, sentence):
    made = studio.convert(sentence, Choice("listed", "ann"))
    with soundfile.SoundFile(made.result) as sound:
        assert sound.subtype == "PCM_16"
        assert sound.comment == SYNTHETIC_NOTE


def test_recordings_are_not_marked_as_synthetic(studio, sentence, other):
    made = studio.convert(sentence, Choice("uploaded", files=[other]))
    for path in (made.source, made.target):
        with soundfile.SoundFile(path) as sound:
            assert sound.comment != SYNTHETIC_NOTE


def test_there_is_no_sound_of_b_when_b_is_a_ready_voice(studio, sentence, other):
    # The recording of another tab is still there, but was not chosen.
    assert studio.convert(sentence, Choice("listed", "ann", other, [other])).target is None


def test_source_target_and_result_are_equally_loud(studio, tmp_path, other):
    quiet, rate = soundfile.read(other)
    soundfile.write(tmp_path / "quiet.wav", 0.05 * quiet, rate)
    made = studio.convert(str(tmp_path / "quiet.wav"), Choice("uploaded", files=[other]))
    levels = [active_level(read_audio(path)) for path in (made.source, made.target, made.result)]
    assert max(levels) < 1.02 * min(levels)


def test_equal_loudness_never_clips_and_leaves_silence_silent():
    spiky = torch.full((16_000,), 0.01)
    spiky[::160] = 0.5
    waveforms = equally_loud([spiky, torch.randn(16_000), torch.zeros(16_000)])
    assert max(float(waveform.abs().max()) for waveform in waveforms) <= 1.0
    assert waveforms[2].abs().max() == 0


def test_the_knobs_reach_the_converter(studio, sentence):
    choice = Choice("listed", "ann")
    plain, shifted, own = (
        read_audio(studio.convert(sentence, choice, knobs).result)
        for knobs in (Knobs(), Knobs(pitch_shift=7), Knobs(strength=0.0))
    )
    assert not torch.allclose(plain, shifted)
    assert not torch.allclose(plain, own)


def test_keeping_the_melody_can_be_combined_with_every_other_knob(studio, sentence):
    knobs = Knobs(pitch_shift=-3, pitch_range=1.4, strength=0.7, keep_melody=True)
    assert studio.convert(sentence, Choice("listed", "ann"), knobs).message.startswith(DONE)


def test_two_results_never_share_a_file(studio, sentence):
    choice = Choice("listed", "ann")
    assert studio.convert(sentence, choice).result != studio.convert(sentence, choice).result


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_examples_are_small_and_work(studio, path):
    assert path.stat().st_size <= 100_000
    assert studio.convert(str(path), Choice("listed", "bob")).message.startswith(DONE)


def test_a_conversion_that_is_stopped_leaves_no_file(studio, sentence):
    def told(done: float, total: float) -> None:
        studio.stop("ann's page")

    with pytest.raises(StoppedError, match="nothing is kept"):
        studio.convert(sentence, Choice("listed", "ann"), visitor="ann's page", progress=told)
    assert not list(studio.folder.rglob("*.wav"))


def test_stopping_reaches_only_the_visitors_own_conversion(studio, sentence):
    def told(done: float, total: float) -> None:
        assert not studio.stop("another page")

    made = studio.convert(sentence, Choice("listed", "ann"), visitor="a page", progress=told)
    assert made.message.startswith(DONE)
    # what was stopped before it began does not stop the next one
    assert not studio.stop("a page")
    assert studio.convert(sentence, Choice("listed", "ann"), visitor="a page").result.is_file()


def test_progress_ends_at_the_length_of_the_sentence(studio, sentence):
    steps: list[tuple[float, float]] = []
    studio.convert(sentence, Choice("listed", "ann"), progress=lambda *step: steps.append(step))
    assert steps[-1] == (1.5, 1.5)


def test_what_is_said_about_a_result_tells_the_way_and_the_pitches(studio, sentence):
    made = studio.convert(sentence, Choice("listed", "ann"))
    said = studio.likeness(made.source, made.result, made.voice)
    assert "own ear" in said
    assert re.search(r"A speaks around 1[12]\d Hz", said)
    assert said.endswith(".")


def test_too_little_speech_is_said_instead_of_a_figure(studio, sentence, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.zeros(4000), SAMPLE_RATE)
    voice = studio.voice(Choice("listed", "ann"))
    assert "too little speech" in studio.likeness(sentence, tmp_path / "short.wav", voice)


# --- voices --------------------------------------------------------------------------------------


def test_a_saved_voice_comes_back_under_its_name(studio, other):
    path = studio.save(Choice("uploaded", files=[other]), "  Béa / 2 ")
    assert path.name == "Béa 2.voice"
    loaded = studio.load(path)
    assert loaded.name == "Béa 2"
    assert torch.equal(loaded.vector, studio.converter.profile(other).vector)


def test_a_blend_lies_where_the_slider_stands(studio):
    ann, bob = (studio.voice(Choice("listed", name)) for name in ("ann", "bob"))
    for share, expected in ((0, ann), (100, bob)):
        mixed = studio.voice(Choice("blended", first="ann", second="bob", share=share))
        assert torch.allclose(mixed.vector, expected.vector)
    mixed = studio.voice(Choice("blended", first="ann", second="bob", share=25))
    assert torch.allclose(mixed.vector, 0.75 * ann.vector + 0.25 * bob.vector)


def test_a_visitors_own_voices_come_first_and_are_only_theirs(studio, other):
    mine = {"bea": studio.converter.profile(other, "bea")}
    assert studio.voices(mine) == ["bea", "ann", "bob"]
    assert studio.voices() == ["ann", "bob"]
    assert studio.voice(Choice("listed", "bea"), mine) is mine["bea"]


def test_an_invented_voice_is_the_same_for_a_seed_and_numbered_on(tmp_path, other, sentence):
    converter = write_weights(tmp_path / "weights")
    save_profile(converter.profile(other, "cat"), tmp_path / "weights" / "voices" / "cat.voice")
    studio = Studio(converter, tmp_path / "made")
    first, same, another = (studio.invent(seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.vector, same.vector)
    assert not torch.equal(first.vector, another.vector)
    mine = studio.with_voice(None, first)
    assert list(studio.with_voice(mine, studio.invent(mine))) == ["invented 1", "invented 2"]
    made = studio.convert(sentence, Choice("listed", "invented 1"), mine=mine)
    assert made.message.startswith(DONE)


def test_the_page_and_the_command_invent_the_same_voice(tmp_path, other):
    converter = write_weights(tmp_path / "weights")
    save_profile(converter.profile(other, "cat"), tmp_path / "weights" / "voices" / "cat.voice")
    studio, file = Studio(converter, tmp_path / "made"), tmp_path / "new.voice"
    command = ["voice", "invent", "-o", str(file), "--weights", str(tmp_path / "weights")]

    def same() -> VoiceProfile:
        ours = studio.invent(seed=1)
        assert main([*command, "--seed", "1", "--force"]) == 0
        assert torch.allclose(studio.load(file).vector, ours.vector)
        return ours

    mixed = same()
    # what vc calibrate leaves beside the weights
    many = [blended(converter, generator) for generator in map(torch.manual_seed, range(20))]
    VoiceSpace.fit(many).save(tmp_path / "weights" / "space", converter.fingerprint)
    assert not torch.allclose(same().vector, mixed.vector)


def test_inventing_from_too_few_voices_is_refused_in_a_sentence(studio):
    with pytest.raises(ValueError, match="at least three"):
        studio.invent()


def test_a_visitor_cannot_fill_the_memory_with_voices(studio):
    voice = studio.voice(Choice("listed", "ann"))
    mine = {str(i): voice for i in range(MAX_OWN_VOICES)}
    with pytest.raises(ValueError, match="already"):
        studio.with_voice(mine, voice)


# --- pictures ------------------------------------------------------------------------------------


def test_a_picture_is_made_of_a_sound_and_of_silence_but_not_of_nothing(studio, sentence, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    for path in (sentence, tmp_path / "silence.wav"):
        assert studio.picture(path).read_bytes().startswith(b"\x89PNG")
    assert studio.picture(None) is None


# --- what goes wrong -----------------------------------------------------------------------------


def said(studio: Studio, source: str | Path | None, choice: Choice) -> str:
    """The sentence that the page shows for input that cannot be used."""
    try:
        studio.convert(str(source) if source else None, choice)
    except ValueError as error:
        return friendly(error)
    pytest.fail("this was converted")


READY = Choice("listed", "ann")


def test_a_missing_sentence_is_asked_for(studio):
    assert said(studio, None, READY) == "There is no sentence yet: record or upload A first."


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice("listed"), "choose one"),
        (Choice("listed", "zoe"), "no voice called zoe"),
        (Choice("recorded"), "record a few seconds of B"),
        (Choice("uploaded", files=[]), "upload a few seconds of B"),
        (Choice("blended", first="ann"), "choose one"),
    ],
)
def test_a_missing_voice_is_asked_for(studio, sentence, choice, words):
    assert words in said(studio, sentence, choice)


def test_a_path_is_not_taken_for_the_name_of_a_voice(studio, sentence, other):
    assert "no voice called" in said(studio, sentence, Choice("listed", other))


@pytest.mark.parametrize("role", ["source", "target"])
@pytest.mark.parametrize("kind", ["text", "silence", "empty", "long", "damaged"])
def test_a_bad_file_gives_one_sentence_without_folders(studio, sentence, tmp_path, role, kind):
    path = tmp_path / "notes.wav"
    if kind == "text":
        path.write_text("This is a text.")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "damaged":
        path.write_bytes(Path(sentence).read_bytes()[:9000])
    else:
        seconds = 21 if kind == "long" else 2
        soundfile.write(path, np.zeros(seconds * SAMPLE_RATE), SAMPLE_RATE)
    uploaded = Choice("uploaded", files=[str(path)])
    source, choice = (path, READY) if role == "source" else (sentence, uploaded)
    shown = said(studio, source, choice)
    assert "notes.wav" in shown
    assert "/" not in shown
    assert "\n" not in shown
    assert shown.endswith(".")


def test_too_many_recordings_are_refused(studio, sentence, other):
    assert "at most 10" in said(studio, sentence, Choice("uploaded", files=[other] * 11))


def test_a_recording_that_is_too_long_is_told_both_lengths(studio, sentence, tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(65 * SAMPLE_RATE), SAMPLE_RATE)
    shown = said(studio, tmp_path / "long.wav", READY)
    assert shown == "long.wav lasts 1:05 minutes; please cut it to 20 seconds or less."


@pytest.mark.parametrize("name", ["x.voice", "x.wav"])
def test_what_is_no_voice_file_is_refused(studio, tmp_path, name):
    (tmp_path / name).write_text("no voice")
    with pytest.raises(ValueError, match="not a voice file"):
        studio.load(tmp_path / name)


def test_a_voice_of_other_weights_is_refused(studio, other, tmp_path):
    stranger = Studio(make_converter(seed=7), tmp_path / "stranger")
    path = stranger.save(Choice("uploaded", files=[other]), "b")
    with pytest.raises(ValueError, match="other weights"):
        studio.load(path)


# --- wording -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("/tmp/made/ab12/a.wav is empty", "a.wav is empty."),
        ("/tmp/made/ab 12/my file.wav is empty", "my file.wav is empty."),
        (r"C:\Users\me\a.wav is empty", "a.wav is empty."),
        ("only silence/noise was heard", "Only silence/noise was heard."),
        ("please wait!", "Please wait!"),
    ],
)
def test_an_error_is_shown_as_a_sentence_without_folders(error, shown):
    assert friendly(ValueError(error)) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 seconds"), (60, "1 minute"), (120, "2 minutes"), (1805, "30:05 minutes")],
)
def test_time_is_told_as_people_say_it(seconds, text):
    assert spoken_time(seconds) == text


@pytest.mark.parametrize(
    ("name", "safe"), [("../../etc/passwd", "etc passwd"), ("", "voice"), ("a+b", "a+b")]
)
def test_a_name_cannot_leave_its_folder(name, safe):
    assert file_name(name) == safe
