"""Batches of documents, their searched codes, and human sentences of the same lengths."""

import random
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from summarize.encoder import END, LONGEST_CODE, Source
from summarize.layers import PAD
from summarize.subwords import Subwords
from summarize.text import LONGEST_SENTENCE, UNKNOWN, word_texts

SHORTEST_CODE = 4
FEWEST_LEFT_OUT = 2  # words; a document must be longer than its code


class TextBatch(NamedTuple):
    """Documents, what the search makes of them, and human sentences that belong to none."""

    source: Source
    lengths: Tensor  # (B,) words asked for
    actions: Tensor  # (B, L) the searched code: copies, END, PAD
    tokens: Tensor  # (B, N) the document's subwords
    human: Tensor  # (B, W, P) sentences of `lengths` words, in subwords
    words: list[list[str]]  # the documents, for readers


class TextLines(Dataset):
    """(document's words, human sentence's words): a function of epoch and index, so that a run
    that is continued sees what it would have seen."""

    def __init__(
        self, documents: list[str], sentences: dict[int, list[str]], n_items: int, seed: int
    ) -> None:
        self.documents = documents
        self.sentences = sentences
        self.lengths = [n for n, lines in sorted(sentences.items()) for _ in lines]
        self.n_items = n_items
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.n_items

    def __getitem__(self, index: int) -> tuple[list[str], list[str]]:
        generator = random.Random(f"{self.seed}-{self.epoch}-{index}")
        while True:
            # documents of almost no words cannot be coded; there are few
            words = word_texts(generator.choice(self.documents))[:LONGEST_SENTENCE]
            n_words = min(generator.choice(self.lengths), len(words) - FEWEST_LEFT_OUT)
            while n_words >= SHORTEST_CODE and n_words not in self.sentences:
                n_words -= 1
            if n_words >= SHORTEST_CODE:
                return words, word_texts(generator.choice(self.sentences[n_words]))


class TextData(pl.LightningDataModule):
    """Serves a folder that `summarize prepare` made.

    The last ``n_validation`` documents are kept for validation. Lengths are drawn as human
    sentences have them. ``noise`` is the share of a source's words that the encoder sees as
    unknown, in training alone. Raises ValueError for a folder that holds too little.
    """

    def __init__(
        self,
        folder: str = "data",
        batch_size: int = 64,
        steps_per_epoch: int = 200,
        n_validation: int = 256,
        n_tokens: int = 80,
        noise: float = 0.1,
        num_workers: int = 1,
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.n_validation = n_validation
        self.n_tokens = n_tokens
        self.noise = noise
        self.num_workers = num_workers

    def setup(self, stage: str) -> None:
        """Read the folder."""
        self.subwords = Subwords.load(self.folder)
        documents = _lines(self.folder / "documents.txt")
        sentences: dict[int, list[str]] = {}
        for line in _lines(self.folder / "sentences.txt"):
            n_words = len(word_texts(line))
            if SHORTEST_CODE <= n_words <= LONGEST_CODE:
                sentences.setdefault(n_words, []).append(line)
        longest = max((len(d.split()) for d in documents), default=0)
        if len(documents) <= self.n_validation or not sentences:
            raise ValueError(
                f"{self.folder} holds {len(documents)} documents and "
                f"{sum(map(len, sentences.values()))} usable sentences; more documents than "
                f"n_validation={self.n_validation} and at least one sentence are needed"
            )
        if longest < min(sentences) + FEWEST_LEFT_OUT:
            raise ValueError(f"{self.folder}: no document is longer than the shortest sentence")
        n_items = self.batch_size * self.steps_per_epoch
        kept = documents[-self.n_validation :]
        self.train_lines = TextLines(documents[: -self.n_validation], sentences, n_items, seed=0)
        self.validation_lines = TextLines(kept, sentences, self.n_validation, seed=1)

    def train_dataloader(self) -> DataLoader:
        """Batches of the epoch that has begun; call it once an epoch."""
        self.train_lines.epoch = self.trainer.current_epoch if self.trainer else 0
        return self._loader(self.train_lines, self.noise)

    def val_dataloader(self) -> DataLoader:
        """The same batches every time."""
        return self._loader(self.validation_lines, 0.0)

    def test_dataloader(self) -> DataLoader:
        """The validation batches."""
        return self.val_dataloader()

    def _loader(self, lines: TextLines, noise: float) -> DataLoader:
        return DataLoader(
            lines,
            self.batch_size,
            collate_fn=Collate(self.subwords, self.n_tokens, noise),
            num_workers=self.num_workers,
        )


class Collate:
    """Rows of `TextLines` into a `TextBatch`; the search runs here, in the workers."""

    def __init__(self, subwords: Subwords, n_tokens: int, noise: float) -> None:
        self.subwords = subwords
        self.n_tokens = n_tokens
        self.noise = noise

    def __call__(self, rows: list[tuple[list[str], list[str]]]) -> TextBatch:
        documents = [words for words, _ in rows]
        humans = [human for _, human in rows]
        n_vocabulary = self.subwords.n_vocabulary
        actions = torch.full((len(rows), max(map(len, humans)) + 1), PAD, dtype=torch.long)
        for i, (words, human) in enumerate(rows):
            kept = self.subwords.search.code(words, len(human)).kept
            actions[i, : len(kept) + 1] = torch.tensor([n_vocabulary + k for k in kept] + [END])
        return TextBatch(
            self._noised(self.subwords.source(documents)),
            torch.tensor([len(human) for human in humans]),
            actions,
            self.subwords.tokens(documents, self.n_tokens),
            self.subwords.words(humans),
            documents,
        )

    def _noised(self, source: Source) -> Source:
        if not self.noise:
            return source
        hidden = (torch.rand(source.mask.shape) < self.noise) & source.mask
        unknown = torch.zeros_like(source.subwords)
        unknown[..., 0] = UNKNOWN
        return source._replace(subwords=torch.where(hidden[..., None], unknown, source.subwords))


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(
            f"{path.parent} has no {path.name}; make it with: "
            f"summarize prepare DOCUMENTS SENTENCES -o {path.parent}"
        )
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line]
