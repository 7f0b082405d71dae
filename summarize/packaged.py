"""Folders of weights: the tables of the search, and beside them the network and its vocabulary."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from shared.checkpoint import CONFIG_NAME, fingerprint, load_model, resolve, save_model
from summarize.model import TextAutoencoder, TextConfig
from summarize.search import Search
from summarize.subwords import TOKENIZER, Subwords, vocabulary

KIND = "summarize-text"
SEARCH = "search"  # the folder of its tables
BACKBONE = "backbone"  # the folder of a backbone's configuration and tokenizer
WEIGHTS = Path(__file__).parent / "weights"
CARD = "README.md"


class Packaged(NamedTuple):
    """What a folder of weights holds; the network may be missing, the search never is."""

    search: Search
    network: TextAutoencoder | None = None
    subwords: Subwords | None = None


def presets() -> list[str]:
    """The names of the packaged weights."""
    return sorted(path.name for path in WEIGHTS.iterdir() if (path / SEARCH).is_dir())


def find(source: str | Path | None, preset: str) -> Path:
    """The folder that is meant: the packaged one, the one given, or the one of a Hub id.

    Raises ValueError if there is none.
    """
    if source is None:
        if preset not in presets():
            raise ValueError(f"no preset {preset!r}; there is {', '.join(presets())}")
        source = WEIGHTS / preset
    return resolve(source, WEIGHTS / preset, "summarize")


def save(
    folder: str | Path,
    network: TextAutoencoder,
    subwords: Subwords,
    card: str | None = None,
    overwrite: bool = False,
) -> Path:
    """The folder, now holding network (in 16 bits), vocabulary, search and model card.

    Raises ValueError if the folder has something in it and ``overwrite`` is false.
    """
    tokenizer = subwords.tokenizer.to_str()
    state = network.state_dict()
    config = {
        "network": asdict(network.config),
        "tokenizer_sha256": _sha256(tokenizer),
        "fingerprint": fingerprint({name: value.half() for name, value in state.items()}),
    }
    extra = {TOKENIZER: tokenizer} | ({CARD: card} if card else {})
    if subwords.backbone_files:
        from summarize.pretrained import role_of

        config["backbone_for"] = role_of(network)
        extra |= {f"{BACKBONE}/{name}": text for name, text in subwords.backbone_files.items()}
    path = save_model(
        folder, state, config, kind=KIND, half=True, extra_files=extra, overwrite=overwrite
    )
    subwords.search.save(path / SEARCH, overwrite=True)
    return path


def load(folder: Path) -> Packaged:
    """What the folder holds, ready to use. Raises ValueError if it is damaged or of another
    version."""
    tables = folder / SEARCH if (folder / SEARCH).is_dir() else folder
    search = Search.load(tables)
    if tables == folder or not _has_network(folder):
        return Packaged(search)
    config, state = load_model(folder, kind=KIND)
    role = config.get("backbone_for")
    subwords = vocabulary(folder, folder / BACKBONE) if role else Subwords.load(folder, search)
    if config.get("tokenizer_sha256") != _sha256(subwords.tokenizer.to_str()):
        raise ValueError(f"{folder / TOKENIZER} belongs to other weights; export them again")
    return Packaged(search, _network(folder, config, state), subwords)


def _has_network(folder: Path) -> bool:
    """Whether the folder is of exported weights; one of prepared data has tables alone."""
    config = folder / CONFIG_NAME
    return config.is_file() and '"kind"' in config.read_text(encoding="utf-8", errors="replace")


def _network(folder: Path, config: Mapping[str, Any], state: Mapping[str, Any]) -> TextAutoencoder:
    try:
        network = _built(TextConfig(**config["network"]), folder, config.get("backbone_for"))
        network.load_state_dict(state, strict=True)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"the weights in {folder} do not fit this version of bowtie-ae ({reason}); "
            "export them again, or install the version that made them"
        ) from error
    return network.eval()


def _built(config: TextConfig, folder: Path, role: str | None) -> TextAutoencoder:
    if role is None:
        return TextAutoencoder(config)
    from summarize.pretrained import backbone_autoencoder

    return backbone_autoencoder(config, folder / BACKBONE, role, pretrained=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
