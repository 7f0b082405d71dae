"""Examples to train on and held-out ones, from digits, IDX files, image folders or a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from shared.images import Labelled, read_digits, read_idx_pair, read_image_folder
from shared.tables import read_table

HELD_OUT = 0.3


class Examples(NamedTuple):
    """Training and held-out examples (n, *shape) with their classes (n,), -1 = unknown."""

    train: Tensor
    train_label: Tensor
    held_out: Tensor
    held_out_label: Tensor


def read_examples(source: str = "digits", image_size: int | None = None) -> Examples:
    """Examples of "digits", a folder (IDX files or images) or a CSV file.

    IDX folders with t10k files keep their split; everything else is split 70/30, stratified by
    class, with seed 0. Raises ValueError, one line, for what cannot be read.
    """
    if source == "digits":
        return split(read_digits())
    path = Path(source)
    if path.is_file():
        x = read_table(path).x
        return split(Labelled(x, torch.full((len(x),), -1)))
    if not path.is_dir():
        raise ValueError(f"no such data: {source}; give digits, a folder or a CSV file")
    training = read_idx_pair(path, "train")
    if training is None:
        return split(read_image_folder(path, image_size))
    held_out = read_idx_pair(path, "t10k")
    if held_out is None:
        return split(training)
    return Examples(training.x, training.label, held_out.x, held_out.label)


def split(labelled: Labelled, seed: int = 0, held_out: float = HELD_OUT) -> Examples:
    """A share to hold out and the rest to train on, stratified where every class has two."""
    from sklearn.model_selection import train_test_split

    x, label = labelled
    if len(x) < 4:
        raise ValueError(f"{len(x)} examples are too few to train on; give at least 4")
    counts = label.unique(return_counts=True)[1]
    n_held_out = round(held_out * len(x))
    fits = int(counts.min()) >= 2 and len(counts) <= min(n_held_out, len(x) - n_held_out)
    kept, left = train_test_split(
        range(len(x)), test_size=held_out, random_state=seed, stratify=label if fits else None
    )
    return Examples(x[kept], label[kept], x[left], label[left])


def validation_split(examples: Examples) -> Examples:
    """A quarter of the training examples in the place of the held-out ones, to choose settings by.

    Nothing of the held-out examples is in it.
    """
    return split(Labelled(examples.train, examples.train_label), seed=1, held_out=0.25)


class ExampleData(pl.LightningDataModule):
    """Batches (B, *shape) of ``source``: digits, a folder, or a CSV file; all in memory."""

    def __init__(
        self, source: str = "digits", image_size: int | None = None, batch_size: int = 128
    ) -> None:
        super().__init__()
        self.examples = read_examples(source, image_size)
        self.batch_size = batch_size

    def train_dataloader(self) -> DataLoader:
        """Shuffled batches of all training examples."""
        return DataLoader(_Rows(self.examples.train), batch_size=None, sampler=self._batches(True))

    def val_dataloader(self) -> DataLoader:
        """The held-out examples, in order."""
        held_out = _Rows(self.examples.held_out)
        return DataLoader(held_out, batch_size=None, sampler=self._batches(False))

    test_dataloader = val_dataloader

    def _batches(self, shuffled: bool) -> "_Batches":
        n = len(self.examples.train if shuffled else self.examples.held_out)
        return _Batches(n, self.batch_size, shuffled)


class _Rows(Dataset):
    """A tensor that is indexed by whole batches."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Tensor) -> Tensor:
        return self.x[index]


class _Batches:
    """Indices of one epoch, batch by batch."""

    def __init__(self, n: int, batch_size: int, shuffled: bool) -> None:
        self.n, self.batch_size, self.shuffled = n, batch_size, shuffled

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.randperm(self.n) if self.shuffled else torch.arange(self.n)
        yield from order.split(self.batch_size)
