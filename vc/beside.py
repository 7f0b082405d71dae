"""What `vc calibrate` leaves beside the weights, and is of no use to others."""

from pathlib import Path
from typing import Any

from torch import Tensor

from shared.checkpoint import load_model


def load_beside(
    folder: str | Path, kind: str, fingerprint: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(config, state) of the folder; raises ValueError when it is of other weights or not whole."""
    config, state = load_model(folder, kind=kind)
    if config.get("fingerprint") != fingerprint:
        raise ValueError(
            f"{folder} is of other weights ({config.get('fingerprint')}, these are "
            f"{fingerprint}); make it again: vc calibrate CORPUS --weights FOLDER --force"
        )
    return config, state
