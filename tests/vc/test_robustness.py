from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from vc.audio import read_audio
from vc.evaluate import Pair
from vc.robustness import (
    Check,
    checks_table,
    gain_of_the_input,
    half_silent_reference,
    held_out_targets,
    no_average_voice,
    run_checks,
    silence,
)

RATE = 16_000
PITCHES = {"ann": 200.0, "bob": 120.0, "cat": 290.0, "dan": 160.0}


class Sound(NamedTuple):
    waveform: Tensor
    sample_rate: int = RATE


def pitch_of(waveform: np.ndarray) -> float:
    """Crossings per second of speech (what is louder than a hundredth of the peak)."""
    loud = np.abs(waveform) > 0.01 * max(1e-9, float(np.abs(waveform).max()))
    return float((np.diff(np.sign(waveform[loud])) > 0).sum() * RATE / max(1, loud.sum()))


def embed(waveform: np.ndarray) -> np.ndarray:
    return np.exp(-((np.arange(60) * 8 - pitch_of(waveform)) ** 2) / 2000.0)


class GoodConverter:
    """A tone at the references' pitch, as loud as the source is, moment by moment."""

    def convert(self, source: Path, voice: list[Path]) -> Sound:
        sound = read_audio(source)
        hertz = float(np.mean([pitch_of(read_audio(file).numpy()) for file in voice]))
        return Sound(self.shape(sound) * torch.sin(2 * torch.pi * hertz * self.time(sound)))

    def shape(self, sound: Tensor) -> Tensor:
        frames = sound.abs().unfold(0, 160, 160).amax(1).repeat_interleave(160)
        return torch.nn.functional.pad(frames, (0, len(sound) - len(frames)))

    def time(self, sound: Tensor) -> Tensor:
        return torch.arange(len(sound)) / RATE

    def copy_synthesis(self, source: Path) -> Sound:
        return Sound(read_audio(source))

    reconstruct = copy_synthesis


class AverageVoice(GoodConverter):
    """Everybody becomes the same person."""

    def convert(self, source: Path, voice: list[Path]) -> Sound:
        sound = read_audio(source)
        return Sound(0.1 * torch.sin(2 * torch.pi * 205.0 * self.time(sound)))


class LevelDependent(GoodConverter):
    """Takes soft recordings, whoever speaks them, for a higher voice."""

    def convert(self, source: Path, voice: list[Path]) -> Sound:
        sound = read_audio(source)
        hertz = pitch_of(read_audio(voice[0]).numpy())
        hertz *= 1.0 + 0.3 * float(sound.abs().max() < 0.05)
        return Sound(0.1 * torch.sin(2 * torch.pi * hertz * self.time(sound)))


class CountsSilence(GoodConverter):
    """Averages over all of the reference, silence included."""

    def convert(self, source: Path, voice: list[Path]) -> Sound:
        sound, reference = read_audio(source), read_audio(voice[0])
        hertz = float((reference.sign().diff() > 0).sum()) * RATE / len(reference)
        return Sound(0.1 * torch.sin(2 * torch.pi * hertz * self.time(sound)))


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    for i, (name, hertz) in enumerate(PITCHES.items()):
        (tmp_path / name).mkdir()
        for n in (1, 2):
            wave = np.sin(2 * np.pi * hertz * np.arange(RATE + 2000 * i) / RATE)
            soundfile.write(tmp_path / name / f"{n}.wav", 0.3 * wave, RATE)
    names = list(PITCHES)
    return [
        Pair(i + 1, tmp_path / a / "1.wav", (tmp_path / b / "2.wav",))
        for i, (a, b) in enumerate(zip(names, [*names[1:], names[0]], strict=True))
    ]


def test_every_check_passes_for_a_converter_that_does_what_it_should(pairs: list[Pair]) -> None:
    names: list[str] = []
    checks = run_checks(GoodConverter(), pairs, embed=embed, progress=names.append)
    assert [check.name for check in checks if not check.passed] == []
    assert len(checks) == 6
    assert len(names) == 4
    assert checks_table(checks).count("ok ") == 6


def test_a_converter_of_one_voice_is_caught(pairs: list[Pair]) -> None:
    check = no_average_voice(AverageVoice(), pairs, embed=embed)
    assert not check.passed
    assert "1 different voices" in check.note


def test_fewer_targets_than_wanted_are_said(pairs: list[Pair]) -> None:
    check = no_average_voice(GoodConverter(), pairs, n_targets=20, embed=embed)
    assert check.n == 3  # four speakers, one of whom is the source
    assert check.value == 1.0
    assert "only 3 of the 20" in check.note


def test_one_target_cannot_show_an_average_voice(pairs: list[Pair]) -> None:
    with pytest.raises(ValueError, match="two target speakers"):
        no_average_voice(GoodConverter(), pairs[:1], embed=embed)


def test_a_targets_recordings_are_all_that_the_pairs_name(pairs: list[Pair]) -> None:
    for folder, target in held_out_targets(pairs).items():
        assert [file.stem for file in target.known] == ["1", "2"]
        assert target.references == [folder / "2.wav"]


def test_a_converter_that_hears_loudness_is_caught(pairs: list[Pair]) -> None:
    source, reference = gain_of_the_input(LevelDependent(), pairs[:2], embed)
    assert not source.passed
    assert reference.passed
    assert source.n == 4


def test_noise_in_a_pause_is_caught(pairs: list[Pair]) -> None:
    class Noisy(GoodConverter):
        def convert(self, source: Path, voice: list[Path]) -> Sound:
            sound = super().convert(source, voice)
            return Sound(sound.waveform + 0.01 * torch.randn(len(sound.waveform)))

    assert [check.passed for check in silence(Noisy(), pairs[:1])] == [False, False]
    assert [check.passed for check in silence(GoodConverter(), pairs[:1])] == [True, True]


def test_refusing_pure_silence_is_allowed_and_said(pairs: list[Pair]) -> None:
    class Refusing(GoodConverter):
        def convert(self, source: Path, voice: list[Path]) -> Sound:
            if not read_audio(source).any():
                raise ValueError("only silence")
            return super().convert(source, voice)

    only, pause = silence(Refusing(), pairs[:2])
    assert only.passed
    assert only.note == "refused 2 of 2"
    assert pause.passed


def test_a_converter_that_averages_over_silence_is_caught(pairs: list[Pair]) -> None:
    assert not half_silent_reference(CountsSilence(), pairs[:2], embed).passed


def test_an_undefined_value_does_not_pass() -> None:
    assert not Check("x", float("nan"), "<", 1.0, 0).passed
    assert not Check("x", float("nan"), ">=", 1.0, 0).passed
