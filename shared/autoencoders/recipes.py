"""A network by name and plain numbers, and the folder it is exported to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.autoencoders.base import Autoencoder
from shared.autoencoders.convolutional import Convolutional
from shared.autoencoders.dense import Dense
from shared.autoencoders.linear import PCA
from shared.autoencoders.sparse_coding import SparseCoding
from shared.autoencoders.variational import Variational
from shared.checkpoint import load_model, save_model

NETWORKS: dict[str, type[Autoencoder]] = {
    "pca": PCA,
    "dense": Dense,
    "convolutional": Convolutional,
    "variational": Variational,
    "sparse_coding": SparseCoding,
}
KIND = "autoencoder"


def build(config: Mapping[str, Any]) -> Autoencoder:
    """The network ``config["name"]`` with the other entries as its arguments.

    Raises ValueError for an unknown name and for an argument the network does not take.
    """
    options = dict(config)
    name = options.pop("name", None)
    if name not in NETWORKS:
        raise ValueError(f"network must be one of {', '.join(NETWORKS)}, got {name!r}")
    try:
        return NETWORKS[name](**options)
    except TypeError as error:
        reason = str(error).split("__init__() ")[-1]
        raise ValueError(f"the {name} network {reason}") from error


def save(network: Autoencoder, config: Mapping[str, Any], folder: str | Path) -> Path:
    """The folder, now holding the network that `build` made of ``config``."""
    return save_model(folder, network.state_dict(), {"network": dict(config)}, kind=KIND)


def load(folder: str | Path) -> Autoencoder:
    """The network in the folder, in eval mode; raises ValueError when it is not there or whole."""
    config, state = load_model(folder, kind=KIND)
    network = build(config["network"])
    network.load_state_dict(state, strict=True)
    return network.eval()
