"""From a training run to the folder of weights that is served, and back into a network."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from shared.checkpoint import load_model, resolve
from vc.audio import MelSpec
from vc.inference import KIND, PACKAGED, VoiceConverter
from vc.model import VoiceAutoencoder, VoiceConfig
from vc.synthesis.network import SourceFilter
from vc.vocoder import load_synthesiser

Module = TypeVar("Module", bound=nn.Module)


def find_checkpoint(run: str | Path) -> Path:
    """The checkpoint that ``run`` means: itself, or the newest last.ckpt of a run's folder.

    Raises ValueError when there is none.
    """
    run = Path(run)
    if run.is_file():
        return run
    # A run that was continued goes on in last-v1.ckpt and leaves last.ckpt behind.
    found = [*run.glob("checkpoints/last*.ckpt"), *run.glob("last*.ckpt")]
    if found:
        return max(found, key=lambda path: path.stat().st_mtime)
    if not run.exists():
        raise ValueError(f"{run} does not exist; give the folder of a run or a checkpoint")
    raise ValueError(f"{run} holds no checkpoints/last.ckpt; give the folder of a run")


def read_network(checkpoint: str | Path) -> VoiceAutoencoder:
    """The averaged network of a Lightning checkpoint (the last one, if it was not averaged).

    Weight averaging keeps the average under ``state_dict`` and the last weights elsewhere, so
    there is nothing to choose. Raises ValueError when this is no checkpoint of a voice model.
    """

    def build(chosen: dict) -> VoiceAutoencoder:
        return VoiceAutoencoder(VoiceConfig(**chosen["network"]))

    return _read_module(checkpoint, "network.", build, "voice model")


def read_synthesiser(source: str | Path | None) -> SourceFilter:
    """The synthesiser in an exported folder, a training run of one, or None: the packaged one."""
    if source is None or (Path(source) / "config.json").is_file():
        return load_synthesiser(source)

    def build(chosen: dict) -> SourceFilter:
        return SourceFilter(width=chosen["width"], dilations=chosen["dilations"])

    return _read_module(find_checkpoint(source), "synthesiser.", build, "synthesiser")


def export(
    run: str | Path,
    folder: str | Path,
    *,
    synthesiser: str | Path | None = None,
    mean_with: str | Path | None = None,
    overwrite: bool = False,
) -> VoiceConverter:
    """The converter of a run, which now also lies in ``folder`` in half precision.

    ``run`` is a run's folder or a checkpoint; ``synthesiser`` an exported folder, a run of its own,
    or None for the packaged one. With ``mean_with``, weights (a folder or Hub id) that the run
    started from, what is exported lies half-way between the two: after a game with a critic the
    mean keeps the words of the one and the sound of the other (Wortsman et al. 2022). Ready voices
    in the folder that are of other weights no longer fit: save them again. Raises ValueError when
    one of them is not there, or ``folder`` has something in it and ``overwrite`` is false.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or (not overwrite and any(folder.iterdir()))):
        raise ValueError(f"{folder} exists and is not empty; pass --force to write into it")
    network = read_network(find_checkpoint(run))
    if mean_with is not None:
        network = _mean(network, mean_with)
    converter = VoiceConverter(network, read_synthesiser(synthesiser), MelSpec())
    converter.save_pretrained(folder)
    return VoiceConverter.from_pretrained(folder)


def load_weights(network: VoiceAutoencoder, source: str | Path) -> None:
    """Fill ``network`` with the exported weights in the folder or on the Hub at ``source``.

    Raises ValueError when there are none or they are of a network of other sizes.
    """
    _, state = load_model(resolve(source, PACKAGED, KIND), kind=KIND)
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {source} are of another network; the sizes in their config.json "
            "must be those of model.network"
        ) from error


def _mean(network: VoiceAutoencoder, source: str | Path) -> VoiceAutoencoder:
    """Half-way between the network and the weights in ``source``."""
    other = VoiceAutoencoder(network.config)
    load_weights(other, source)
    theirs = other.state_dict()
    state = {name: torch.lerp(x, theirs[name], 0.5) for name, x in network.state_dict().items()}
    other.load_state_dict(state)
    return other.eval()


def _read_module(
    checkpoint: str | Path, prefix: str, build: Callable[[dict], Module], what: str
) -> Module:
    """What ``build`` makes of the hyper-parameters, with the checkpoint's weights below prefix."""
    saved = _read(checkpoint)
    try:
        module = build(saved["hyper_parameters"])
        state = {
            name.removeprefix(prefix): value
            for name, value in saved["state_dict"].items()
            if name.startswith(prefix)
        }
        module.load_state_dict(state, strict=True)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{checkpoint} is no checkpoint of this version's {what} ({reason})"
        ) from error
    return module.eval()


def _read(checkpoint: str | Path) -> dict:
    try:
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    # torch raises its own UnpicklingError, RuntimeError, EOFError and KeyError on garbage
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{checkpoint} cannot be read as a checkpoint ({reason})") from error
    if not isinstance(saved, dict) or "state_dict" not in saved:
        raise ValueError(f"{checkpoint} is not a checkpoint of a training run")
    return saved
