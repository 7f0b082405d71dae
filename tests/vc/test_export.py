import os
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from tests.vc.features import TINY
from tests.vc.serving import make_converter
from tests.vc.sounds import SAMPLE_RATE, voice
from vc import VoiceConverter
from vc.export import export, find_checkpoint, read_network
from vc.inference import PACKAGED
from vc.model import VoiceAutoencoder
from vc.vocoder import SourceFilter, save_synthesiser


def network(seed: int) -> VoiceAutoencoder:
    torch.manual_seed(seed)
    return VoiceAutoencoder(TINY)


def write_run(folder: Path, averaged: VoiceAutoencoder, last: VoiceAutoencoder) -> Path:
    """A run's folder as Lightning's weight averaging leaves it."""

    def prefixed(model: VoiceAutoencoder) -> dict:
        other = {"classifier.head.weight": torch.zeros(3)}
        return {f"network.{k}": v for k, v in model.state_dict().items()} | other

    checkpoint = folder / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    torch.save(
        {
            "state_dict": prefixed(averaged),
            "current_model_state": prefixed(last),
            "hyper_parameters": {"network": asdict(TINY), "learning_rate": 1e-3},
        },
        checkpoint,
    )
    return folder


@pytest.fixture
def run(tmp_path) -> Path:
    return write_run(tmp_path / "run", network(1), network(2))


@pytest.fixture
def synthesiser(tmp_path) -> Path:
    return save_synthesiser(SourceFilter(width=16, dilations=(1,)), tmp_path / "synthesiser")


def test_the_averaged_weights_are_exported(run):
    found, averaged = read_network(find_checkpoint(run)).state_dict(), network(1).state_dict()
    assert all(torch.equal(found[name], averaged[name]) for name in averaged)


def test_an_exported_run_converts(run, synthesiser, tmp_path):
    export(run, tmp_path / "weights", synthesiser=synthesiser)
    converter = VoiceConverter.from_pretrained(tmp_path / "weights")
    source = (voice(120, 1.0, 1.0, 0), SAMPLE_RATE)
    assert converter.convert(source, source).waveform.shape == source[0].shape
    stored = converter.network.state_dict()["content_encoder.stem.weight"]
    wanted = network(1).state_dict()["content_encoder.stem.weight"]
    assert torch.equal(stored, wanted.half().float())


def write_synthesiser_run(folder: Path, seed: int = 3) -> SourceFilter:
    """The synthesiser that a run in ``folder`` has averaged."""
    torch.manual_seed(seed)
    model = SourceFilter(width=16, dilations=(1,))
    (folder / "checkpoints").mkdir(parents=True)
    torch.save(
        {
            "state_dict": {f"synthesiser.{k}": v for k, v in model.state_dict().items()},
            "hyper_parameters": {"width": 16, "dilations": [1], "learning_rate": 1e-3},
        },
        folder / "checkpoints" / "last.ckpt",
    )
    return model


def test_a_run_of_the_synthesiser_is_exported_with_the_voices(run, tmp_path):
    trained = write_synthesiser_run(tmp_path / "synthesiser").state_dict()
    export(run, tmp_path / "weights", synthesiser=tmp_path / "synthesiser")
    found = VoiceConverter.from_pretrained(tmp_path / "weights").vocoder.state_dict()
    assert found.keys() == trained.keys()
    assert all(torch.equal(found[name], trained[name].half().float()) for name in trained)


def test_a_run_of_voices_is_refused_as_a_synthesiser(run, tmp_path):
    with pytest.raises(ValueError, match="synthesiser"):
        export(run, tmp_path / "weights", synthesiser=run)


def test_the_weights_are_stored_in_half_precision(run, synthesiser, tmp_path):
    export(run, tmp_path / "weights", synthesiser=synthesiser)
    size = (tmp_path / "weights" / "model.safetensors").stat().st_size
    n_parameters = sum(p.numel() for p in network(1).parameters())
    assert 2 * n_parameters < size < 2.5 * n_parameters + 20_000


def test_the_mean_of_a_run_and_its_start_is_half_way_between(run, synthesiser, tmp_path):
    start = write_run(tmp_path / "start", network(3), network(4))
    export(start, tmp_path / "start_weights", synthesiser=synthesiser)
    mean = export(
        run, tmp_path / "mean", synthesiser=synthesiser, mean_with=tmp_path / "start_weights"
    )
    of_run, of_start = network(1).state_dict(), network(3).state_dict()
    for name, value in mean.network.state_dict().items():
        half_way = 0.5 * (of_run[name] + of_start[name])
        assert torch.allclose(value, half_way, atol=2e-3), name
    assert not torch.allclose(mean.network.decoder.head.weight, of_run["decoder.head.weight"])


def test_a_mean_with_weights_of_other_sizes_is_refused_before_anything_is_written(
    run, synthesiser, tmp_path
):
    with pytest.raises(ValueError, match="of another network"):
        export(run, tmp_path / "mean", synthesiser=synthesiser, mean_with=PACKAGED)
    assert not (tmp_path / "mean").exists()


def test_a_checkpoint_may_be_named_itself(run):
    checkpoint = run / "checkpoints" / "last.ckpt"
    assert find_checkpoint(checkpoint) == checkpoint
    assert find_checkpoint(run) == checkpoint


def test_a_resumed_run_is_exported_as_it_is_now(run):
    # Lightning leaves the old last.ckpt where it is and goes on in last-v1.ckpt.
    old = run / "checkpoints" / "last.ckpt"
    new = old.with_name("last-v1.ckpt")
    new.write_bytes(old.read_bytes())
    os.utime(old, (1000, 1000))
    assert find_checkpoint(run) == new


def test_a_folder_with_something_in_it_is_kept_without_overwrite(run, synthesiser, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="--force"):
        export(run, folder, synthesiser=synthesiser)
    assert [path.name for path in folder.iterdir()] == ["README.md"]
    export(run, folder, synthesiser=synthesiser, overwrite=True)
    assert (folder / "README.md").read_text() == "mine"


def test_a_run_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no checkpoints"):
        find_checkpoint(tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        find_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not a zip"])
def test_garbage_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "last.ckpt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a checkpoint") as error:
        read_network(path)
    assert "\n" not in str(error.value)


def test_a_checkpoint_that_could_run_code_is_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {}, "hyper_parameters": make_converter}, path)
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        read_network(path)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {}, "hyper_parameters": {"width": 3}}, path)
    with pytest.raises(ValueError, match="voice model"):
        read_network(path)
