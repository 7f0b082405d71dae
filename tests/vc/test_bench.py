import json

import pytest
import torch

from tests.vc.features import TINY
from tests.vc.serving import write_weights
from vc import bench
from vc.audio import SAMPLE_RATE, active_level
from vc.pitch import track_pitch


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder)
    return folder


def test_the_sample_voice_has_pitch_and_pauses():
    waveform = bench.sample_voice(2.0, 120.0)
    assert waveform.shape == (2 * SAMPLE_RATE,)
    assert waveform.abs().max() < 1
    assert active_level(waveform) > 0.01
    voiced = track_pitch(waveform)
    assert voiced[voiced > 0].median() == pytest.approx(120, rel=0.2)


def test_the_stages_add_up_to_the_whole(weights, monkeypatch):
    monkeypatch.setattr(bench, "SECONDS", 1.0)
    monkeypatch.setattr(bench, "_REPEATS", 1)
    lines = []
    converter = bench.VoiceConverter.from_pretrained(weights)
    figures = bench._speed(converter, lines.append)
    assert set(figures["stages"]) == {
        "features",
        "pitch",
        "content encoder",
        "speaker encoder",
        "matching",
        "decoder",
        "vocoder",
        "writing, rest",
    }
    assert figures["real_time"] == pytest.approx(1.0 / sum(figures["stages"].values()))
    assert any("Griffin-Lim" in line for line in lines)


def test_measuring_leaves_the_converter_as_it_was(weights, monkeypatch):
    monkeypatch.setattr(bench, "SECONDS", 0.6)
    monkeypatch.setattr(bench, "_REPEATS", 1)
    converter = bench.VoiceConverter.from_pretrained(weights)
    before = (converter.vocoder, converter.clock)
    bench._speed(converter, lambda line: None)
    assert (converter.vocoder, converter.clock) == before


def test_sizes_are_counted(weights):
    converter = bench.VoiceConverter.from_pretrained(weights)
    lines = []
    figures = bench._size(converter, weights, lines.append)
    total = sum(
        p.numel() for part in (converter.network, converter.vocoder) for p in part.parameters()
    )
    assert sum(figures["parameters"].values()) == total
    assert figures["megabytes"] < 1
    assert all(line.endswith("ok") for line in lines)


def test_memory_of_a_file_is_measured(weights, tmp_path):
    bench.write_audio(tmp_path / "a.wav", bench.sample_voice(1.0), SAMPLE_RATE)
    out = tmp_path / "b.flac"
    figures = bench.memory_of(str(tmp_path / "a.wav"), str(out), str(weights), None, "cpu", True)
    assert figures["peak_megabytes"] >= figures["loaded_megabytes"] > 50
    assert out.exists()


def test_training_is_measured_by_its_own_step(monkeypatch):
    monkeypatch.setattr(bench, "_TRAINING_STEPS", 1)
    figures = bench._training(TINY, lambda line: None)
    assert all(value > 0 for value in figures.values())
    json.dumps(figures)
    assert not torch.is_autocast_enabled("cpu")
