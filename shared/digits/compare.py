"""Every recipe beside PCA at several code sizes: one table and one page of pictures."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from shared.autoencoders.training import LitAutoencoder, train
from shared.digits.data import Examples
from shared.digits.recipes import OVERCOMPLETE
from shared.penalties import squared_error
from shared.retrieval import CodeIndex, precision_at, recall_at

DIMENSIONS = (2, 4, 8, 16, 30)


class Row(NamedTuple):
    """What one trained recipe does on held-out images.

    ``error`` is the squared error per image, ``knn`` the accuracy of five nearest neighbours on
    codes, ``precision`` and ``recall`` the precision@10 and recall@100 of retrieval.
    """

    recipe: str
    code_dim: int
    seed: int
    error: float
    knn: float
    precision: float
    recall: float
    seconds: float


def run(
    recipe: str, options: dict[str, Any], examples: Examples, seed: int, n_steps: int
) -> tuple[torch.nn.Module, Row]:
    """The recipe's trained network and its `Row`."""
    started = time.monotonic()
    network = trained(options, examples, seed, n_steps)
    return network, judge(recipe, network, examples, seed, time.monotonic() - started)


def trained(
    options: dict[str, Any], examples: Examples, seed: int, n_steps: int
) -> torch.nn.Module:
    """The network of the recipe, trained on one core: its layers are too small to share."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(seed)
        return train(LitAutoencoder(**options), examples.train, n_steps)
    finally:
        torch.set_num_threads(n_threads)


@torch.no_grad()
def judge(
    recipe: str, network: torch.nn.Module, examples: Examples, seed: int = 0, seconds: float = 0.0
) -> Row:
    """The figures of a trained network."""
    codes, queries = network.encode(examples.train), network.encode(examples.held_out)
    error = float(squared_error(network(examples.held_out), examples.held_out).mean())
    found = CodeIndex(codes, "euclidean").search(queries, 100).index
    labels, wanted = examples.train_label, examples.held_out_label
    votes = labels[found[:, :5]].mode(1).values
    return Row(
        recipe,
        network.code_dim,
        seed,
        error,
        float((votes == wanted).float().mean()),
        float(precision_at(found[:, :10], labels, wanted).mean()),
        float(recall_at(found, labels, wanted).nanmean()),
        seconds,
    )


def compare(
    recipes: dict[str, dict[str, Any]],
    examples: Examples,
    *,
    dimensions: Sequence[int] = DIMENSIONS,
    seeds: Sequence[int] = (0,),
    n_steps: int = 1000,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[list[Row], dict[str, Tensor]]:
    """Rows of every recipe, size and seed, and reconstructions of ten images at the middle size.

    Overcomplete recipes are run at the size their YAML gives.
    """
    shown = dimensions[len(dimensions) // 2]
    rows, pictures = [], {"input": examples.held_out[:10]}
    for name, code_dim, options in _runs(recipes, dimensions):
        for seed in seeds:
            network, row = run(name, options, examples, seed, n_steps)
            rows.append(row)
            say(f"{name} {code_dim} seed {seed}: {row.error:.3f} in {row.seconds:.0f} s")
        if code_dim == shown or name in OVERCOMPLETE:
            with torch.no_grad():
                pictures[f"{name} {code_dim}"] = network(examples.held_out[:10])
    return rows, pictures


def _runs(
    recipes: dict[str, dict[str, Any]], dimensions: Sequence[int]
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for name, options in recipes.items():
        sizes = [options["code_dim"]] if name in OVERCOMPLETE else dimensions
        for code_dim in sizes:
            yield name, code_dim, {**options, "code_dim": code_dim}


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown: squared error per image (kNN accuracy, %) by recipe and size."""
    sizes = sorted({row.code_dim for row in rows})
    lines = ["| recipe | " + " | ".join(map(str, sizes)) + " |", "|---" * (len(sizes) + 1) + "|"]
    for name in dict.fromkeys(row.recipe for row in rows):
        cells = []
        for size in sizes:
            mine = [row for row in rows if (row.recipe, row.code_dim) == (name, size)]
            cells.append(_cell(mine) if mine else "–")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(rows: list[Row]) -> str:
    knn = 100 * statistics.mean(row.knn for row in rows)
    return f"{spread([row.error for row in rows])} ({knn:.0f})"


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean and, of several, the standard deviation."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def save_pictures(pictures: dict[str, Tensor], path: str | Path) -> None:
    """One page: a row of reconstructions per recipe."""
    from shared.autoencoders.figures import image_rows

    image_rows(pictures, "the same ten held-out images through every recipe").savefig(path, dpi=130)
