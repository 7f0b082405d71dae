"""Batches of documents, their searched codes, and human sentences of the same lengths."""

import copy
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from summarize.alarms import Judge, train_judge
from summarize.encoder import END, Source
from summarize.layers import PAD
from summarize.mining import mine
from summarize.noising import Noising
from summarize.subwords import Subwords, WordTable, vocabulary
from summarize.teacher import FEWEST_LEFT_OUT, LONGEST_CODE, SHORTEST_CODE, Lessons, teach
from summarize.text import LONGEST_SENTENCE, UNKNOWN, word_texts
from summarize.variants import Variants

N_POOLED = 16  # batches that are drawn at once and sorted by length, so that little is padding


class TextBatch(NamedTuple):
    """Documents, what the teacher makes of them, and human sentences that belong to none."""

    source: Source
    lengths: Tensor  # (B,) words asked for
    actions: Tensor  # (B, L) the teacher's code: copies, subwords, END, PAD
    tokens: Tensor  # (B, N) the document's subwords
    human: Tensor  # (B, W, P) sentences of `lengths` words, in subwords
    words: list[list[str]]  # the documents, for readers


class Item(NamedTuple):
    """One document: its words, the teacher's actions, a human sentence of as many words."""

    words: list[str]
    actions: list[int]
    n_words: int
    human: list[str]


class TextBatches(Dataset):
    """Batches as functions of seed, epoch and index: a run that is continued sees what it would
    have seen.

    ``documents`` are the places in the lessons that it draws from; ``denoise`` the share of items
    that are human sentences hidden among other words, ``mined`` of those that are mined pairs,
    ``noise`` the share of a source's words that the encoder sees as unknown.
    """

    def __init__(
        self,
        corpus: "Corpus",
        documents: range,
        batch_size: int,
        n_batches: int,
        seed: int,
        *,
        denoise: float = 0.0,
        noise: float = 0.0,
        mined: float = 0.0,
        n_tokens: int = 80,
    ) -> None:
        self.corpus = corpus
        self.documents = documents
        self.batch_size = batch_size
        self.n_batches = n_batches
        self.seed = seed
        self.denoise = denoise
        self.noise = noise
        self.mined = mined
        self.paired = [i for i in documents if corpus.mined.n_codes(i)] if mined else []
        self.n_tokens = n_tokens
        self.epoch = 0

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> TextBatch:
        pool, place = divmod(index, N_POOLED)
        n_pooled = min(N_POOLED, self.n_batches - pool * N_POOLED)
        generator = random.Random(f"{self.seed}-{self.epoch}-{pool}")
        drawn = [self._draw(generator) for _ in range(self.batch_size * n_pooled)]
        drawn.sort(key=lambda key: key[0])
        order = generator.sample(range(n_pooled), n_pooled)
        start = order[place] * self.batch_size
        chosen = drawn[start : start + self.batch_size]
        generator = random.Random(f"{self.seed}-{self.epoch}-{pool}-{place}")
        return self._batch([self._item(key, generator) for key in chosen], generator)

    def _draw(self, generator: random.Random) -> tuple[int, int, str]:
        """(words, document, kind of item): enough to sort by."""
        corpus = self.corpus
        if self.paired and generator.random() < self.mined:
            document = generator.choice(self.paired)
            return len(corpus.documents[document]), document, "mined"
        while True:
            document = generator.choice(self.documents)
            if corpus.lessons.n_codes(document):
                # the share is of all items
                denoised = generator.random() * (1 - self.mined) < self.denoise
                kind = "denoised" if denoised else "taught"
                return len(corpus.documents[document]), document, kind

    def _item(self, key: tuple[int, int, str], generator: random.Random) -> Item:
        corpus, (_, document, kind) = self.corpus, key
        words = corpus.documents[document]
        if kind == "denoised":
            human = corpus.sentences[corpus.sentence(generator)]
            others = [words, corpus.documents[generator.choice(self.documents)]]
            noised, target = corpus.noising(human, [o for o in others if o], generator)
            noised = noised[:LONGEST_SENTENCE]
            actions = corpus.actions(target, len(noised))
            if actions:
                return Item(noised, actions, len(human), human)
        lessons = corpus.mined if kind == "mined" else corpus.lessons
        actions = corpus.code(document, generator.randrange(lessons.n_codes(document)), lessons)
        n_words = corpus.n_words(actions)
        return Item(words, actions, n_words, corpus.human(n_words, generator))

    def of_documents(self, documents: Sequence[int]) -> TextBatch:
        """A batch of these documents, each with one of its codes; without noise."""
        generator = random.Random(f"{self.seed}-{documents[0]}")
        items = [self._item((0, i, "taught"), generator) for i in documents]
        return self._batch(items, None)

    def _batch(self, items: list[Item], generator: random.Random | None) -> TextBatch:
        table = self.corpus.table
        actions = torch.full((len(items), max(len(i.actions) for i in items)), PAD)
        for row, item in zip(actions, items, strict=True):
            row[: len(item.actions)] = torch.tensor(item.actions)
        documents = [item.words for item in items]
        source = table.source(documents)
        if self.noise and generator is not None:
            source = _hidden(source, self.noise, generator)
        return TextBatch(
            source,
            torch.tensor([item.n_words for item in items]),
            actions,
            table.tokens(documents, self.n_tokens),
            table.words([item.human for item in items]),
            documents,
        )


