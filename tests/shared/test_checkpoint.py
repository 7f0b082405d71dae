"""Exported models: what is saved comes back, and nothing else is taken for it."""

import json
from pathlib import Path

import huggingface_hub
import pytest
import torch
from torch import nn

from shared.checkpoint import fingerprint, load_model, resolve, save_model

CONFIG = {"n_mels": 80, "rate": 0.5, "name": "small", "dilations": [1, 2], "norm": {"eps": 1e-5}}


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    return network.state_dict()


@pytest.fixture
def saved(tmp_path, state) -> Path:
    return save_model(tmp_path / "model", state, CONFIG, kind="vc")


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype and torch.equal(a[name], b[name]) for name in a
    )


def test_what_is_saved_comes_back(saved, state):
    config, loaded = load_model(saved, kind="vc")
    assert config == CONFIG
    assert equal(loaded, state)


def test_loaded_weights_may_be_trained_further(saved):
    _, loaded = load_model(saved, kind="vc")
    loaded["0.weight"].add_(1.0)


def test_half_precision_halves_the_file_and_comes_back_as_float32(tmp_path):
    state = {"weight": torch.randn(100, 100), "steps": torch.tensor(7)}
    whole = save_model(tmp_path / "whole", state, {}, kind="vc")
    half = save_model(tmp_path / "half", state, {}, kind="vc", half=True)
    size = {folder: (folder / "model.safetensors").stat().st_size for folder in (whole, half)}
    assert size[half] < 0.51 * size[whole]
    _, loaded = load_model(half, kind="vc")
    assert loaded["weight"].dtype == torch.float32
    assert torch.equal(loaded["weight"], state["weight"].half().float())
    assert torch.equal(loaded["steps"], state["steps"])


def test_tied_and_transposed_weights_can_be_saved(tmp_path):
    weight = torch.randn(3, 4)
    state = {"a": weight, "b": weight, "transposed": weight.T}
    _, loaded = load_model(save_model(tmp_path / "m", state, {}, kind="vc"), kind="vc")
    assert equal(loaded, state)


def test_a_model_card_lands_beside_the_weights(tmp_path, state):
    extra = {"README.md": "# Card", "voices/bea.voice": b"\x00\x01"}
    folder = save_model(tmp_path / "m", state, {}, kind="vc", extra_files=extra)
    assert (folder / "README.md").read_text() == "# Card"
    assert (folder / "voices/bea.voice").read_bytes() == b"\x00\x01"


def test_saving_leaves_nothing_behind_but_the_folder(saved, tmp_path):
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert sorted(path.name for path in saved.iterdir()) == ["config.json", "model.safetensors"]


def test_a_folder_with_something_in_it_is_overwritten_only_on_request(saved, state):
    (saved / "notes.txt").write_text("mine")
    before = (saved / "model.safetensors").read_bytes()
    other = {name: tensor + 1 for name, tensor in state.items()}
    with pytest.raises(ValueError, match="not empty"):
        save_model(saved, other, CONFIG, kind="vc")
    assert (saved / "model.safetensors").read_bytes() == before
    save_model(saved, other, CONFIG, kind="vc", overwrite=True)
    assert equal(load_model(saved, kind="vc")[1], other)
    assert (saved / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"path": Path("x")}, "path is a PosixPath"),
        ({"norm": {"eps": torch.tensor(1.0)}}, "norm.eps is a Tensor"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"sizes": [1, object()]}, "sizes is a object"),
        ({"table": {1: 2}}, "JSON keys are text"),
        ({"sha256": "0"}, "'sha256' is taken"),
    ],
)
def test_a_config_that_is_not_plain_is_refused_and_nothing_is_written(
    tmp_path, state, config, reason
):
    with pytest.raises(ValueError, match=reason):
        save_model(tmp_path / "m", state, config, kind="vc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("value", "half"), [(float("nan"), False), (1.0e5, True)])
def test_a_weight_that_is_not_finite_as_stored_is_refused(tmp_path, value, half):
    with pytest.raises(ValueError, match="weight loud is not finite"):
        save_model(tmp_path / "m", {"loud": torch.tensor(value)}, {}, kind="vc", half=half)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_error_while_saving_leaves_the_old_model_whole(saved, state, monkeypatch):
    def disk_is_full(path: Path, data: bytes) -> int:
        raise OSError("No space left on device")

    other = {name: tensor + 1 for name, tensor in state.items()}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", disk_is_full)
        with pytest.raises(OSError, match="No space"):
            save_model(saved, other, CONFIG, kind="vc", overwrite=True)
    assert equal(load_model(saved, kind="vc")[1], state)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def truncate(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-1])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncate, "damaged"),
        (lambda folder: (folder / "model.safetensors").unlink(), "has no model.safetensors"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "config.json").write_text("{}"), "no format, kind, sha256"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no format, kind, sha256"),
        (lambda folder: change_config(folder, format=2), "has format 2"),
        (lambda folder: change_config(folder, kind="summarize"), "holds 'summarize' weights"),
        (lambda folder: change_config(folder, sha256="0" * 64), "sha256 differs"),
    ],
)
def test_a_damaged_model_is_refused_in_one_line(saved, damage, reason):
    damage(saved)
    with pytest.raises(ValueError, match=reason) as error:
        load_model(saved, kind="vc")
    assert "\n" not in str(error.value)


