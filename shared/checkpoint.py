"""Exported models: a folder with ``config.json`` and ``model.safetensors``, loaded strictly.

``config.json`` holds plain numbers, texts and lists, and three keys of ours: ``format`` (the
version of this layout), ``kind`` (whose weights these are, such as ``"vc"``) and ``sha256`` of
``model.safetensors``. Nothing here pickles or unpickles.
"""

import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

FORMAT = 1
CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
OUR_KEYS = ("format", "kind", "sha256")
# Only what cannot run code is ever fetched.
HUB_FILES = ["*.json", "*.safetensors", "*.md", "*.txt", "*.voice"]
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def save_model(
    folder: str | Path,
    state: Mapping[str, Tensor],
    config: Mapping[str, Any],
    *,
    kind: str,
    half: bool = False,
    extra_files: Mapping[str, str | bytes] | None = None,
    overwrite: bool = False,
) -> Path:
    """The folder, now holding the weights and everything that is needed to load them.

    ``config`` is what rebuilds the model: numbers, texts, booleans, ``None``, and lists and
    mappings of these. ``half`` stores floating-point tensors in 16 bits (half the size);
    `load_model` gives them back in 32. ``extra_files`` are written beside them by name, such as a
    model card. All files are written aside and then renamed, ``config.json`` last: a reader sees
    the old model, the new one, or a checksum error, never a mixture taken for whole. Files of an
    existing folder that this model does not name stay.

    Raises ValueError if the folder has something in it and ``overwrite`` is false, if ``config``
    holds anything else, or if a weight is not finite in the stored precision; OSError if the
    folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give a folder to save the model in")
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; give another folder, or allow overwriting")
    weights = safetensors.torch.save(_storable(state, half))
    head = {"format": FORMAT, "kind": kind, "sha256": hashlib.sha256(weights).hexdigest()}
    files = {name: _encoded(content) for name, content in (extra_files or {}).items()}
    files[WEIGHTS_NAME] = weights
    files[CONFIG_NAME] = _config_text({**head, **_without_our_keys(config)}).encode()
    _write_aside_then_rename(folder, files)
    return folder


def load_model(folder: str | Path, *, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `save_model` was given: ``(config, state)``, half-precision tensors as float32, on CPU.

    Load the state with ``load_state_dict(state, strict=True)``. Raises ValueError if the folder or
    one of its two files is missing or unreadable, if the format or the kind is another, or if the
    weights are not those whose checksum ``config.json`` holds.
    """
    folder = Path(folder)
    config = _read_config(folder, kind)
    weights = _read_bytes(folder / WEIGHTS_NAME)
    if hashlib.sha256(weights).hexdigest() != config["sha256"]:
        raise ValueError(
            f"{folder / WEIGHTS_NAME} is damaged or belongs to another {CONFIG_NAME} "
            "(its sha256 differs); export or download the model again"
        )
    try:
        state = safetensors.torch.load(weights)
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS_NAME} is not a safetensors file: {error}") from error
    state = {k: v.float() if v.dtype == torch.float16 else v for k, v in state.items()}
    return {k: v for k, v in config.items() if k not in OUR_KEYS}, state


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """16 hexadecimal digits that name these weights: equal names, shapes and values, equal digits.

    Values are compared as float32, so weights saved in half precision have one fingerprint on
    disk and in memory, which differs from that of the weights before they were rounded.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu()
        if tensor.is_floating_point():
            tensor = tensor.float()
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def resolve(source: str | Path | None, packaged: Path, kind: str) -> Path:
    """The folder that ``source`` means, ready for `load_model`.

    ``None`` is the packaged weights, an existing folder is itself, and a text of the form
    ``owner/name`` that is no folder here is a model on the Hugging Face Hub, downloaded into its
    cache: the only case that touches the network. Raises ValueError for everything else.
    """
    if source is None:
        if not (packaged / CONFIG_NAME).is_file():
            raise ValueError(
                f"this installation has no packaged {kind} weights; "
                "give a folder that holds some, or a Hub id (owner/name)"
            )
        return packaged
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ValueError(f"{source} is a file; give the folder that holds {CONFIG_NAME}")
    if isinstance(source, str) and HUB_ID.fullmatch(source):
        return _download(source, kind)
    raise ValueError(f"no such folder: {source} (nor is it a Hub id of the form owner/name)")


def _download(repo_id: str, kind: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(repo_id, allow_patterns=HUB_FILES))
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"no {kind} weights at {repo_id}: no such folder here, "
            f"and the Hub did not give them ({reason})"
        ) from error


def _storable(state: Mapping[str, Tensor], half: bool) -> dict[str, Tensor]:
    """Copies on the CPU that share no memory, which safetensors refuses."""
    storable = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu()
        if half and tensor.is_floating_point():
            tensor = tensor.to(torch.float16)
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"weight {name} is not finite in {tensor.dtype}; nothing was saved")
        storable[name] = tensor.clone(memory_format=torch.contiguous_format)
    return storable


def _without_our_keys(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, value in config.items():
        if key in OUR_KEYS:
            raise ValueError(f"config key {key!r} is taken by the checkpoint format; rename it")
        _check_plain(key, value)
    return config


def _check_plain(key: str, value: object) -> None:
    if isinstance(value, Mapping):
        for inner, item in value.items():
            if not isinstance(inner, str):
                raise ValueError(f"config {key} has the key {inner!r}; JSON keys are text")
            _check_plain(f"{key}.{inner}", item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_plain(key, item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"config {key} is {value}; only finite numbers can be saved")
    elif value is not None and not isinstance(value, (bool, int, float, str)):
        raise ValueError(
            f"config {key} is a {type(value).__name__}; only plain numbers, texts, booleans, "
            "None, lists and mappings can be saved"
        )


def _config_text(config: Mapping[str, Any]) -> str:
    return json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _write_aside_then_rename(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A sibling, so that every rename stays on one file system.
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).write_bytes(content)
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(aside / name, folder / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _read_config(folder: Path, kind: str) -> dict[str, Any]:
    if not folder.is_dir():
        raise ValueError(f"no such folder: {folder}")
    path = folder / CONFIG_NAME
    try:
        config = json.loads(_read_bytes(path))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict) or any(key not in config for key in OUR_KEYS):
        raise ValueError(
            f"{path} is not the config of an exported model (no {', '.join(OUR_KEYS)})"
        )
    if config["format"] != FORMAT:
        raise ValueError(
            f"{path} has format {config['format']!r}, this version reads {FORMAT}; "
            "export the model again, or install the matching version"
        )
    if config["kind"] != kind:
        raise ValueError(f"{folder} holds {config['kind']!r} weights, {kind!r} weights are needed")
    return config


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path.parent} has no {path.name}; it is not an exported model") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