class Corpus:
    """A prepared folder in memory: documents and sentences as words, the teacher's lessons, and
    pairs that were mined, where they are wanted."""

    def __init__(
        self,
        folder: Path,
        n_processes: int = 1,
        backbone: str | None = None,
        with_mined: bool = False,
    ) -> None:
        self.subwords = vocabulary(folder, backbone)
        texts = _lines(folder / "documents.txt")
        lines = [word_texts(line) for line in _lines(folder / "sentences.txt")]
        self.sentences = [words for words in lines if SHORTEST_CODE <= len(words) <= LONGEST_CODE]
        if not texts or not self.sentences:
            raise ValueError(
                f"{folder} holds {len(texts)} documents and {len(self.sentences)} usable "
                "sentences; at least one of each is needed"
            )
        self.by_length: dict[int, list[int]] = {}
        for i, words in enumerate(self.sentences):
            self.by_length.setdefault(len(words), []).append(i)
        self.documents = [word_texts(text)[:LONGEST_SENTENCE] for text in texts]
        if max(map(len, self.documents)) < min(self.by_length) + FEWEST_LEFT_OUT:
            raise ValueError(f"{folder}: no document is longer than the shortest sentence")
        self.lessons: Lessons = teach(
            folder, texts, [len(words) for words in self.sentences], n_processes
        )
        self.table = WordTable(self.subwords)
        self.judge = train_judge(_lines(folder / "held_out.txt"))
        self.variants = Variants(self.subwords.search.language_model)
        self.noising = Noising(
            self.variants, self.documents, [" ".join(words) for words in self.sentences]
        )
        self.mined: Lessons | None = None
        if with_mined:
            self.mined = mine(
                folder, self.documents, self.sentences, self.actions, self.subwords.n_vocabulary
            )

    def sentence(self, generator: random.Random) -> int:
        """The place of any sentence."""
        return generator.randrange(len(self.sentences))

    def human(self, n_words: int, generator: random.Random) -> list[str]:
        """A sentence of as many words, or of the nearest number there is."""
        nearest = min(self.by_length, key=lambda n: (abs(n - n_words), n))
        words = self.sentences[generator.choice(self.by_length[nearest])]
        return words[:n_words]

    def code(self, document: int, index: int, lessons: Lessons) -> list[int]:
        """The actions of one of the lessons; a search's verbs are put as headlines would."""
        row, kept = self.documents[document], lessons.code(document, index).tolist()
        if lessons.is_searched:
            (changed,) = self.variants.rewritten([row], [kept])
            target = [changed.get(j, place) for j, place in enumerate(kept)]
            return self.actions(target, len(row)) or self.actions(kept, len(row))
        n_vocabulary = self.subwords.n_vocabulary
        return [-1 - k if k < 0 else n_vocabulary + k for k in kept] + [END]

    def n_words(self, actions: Sequence[int]) -> int:
        """The words of a code."""
        n_vocabulary = self.subwords.n_vocabulary
        return sum(a >= n_vocabulary or (a != END and self.subwords.starts[a]) for a in actions)

    def actions(self, target: Sequence[int | str], n_words: int) -> list[int]:
        """The actions of a code, or none if it has a word that must not be generated."""
        actions: list[int] = []
        for word in target:
            if isinstance(word, str):
                pieces = self.subwords.generated(word)
                if not pieces:
                    return []
                actions += pieces
            elif word >= n_words:
                return []
            else:
                actions.append(self.subwords.n_vocabulary + word)
        return [*actions, END]


