import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.outcome import outcome
from tests.vc.serving import make_converter, write_voice, write_weights
from tests.vc.sounds import SAMPLE_RATE, voice
from vc.__main__ import main
from vc.audio import read_audio
from vc.voices import load_profile, save_profile

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """Weights, a source and a reference, shared by the tests of this file."""
    folder = tmp_path_factory.mktemp("kept")
    write_weights(folder / "weights")
    write_voice(folder / "a.wav", 120, 1.2, 0)
    write_voice(folder / "b.wav", 210, 1.5, 1)
    return folder


run = partial(outcome, main)


def convert(capsys, kept: Path, source: object, voice_: object, out: object, *more: object):
    weights = kept / "weights"
    return run(capsys, "convert", source, "--voice", voice_, "-o", out, "--weights", weights, *more)


def refused(result: tuple[int, str, str], *words: str) -> None:
    """One line on stderr that holds the words, exit code 2."""
    code, _, error = result
    assert code == 2
    assert error.startswith("vc: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    for word in words:
        assert word in error


# --- help ---------------------------------------------------------------------------------------


def test_help_imports_no_torch_and_lists_the_commands():
    program = (
        "import sys\nfrom vc.__main__ import main\n"
        "try: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    for command in ("convert", "voice", "prepare", "fit", "export", "evaluate", "bench"):
        assert command in done.stdout


@pytest.mark.parametrize(
    "args", [[], ["fly"], ["convert"], ["convert", "a.wav", "--voise", "b"], ["voice"]]
)
def test_a_command_line_that_makes_no_sense_is_refused(capsys, args):
    refused(run(capsys, *args), "--help")


# --- convert ------------------------------------------------------------------------------------


def test_convert_writes_the_file_and_names_it(capsys, kept, tmp_path):
    out = tmp_path / "new" / "out.wav"
    code, said, _ = convert(capsys, kept, kept / "a.wav", kept / "b.wav", out)
    assert code == 0
    assert said.strip() == str(out)
    assert len(read_audio(out)) == len(read_audio(kept / "a.wav"))


def test_several_voices_may_follow_one_flag_or_several(capsys, kept, tmp_path):
    files = kept / "b.wav", kept / "a.wav"
    one, two = tmp_path / "1.wav", tmp_path / "2.wav"
    assert convert(capsys, kept, kept / "a.wav", files[0], one, "--voice", files[1])[0] == 0
    weights = kept / "weights"
    args = ["convert", kept / "a.wav", "-o", two, "--weights", weights, "--voice", *files]
    assert run(capsys, *args)[0] == 0
    assert one.read_bytes() == two.read_bytes()


def test_rate_and_format_are_those_asked_for(capsys, kept, tmp_path):
    out = tmp_path / "out.flac"
    assert convert(capsys, kept, kept / "a.wav", "ann", out, "--sample-rate", 22050)[0] == 0
    info = soundfile.info(out)
    assert (info.samplerate, info.format) == (22050, "FLAC")


def test_griffin_lim_may_be_chosen(capsys, kept, tmp_path):
    out = tmp_path / "out.wav"
    assert convert(capsys, kept, kept / "a.wav", "ann", out, "--vocoder", "griffin-lim")[0] == 0
    assert out.exists()


def test_a_file_into_a_folder_keeps_its_name(capsys, kept, tmp_path):
    assert convert(capsys, kept, kept / "a.wav", "ann", tmp_path, "--format", "flac")[0] == 0
    assert (tmp_path / "a.flac").exists()


# --- bad input ----------------------------------------------------------------------------------


def bad_files(folder: Path) -> dict[str, Path]:
    """Recordings that cannot be used, by what the message must say."""
    speech = voice(120, 1.0, 1.0, 0).numpy()
    files = {
        "does not exist": folder / "missing.wav",
        "not a sound file": folder / "text.wav",
        "is empty": folder / "empty.wav",
        "breaks off": folder / "truncated.wav",
        "only silence": folder / "silence.wav",
        "not finite": folder / "nan.wav",
    }
    files["not a sound file"].write_text("hello, this is no sound\n" * 40)
    files["is empty"].touch()
    soundfile.write(files["breaks off"], speech, SAMPLE_RATE)
    files["breaks off"].write_bytes(files["breaks off"].read_bytes()[:9000])
    soundfile.write(files["only silence"], np.zeros(16000), SAMPLE_RATE)
    broken = speech.copy()
    broken[500] = np.nan
    soundfile.write(files["not finite"], broken, SAMPLE_RATE, subtype="FLOAT")
    return files


@pytest.mark.parametrize("as_voice", [False, True])
def test_recordings_that_cannot_be_used_are_refused_in_one_line(capsys, kept, tmp_path, as_voice):
    (tmp_path / "in").mkdir()
    for message, path in bad_files(tmp_path / "in").items():
        pair = (kept / "a.wav", path) if as_voice else (path, "ann")
        out = tmp_path / "out" / "c.wav"
        refused(convert(capsys, kept, *pair, out), message, path.name)
        assert not out.parent.exists()


def test_a_reference_with_too_little_speech_is_refused(capsys, kept, tmp_path):
    short = write_voice(tmp_path / "short.wav", 120, 0.4)
    refused(convert(capsys, kept, kept / "a.wav", short, tmp_path / "c.wav"), "0.5 s", "short.wav")
    assert not (tmp_path / "c.wav").exists()


def test_a_folder_without_sound_is_refused(capsys, kept, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("x")
    refused(convert(capsys, kept, tmp_path / "in", "ann", tmp_path / "out"), "no sound files")
    assert not (tmp_path / "out").exists()


def test_a_profile_of_other_weights_is_refused(capsys, kept, tmp_path):
    other = make_converter(seed=9).profile((voice(120, 1.0, 2.0, 0), SAMPLE_RATE))
    save_profile(other, tmp_path / "other.voice")
    out = tmp_path / "c.wav"
    refused(convert(capsys, kept, kept / "a.wav", tmp_path / "other.voice", out), "other weights")


def test_a_file_that_only_looks_like_a_profile_is_refused(capsys, kept, tmp_path):
    shutil.copy(kept / "b.wav", tmp_path / "b.voice")
    out = tmp_path / "c.wav"
    refused(convert(capsys, kept, kept / "a.wav", tmp_path / "b.voice", out), "not a voice file")


def test_an_unwritable_output_is_refused(capsys, kept, tmp_path):
    (tmp_path / "file").write_text("x")
    out = tmp_path / "file" / "c.wav"
    refused(convert(capsys, kept, kept / "a.wav", "ann", out), "cannot be written")
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(capsys, kept, tmp_path):
    tmp_path.chmod(0o500)
    refused(convert(capsys, kept, kept / "a.wav", "ann", tmp_path / "c.wav"), "cannot be written")


def test_an_output_that_exists_is_kept_without_force(capsys, kept, tmp_path):
    out = tmp_path / "c.wav"
    out.write_text("precious")
    refused(convert(capsys, kept, kept / "a.wav", "ann", out), "--force")
    assert out.read_text() == "precious"
    assert convert(capsys, kept, kept / "a.wav", "ann", out, "--force")[0] == 0
    assert len(read_audio(out)) > 0


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--pitch-mode", "keep", "--pitch-shift", "3"], "keep"),
        (["--strength", "7"], "strength"),
        (["--sample-rate", "3"], "sample rate"),
        (["--chunk-seconds", "0"], "chunk"),
        (["--device", "quantum"], "quantum"),
        (["--vocoder", "no/such/folder"], "no such folder"),
    ],
)
def test_knobs_that_make_no_sense_are_refused(capsys, kept, tmp_path, more, word):
    refused(convert(capsys, kept, kept / "a.wav", "ann", tmp_path / "c.wav", *more), word)
    assert not list(tmp_path.iterdir())


def test_a_format_that_cannot_be_written_is_refused(capsys, kept, tmp_path):
    refused(convert(capsys, kept, kept / "a.wav", "ann", tmp_path / "c.docx"), "c.docx")


def test_weights_that_are_not_there_are_refused(capsys, kept, tmp_path):
    args = ["convert", kept / "a.wav", "--voice", kept / "b.wav", "-o", tmp_path / "c.wav"]
    refused(run(capsys, *args, "--weights", tmp_path / "none"), "no such folder")


def test_a_corpus_with_one_speaker_is_refused(capsys, tmp_path):
    write_voice(tmp_path / "corpus" / "ann" / "1.wav")
    code, _, error = run(capsys, "prepare", tmp_path / "corpus", "-o", tmp_path / "features")
    assert code == 2
    assert error.splitlines()[-1].startswith("vc: ")
    assert "speaker" in error


def test_a_config_with_a_misspelt_key_is_refused(capsys, tmp_path):
    (tmp_path / "c.yaml").write_text("model:\n  learning_rat: 1.0e-3\n")
    refused(run(capsys, "fit", "--config", tmp_path / "c.yaml"), "learning_rat")


# --- folders ------------------------------------------------------------------------------------


@pytest.fixture
def talks(kept, tmp_path) -> Path:
    """Three recordings, one of them in a folder of its own."""
    folder = tmp_path / "talks"
    for name in ("a.wav", "b.wav", "day two/c.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kept / "a.wav", folder / name)
    return folder


def outputs(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_folder_is_converted_with_its_folders(capsys, kept, talks, tmp_path):
    code, _, error = convert(capsys, kept, talks, "ann", tmp_path / "out", "--format", "flac")
    assert code == 0
    assert outputs(tmp_path / "out") == ["a.flac", "b.flac", "day two/c.flac"]
    assert "3/3 files" in error
    assert "3 converted, 0 already there, 0 failed" in error


def test_a_second_run_makes_only_what_is_missing(capsys, kept, talks, tmp_path):
    out = tmp_path / "out"
    convert(capsys, kept, talks, "ann", out)
    (out / "b.wav").unlink()
    before = (out / "a.wav").stat().st_mtime_ns
    code, _, error = convert(capsys, kept, talks, "ann", out)
    assert code == 0
    assert "1 converted, 2 already there (--force replaces them), 0 failed" in error
    assert (out / "a.wav").stat().st_mtime_ns == before
    assert "3 converted" in convert(capsys, kept, talks, "ann", out, "--force")[2]


def test_one_bad_file_does_not_stop_the_rest(capsys, kept, talks, tmp_path):
    (talks / "aa.wav").write_text("no sound")
    code, _, error = convert(capsys, kept, talks, "ann", tmp_path / "out")
    assert code == 2
    assert outputs(tmp_path / "out") == ["a.wav", "b.wav", "day two/c.wav"]
    assert "1 failed" in error
    assert "vc: " in error.splitlines()[-1]
    assert "aa.wav" in error.splitlines()[-1]


def test_a_result_inside_the_folder_is_not_converted_again(capsys, kept, talks):
    convert(capsys, kept, talks, "ann", talks / "converted")
    error = convert(capsys, kept, talks, "ann", talks / "converted")[2]
    assert "0 converted, 3 already there" in error


def test_recordings_of_one_name_do_not_overwrite_each_other(capsys, kept, talks, tmp_path):
    waveform, rate = soundfile.read(talks / "a.wav")
    soundfile.write(talks / "a.flac", waveform, rate)
    convert(capsys, kept, talks, "ann", tmp_path / "out")
    assert {"a.wav.wav", "a.flac.wav", "b.wav"} < set(outputs(tmp_path / "out"))


def test_the_recordings_own_folder_is_refused(capsys, kept, talks):
    refused(convert(capsys, kept, talks, "ann", talks), "another folder")


def test_an_interruption_leaves_finished_files_only(capsys, kept, talks, tmp_path, monkeypatch):
    from vc.model import VoiceAutoencoder

    decode, calls = VoiceAutoencoder.decode, []

    def interrupted(self, *args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return decode(self, *args)

    monkeypatch.setattr(VoiceAutoencoder, "decode", interrupted)
    code, _, error = convert(capsys, kept, talks, "ann", tmp_path / "out")
    assert code == 130
    assert error.splitlines()[-1].startswith("vc: interrupted")
    assert outputs(tmp_path / "out") == ["a.wav"]


# --- voices -------------------------------------------------------------------------------------


def test_a_saved_voice_converts_like_its_recordings(capsys, kept, tmp_path):
    voice_file = tmp_path / "bea.voice"
    weights = kept / "weights"
    args = ["voice", "save", kept / "b.wav", "-o", voice_file, "--weights", weights]
    assert run(capsys, *args)[0] == 0
    assert load_profile(voice_file).name == "bea"
    one, two = tmp_path / "1.wav", tmp_path / "2.wav"
    convert(capsys, kept, kept / "a.wav", kept / "b.wav", one)
    convert(capsys, kept, kept / "a.wav", voice_file, two)
    assert one.read_bytes() == two.read_bytes()
    refused(run(capsys, *args), "--force")
    assert run(capsys, *args, "--force")[0] == 0


def test_voices_are_listed_with_their_pitch(capsys, kept):
    code, said, _ = run(capsys, "voice", "list", "--weights", kept / "weights")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == ["ann", "bob"]
    assert all("Hz" in line for line in said.splitlines())


def test_a_blend_with_shares_lies_between_its_voices(capsys, kept, tmp_path):
    folder, out = kept / "weights" / "voices", tmp_path / "c.voice"
    files = [folder / "ann.voice", folder / "bob.voice"]
    assert run(capsys, "voice", "blend", *files, "--weights", 0.3, 0.7, "-o", out)[0] == 0
    ann, bob, mixed = (load_profile(path) for path in (*files, out))
    assert torch.allclose(mixed.vector, 0.3 * ann.vector + 0.7 * bob.vector, atol=1e-6)
    refused(run(capsys, "voice", "blend", *files, "--weights", 1, "-o", tmp_path / "d.voice"), "2")


def test_a_voice_shows_what_it_holds(capsys, kept):
    code, said, _ = run(capsys, "voice", "show", kept / "weights" / "voices" / "ann.voice")
    assert code == 0
    assert "name         ann" in said
    assert "Hz" in said


def test_a_process_converts_without_importing_what_training_needs(kept, tmp_path):
    out = tmp_path / "out.wav"
    args = ["convert", kept / "a.wav", "--voice", kept / "b.wav", "-o", out]
    args = [str(arg) for arg in [*args, "--weights", kept / "weights"]]
    program = (
        f"import sys\nfrom vc.__main__ import main\nassert main({args!r}) == 0\n"
        "slow = {'pytorch_lightning', 'librosa', 'transformers', 'matplotlib', 'scipy.signal'}\n"
        "print(sorted(slow & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(out), "[]"]
    assert out.exists()
