"""The recipes in configs/digits: a base and one overlay per textbook name."""

from pathlib import Path
from typing import Any

import yaml

# Of other data than the digits.
NOT_RECIPES = {"base", "mnist", "images", "table"}
# Codes wider than the input: they do not belong in a table by code size.
OVERCOMPLETE = {"sparse_coding", "sparse"}


def read_recipes(folder: str | Path = "configs/digits") -> dict[str, dict[str, Any]]:
    """The arguments of the LightningModule by recipe, in the order of their names.

    Raises ValueError if there is no base.yaml in the folder.
    """
    folder = Path(folder)
    if not (folder / "base.yaml").is_file():
        raise ValueError(f"{folder} has no base.yaml; give the folder of recipes with --configs")
    base = yaml.safe_load((folder / "base.yaml").read_text(encoding="utf-8"))["model"]
    recipes = {"dense": base}
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in NOT_RECIPES:
            overlay = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            recipes[path.stem] = merged(base, overlay.get("model") or {})
    return recipes


def merged(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the overlay's entries; ``network`` is replaced as a whole, as the CLI does."""
    return {**base, **overlay}
