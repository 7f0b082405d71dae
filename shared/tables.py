"""Tables of numbers, standardised."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor


class Table(NamedTuple):
    """Rows (n, columns) with mean 0 and deviation 1 each, and what they were before."""

    x: Tensor
    mean: Tensor
    deviation: Tensor
    names: list[str]


def read_table(path: str | Path) -> Table:
    """The numbers of a CSV file; its first row is taken for names unless it is all numbers.

    Raises ValueError for a missing file, rows of several lengths, a cell that is not a finite
    number (with its row and column), a single column, fewer than two rows, or a constant column.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a CSV table ({error})") from error
    if not rows:
        raise ValueError(f"{path} is empty")
    names = [f"column {i + 1}" for i in range(len(rows[0]))]
    first = 1
    if not all(_is_number(cell) for cell in rows[0]):
        names, rows, first = rows[0], rows[1:], 2
    if len(names) < 2:
        raise ValueError(f"{path} has one column; an autoencoder needs at least two")
    if len(rows) < 2:
        raise ValueError(f"{path} has {len(rows)} rows of numbers; at least two are needed")
    values = [_numbers(path, i + first, row, names) for i, row in enumerate(rows)]
    x = torch.tensor(values, dtype=torch.float64)
    mean, deviation = x.mean(0), x.std(0, correction=0)
    constant = [name for name, d in zip(names, deviation, strict=True) if d == 0]
    if constant:
        raise ValueError(f"{path}: {constant[0]} is the same in every row; leave it out")
    return Table(((x - mean) / deviation).float(), mean.float(), deviation.float(), names)


def _numbers(path: Path, number: int, row: list[str], names: list[str]) -> list[float]:
    if len(row) != len(names):
        raise ValueError(f"{path}, row {number}: {len(row)} cells, but {len(names)} columns")
    for name, cell in zip(names, row, strict=True):
        if not _is_number(cell) or not math.isfinite(float(cell)):
            raise ValueError(
                f"{path}, row {number}, {name}: {cell.strip() or 'an empty cell'} is not a finite "
                "number; fill it in or leave the row out"
            )
    return [float(cell) for cell in row]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
