"""Odd recordings among made-up voices: what a screen notices, what it ships, how it is called."""

import json
from functools import partial
from pathlib import Path

import pytest
import soundfile
import torch

from tests.outcome import outcome
from tests.vc.serving import make_converter
from tests.vc.sounds import SAMPLE_RATE, voice
from vc.__main__ import main
from vc.audio import AudioError
from vc.inference import VoiceConverter
from vc.oddities import KINDS
from vc.screen import ERRORS, Screen, listen, screen
from vc.screen_check import check

SECONDS = 2.5


def speaker(seed: int) -> torch.Tensor:
    """A made-up voice saying something of its own."""
    return voice(100.0 + 9 * (seed % 15), 1.0 + 0.03 * (seed % 7), SECONDS, seed)


def folder_of(folder: Path, seeds: range) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        soundfile.write(folder / f"{seed:03d}.wav", speaker(seed).numpy(), SAMPLE_RATE)
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A folder with ``weights`` (with their screen) and ``clean`` recordings."""
    folder = tmp_path_factory.mktemp("screen")
    make_converter().save_pretrained(folder / "weights")
    converter = VoiceConverter.from_pretrained(folder / "weights")
    heard = [listen(converter, (speaker(seed), SAMPLE_RATE)) for seed in range(80)]
    Screen.fit(heard).save(folder / "weights" / "screen", converter.fingerprint)
    folder_of(folder / "clean", range(100, 112))
    return folder


@pytest.fixture(scope="module")
def converter(kept) -> VoiceConverter:
    return VoiceConverter.from_pretrained(kept / "weights")


@pytest.fixture(scope="module")
def fitted(kept, converter) -> Screen:
    return Screen.load(kept / "weights" / "screen", converter.fingerprint)


run = partial(outcome, main)


def test_every_kind_of_oddity_is_told_from_clean_speech(kept, converter, fitted):
    found = check(converter, fitted, sorted((kept / "clean").iterdir()))
    assert found.n == 12
    assert [row.kind for row in found.rows] == list(KINDS)
    assert {row.kind: row.auroc for row in found.rows if row.auroc < 0.95} == {}
    by_energy = {row.kind: row.by_energy for row in found.rows}
    # time backwards has the same frames, so their energy cannot tell
    assert by_energy["backwards"] == pytest.approx(0.5, abs=0.1)


def test_features_of_order_change_their_sign_when_time_runs_backwards(converter):
    waveform = speaker(3)
    # frames are centred on multiples of the hop, so that the reversed ones are the same frames
    waveform = waveform[: len(waveform) // 160 * 160 + 1]
    there = listen(converter, (waveform, SAMPLE_RATE)).order
    back = listen(converter, (waveform.flip(0), SAMPLE_RATE)).order
    assert float((there + back).norm()) < 0.05 * float(there.norm())


def test_evidence_does_not_depend_on_loudness(converter, fitted):
    loud, soft = (
        fitted.scaled([listen(converter, (gain * speaker(1), SAMPLE_RATE))]) for gain in (1.0, 0.1)
    )
    torch.testing.assert_close(loud, soft, atol=0.02, rtol=0.02)


def test_the_threshold_rises_when_fewer_false_alarms_are_wanted(fitted):
    assert fitted.threshold(0.05).value > fitted.threshold(0.3).value
    with pytest.raises(ValueError, match="at least 99 clean examples"):
        fitted.threshold(0.01)


def test_few_recordings_make_no_screen(converter, fitted):
    heard = [listen(converter, (speaker(0), SAMPLE_RATE))]
    with pytest.raises(ValueError, match="at least 40 clean recordings, got 39"):
        Screen.fit(39 * heard)
    with pytest.raises(ValueError, match="at least 20 clean recordings, got 1"):
        fitted.refitted(heard)


def test_a_screen_of_other_weights_is_refused(kept):
    with pytest.raises(ValueError, match="is of other weights"):
        Screen.load(kept / "weights" / "screen", make_converter(1).fingerprint)


def test_silence_and_a_click_cannot_be_heard(converter):
    with pytest.raises(AudioError, match="silence"):
        listen(converter, (torch.zeros(16000), SAMPLE_RATE))
    with pytest.raises(AudioError, match=r"at least 0\.5 s"):
        listen(converter, (speaker(0)[:3000], SAMPLE_RATE))


def test_the_oddest_comes_first_and_one_bad_file_stops_no_other(kept, converter, fitted, tmp_path):
    folder_of(tmp_path, range(120, 123))
    noise = 0.1 * torch.randn(round(SECONDS * SAMPLE_RATE))
    soundfile.write(tmp_path / "odd.wav", noise.numpy(), SAMPLE_RATE)
    (tmp_path / "bad.wav").write_bytes(b"not sound")
    failures, steps = [], []
    found = screen(
        converter,
        fitted,
        sorted(tmp_path.glob("*.wav")),
        failed=failures.append,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert found[0].path.name == "odd.wav"
    assert found[0].is_odd
    assert [item.score for item in found] == sorted((x.score for x in found), reverse=True)
    assert len(found) == 4
    assert len(failures) == 1
    assert "bad.wav" in failures[0]
    assert steps[-1] == (5, 5)


def test_the_command_prints_odd_ones_all_or_json(capsys, kept, tmp_path):
    folder_of(tmp_path, range(130, 132))
    soundfile.write(tmp_path / "noise.wav", 0.1 * torch.randn(40000).numpy(), SAMPLE_RATE)
    args = ["screen", tmp_path, "--weights", kept / "weights"]
    code, out, _ = run(capsys, *args)
    assert code == 0
    assert "noise.wav" in out.splitlines()[0]
    assert len(run(capsys, *args, "--all")[1].splitlines()) == 3
    rows = json.loads(run(capsys, *args, "--json")[1])
    assert {row["reason"] for row in rows} <= set(ERRORS)
    assert rows[0]["odd"] is True
    (tmp_path / "bad.wav").write_bytes(b"")
    code, out, error = run(capsys, *args)
    assert code == 2
    assert "noise.wav" in out
    assert error.count("\n") == 1


def test_own_clean_recordings_take_the_place_of_the_training(capsys, kept, tmp_path):
    # a voice from another world: twice as slow, so odd to the weights and usual to its owner
    own, other = tmp_path / "own", tmp_path / "other"
    for folder, seeds in ((own, range(200, 230)), (other, range(230, 236))):
        folder.mkdir()
        for seed in seeds:
            slow = torch.nn.functional.interpolate(
                speaker(seed)[None, None], scale_factor=1.8, mode="linear"
            )
            soundfile.write(folder / f"{seed}.wav", slow.flatten().numpy(), SAMPLE_RATE)
    args = ["screen", other, "--weights", kept / "weights", "--json", "--rate", "0.1"]
    strict = json.loads(run(capsys, *args)[1])
    lenient = json.loads(run(capsys, *args, "--clean", own)[1])
    assert sum(row["odd"] for row in strict) == 6
    assert sum(row["odd"] for row in lenient) <= 3
    before, after = ({row["path"]: row["score"] for row in rows} for rows in (strict, lenient))
    assert all(after[path] < before[path] for path in before)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--rate", "2"], "must lie in (0, 1)"),
        (["--rate", "0.001"], "needs at least 999 clean"),
        (["--check", "--json"], "leave out --json"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(capsys, kept, more, message):
    args = ["screen", kept / "clean", "--weights", kept / "weights"]
    code, _, error = run(capsys, *args, *more)
    assert code == 2
    assert error.count("\n") == 1
    assert message in error


def test_weights_without_a_screen_say_how_to_make_one(capsys, kept, tmp_path):
    make_converter().save_pretrained(tmp_path / "weights")
    code, _, error = run(capsys, "screen", kept / "clean", "--weights", tmp_path / "weights")
    assert code == 2
    assert "vc calibrate" in error