class TextData(pl.LightningDataModule):
    """Serves a folder that `summarize prepare` made.

    The last ``n_validation`` documents are kept for validation. Lengths are drawn as human
    sentences have them, and of every kind. ``mined`` is the share of items that are pairs mined
    from documents and sentences (`summarize.mining`), found once a folder; not with a backbone.
    With ``backbone``, a folder or Hub id, subwords are that one's. Raises ValueError for a folder
    that holds too little, or shares that are none.
    """

    def __init__(
        self,
        folder: str = "data",
        batch_size: int = 64,
        steps_per_epoch: int = 200,
        n_validation: int = 256,
        n_tokens: int = 80,
        denoise: float = 0.25,
        noise: float = 0.1,
        mined: float = 0.0,
        n_processes: int = 1,
        backbone: str | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= mined <= 1 - denoise:
            raise ValueError(f"mined and denoise are shares of all items; {mined} + {denoise} > 1")
        if mined and backbone is not None:
            raise ValueError("mined pairs are kept in this pipeline's own subwords; set mined to 0")
        self.folder = Path(folder)
        self.backbone = backbone
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.n_validation = n_validation
        self.n_tokens = n_tokens
        self.denoise = denoise
        self.noise = noise
        self.mined = mined
        self.n_processes = n_processes
        self.corpus: Corpus | None = None

    def setup(self, stage: str) -> None:
        """Read the folder, once."""
        if self.corpus is None:
            self.corpus = Corpus(self.folder, self.n_processes, self.backbone, self.mined > 0)
        n = len(self.corpus.documents) - self.n_validation
        if (
            n < 1
            or not self._any_usable(range(n))
            or not self._any_usable(range(n, n + self.n_validation))
        ):
            raise ValueError(
                f"{self.folder} holds {len(self.corpus.documents)} documents; more than "
                f"n_validation={self.n_validation} that can be shortened are needed"
            )
        self.train_batches = TextBatches(
            self.corpus,
            range(n),
            self.batch_size,
            self.steps_per_epoch,
            seed=0,
            denoise=self.denoise,
            noise=self.noise,
            mined=self.mined,
            n_tokens=self.n_tokens,
        )
        self.validation_batches = TextBatches(
            self.corpus,
            range(n, n + self.n_validation),
            self.batch_size,
            max(1, self.n_validation // self.batch_size),
            seed=1,
            n_tokens=self.n_tokens,
        )

    def use(self, lessons: Lessons) -> None:
        """Train on these lessons from now on; validation keeps the teacher's."""
        corpus = copy.copy(self.corpus)
        corpus.lessons = lessons
        self.train_batches.corpus = corpus

    @property
    def judge(self) -> Judge | None:
        """A language model that has read what nothing else in the folder has."""
        return self.corpus.judge

    @property
    def subwords(self) -> Subwords:
        """The vocabulary of the folder."""
        return self.corpus.subwords

    def train_dataloader(self) -> DataLoader:
        """Batches of the epoch that has begun; call it once an epoch."""
        self.train_batches.epoch = self.trainer.current_epoch if self.trainer else 0
        return DataLoader(self.train_batches, batch_size=None)

    def val_dataloader(self) -> DataLoader:
        """The same batches every time."""
        return DataLoader(self.validation_batches, batch_size=None)

    def test_dataloader(self) -> DataLoader:
        """The validation batches."""
        return self.val_dataloader()

    def _any_usable(self, documents: range) -> bool:
        return any(self.corpus.lessons.n_codes(i) for i in documents)


def _hidden(source: Source, share: float, generator: random.Random) -> Source:
    """The source with a share of its words unknown."""
    numbers = np.random.default_rng(generator.getrandbits(63))
    hidden = torch.from_numpy(numbers.random(source.mask.shape) < share) & source.mask
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