def test_a_missing_folder_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        load_model(tmp_path / "missing", kind="vc")


def test_a_fingerprint_survives_saving_and_loading_in_half_precision(tmp_path, state):
    folder = save_model(tmp_path / "half", state, {}, kind="vc", half=True)
    loaded = load_model(folder, kind="vc")[1]
    whole = save_model(tmp_path / "whole", loaded, {}, kind="vc")
    assert fingerprint(loaded) == fingerprint(load_model(whole, kind="vc")[1])
    assert fingerprint(loaded) == fingerprint(
        {k: v.half() for k, v in loaded.items()}
        | {k: v for k, v in loaded.items() if not v.is_floating_point()}
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {**state, "0.bias": state["0.bias"] + 1e-6},
        lambda state: {**state, "0.weight": state["0.weight"].reshape(3, 4)},
        lambda state: {**{k: v for k, v in state.items() if k != "0.bias"}, "b": state["0.bias"]},
    ],
    ids=["value", "shape", "name"],
)
def test_a_fingerprint_changes_with_any_value_shape_or_name(state, change):
    assert fingerprint(change(state)) != fingerprint(state)


def test_a_fingerprint_does_not_depend_on_the_order_of_names(state):
    assert fingerprint(dict(reversed(state.items()))) == fingerprint(state)


def test_nothing_means_the_packaged_weights_and_a_folder_means_itself(saved, tmp_path):
    assert resolve(None, saved, "vc") == saved
    assert resolve(str(saved), tmp_path / "packaged", "vc") == saved


def test_missing_packaged_weights_are_named(tmp_path):
    with pytest.raises(ValueError, match="no packaged vc weights"):
        resolve(None, tmp_path, "vc")


@pytest.fixture
def downloads(monkeypatch, saved) -> list[str]:
    """The Hub ids that were asked for; each answers with the saved model."""
    asked: list[str] = []

    def download(repo_id: str, allow_patterns: list[str]) -> str:
        assert not any(pattern.endswith((".bin", ".pt", ".ckpt")) for pattern in allow_patterns)
        asked.append(repo_id)
        return str(saved)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return asked


def test_a_hub_id_is_downloaded_only_if_no_folder_has_that_name(
    downloads, saved, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner/here").mkdir(parents=True)
    assert resolve("owner/here", saved, "vc") == Path("owner/here")
    assert downloads == []
    assert resolve("owner/there", saved, "vc") == saved
    assert downloads == ["owner/there"]


@pytest.mark.parametrize("source", ["/no/where", "./no/where", "nowhere", "a/b/c", "~/no-where"])
def test_a_path_that_leads_nowhere_never_reaches_for_the_hub(downloads, tmp_path, source):
    with pytest.raises(ValueError, match="no such folder"):
        resolve(source, tmp_path, "vc")
    with pytest.raises(ValueError, match="no such folder"):
        resolve(Path("owner/name"), tmp_path, "vc")
    assert downloads == []


def test_a_file_in_place_of_a_folder_is_named(saved, tmp_path):
    with pytest.raises(ValueError, match="is a file"):
        resolve(saved / "config.json", tmp_path, "vc")


def test_an_unreachable_hub_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match="no vc weights at owner/name") as error:
        resolve("owner/name", tmp_path, "vc")
    assert "\n" not in str(error.value)
