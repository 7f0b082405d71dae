"""Words as the networks see them, and actions as a reader sees them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from summarize.encoder import END, Source
from summarize.search import Search
from summarize.text import PAD, UNKNOWN, WORD_START, Word, capitalise, detokenise

MOST_SUBWORDS = 6  # of a source word; what is longer loses its end
N_CACHED = 100_000
TOKENIZER = "tokenizer.json"


class Subwords:
    """A subword vocabulary, with what the search's tables know about words.

    ``backbone_files`` are the texts, by name, from which a backbone's is made again.
    """

    backbone_files: Mapping[str, str] = MappingProxyType({})

    def __init__(self, tokenizer: Tokenizer, search: Search) -> None:
        self.tokenizer = tokenizer
        self.search = search
        self.n_vocabulary = tokenizer.get_vocab_size()
        self.ids = lru_cache(N_CACHED)(self._encoded)
        tokens = [tokenizer.id_to_token(i) for i in range(self.n_vocabulary)]
        self.starts = [token.startswith(WORD_START) for token in tokens]
        self.banned = [not is_generable(token) for token in tokens]
        self.banned[END] = False  # the only special one that is needed

    @classmethod
    def load(cls, folder: str | Path, search: Search | None = None) -> "Subwords":
        """The vocabulary of a folder that `summarize prepare` made, or of exported weights.

        ``search`` saves loading its tables again. Raises ValueError if the folder has none.
        """
        path = Path(folder) / TOKENIZER
        if not path.is_file():
            raise ValueError(
                f"{folder} has no tokenizer.json; make it with: "
                f"summarize prepare DOCUMENTS SENTENCES -o {folder}"
            )
        search = search or Search.load(Path(folder) / "search")
        return cls(Tokenizer.from_file(str(path)), search)

    def source(self, rows: Sequence[Sequence[str]]) -> Source:
        """A batch of the documents' words."""
        n_words = max(1, *map(len, rows)) if rows else 1
        shapes = torch.zeros(len(rows), n_words, dtype=torch.long)
        dangling = torch.zeros(len(rows), n_words, dtype=torch.bool)
        for i, row in enumerate(rows):
            if row:
                numbers = self.search.language_model.numbers(row)
                dangling[i, : len(row)] = torch.from_numpy(self.search.dangling[numbers])
                shapes[i, : len(row)] = torch.tensor([_shape(word) for word in row])
        mask = torch.arange(n_words) < torch.tensor([len(row) for row in rows])[:, None]
        return Source(self.words(rows, n_words), shapes, dangling, mask)

    def words(self, rows: Sequence[Sequence[str]], n_words: int | None = None) -> Tensor:
        """Subwords (B, W, P) of the rows' words, zero where there is none."""
        n_words = max(1, *map(len, rows)) if n_words is None else n_words
        out = torch.zeros(len(rows), n_words, MOST_SUBWORDS, dtype=torch.long)
        for i, row in enumerate(rows):
            for j, word in enumerate(row):
                ids = self.ids(word)
                out[i, j, : len(ids)] = torch.tensor(ids)
        return out

    def tokens(self, rows: Sequence[Sequence[str]], n_most: int) -> Tensor:
        """The first ``n_most`` subwords (B, N) of each row, END after a whole one, then PAD."""
        flat = [[i for word in row for i in self.ids(word)] + [END] for row in rows]
        width = min(n_most, max(map(len, flat)))
        out = torch.full((len(rows), width), PAD, dtype=torch.long)
        for i, ids in enumerate(flat):
            out[i, : len(ids[:width])] = torch.tensor(ids[:width])
        return out

    def generated(self, word: str) -> list[int]:
        """The actions that generate a word in lower case; none if it must be copied."""
        ids = list(self.ids(word))
        return [] if any(self.banned[i] for i in ids) or len(ids) >= MOST_SUBWORDS else ids

    def facts(self) -> tuple[Tensor, Tensor, Tensor]:
        """(starts, banned, hanging), each (V,), for `Encoder.describe`."""
        tokens = [self.tokenizer.id_to_token(i) for i in range(self.n_vocabulary)]
        numbers = self.search.language_model.numbers([t.removeprefix(WORD_START) for t in tokens])
        hanging = torch.from_numpy(self.search.dangling[numbers]) & torch.tensor(self.starts)
        return torch.tensor(self.starts), torch.tensor(self.banned), hanging

    def text(self, actions: Sequence[int], words: Sequence[Word]) -> str:
        """The code as a line for people: copied words as they were, others lower case."""
        out: list[Word] = []
        kept: list[int] = []
        for action in actions:
            if action in (PAD, END):
                continue
            if action >= self.n_vocabulary:
                kept.append(action - self.n_vocabulary)
                out.append(words[kept[-1]]._replace(after="", spaced=True))
                continue
            piece = self.tokenizer.id_to_token(action)
            if piece.startswith(WORD_START) or not out:
                out.append(Word(piece.removeprefix(WORD_START)))
            else:
                out[-1] = out[-1]._replace(text=out[-1].text + piece)
        if len(kept) == len(out):  # all copied: punctuation between neighbours may stay
            return detokenise(words, kept)
        return capitalise(detokenise(out))

    def _encoded(self, word: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(word).ids[:MOST_SUBWORDS]) or (UNKNOWN,)


def is_generable(token: str) -> bool:
    """Whether a code may hold the subword uncopied: letters, but no number and no mark."""
    return token.removeprefix(WORD_START).replace("'", "").replace("-", "").isalpha()


def vocabulary(folder: str | Path, backbone: str | Path | None = None) -> Subwords:
    """The subwords of a folder that `summarize prepare` made, or those of a backbone (a folder or
    Hub id) with that folder's tables. Raises ValueError if one of the two is missing."""
    if backbone is None:
        return Subwords.load(folder)
    from summarize.pretrained import BackboneSubwords

    return BackboneSubwords.load(folder, backbone)


class WordTable:
    """What `Subwords` gives for batches, kept by word: training asks for the same words again.

    Grows with the words it has seen, so it is for training and not for serving.
    """

    def __init__(self, subwords: Subwords) -> None:
        self.subwords = subwords
        self.row_of: dict[str, int] = {}
        self._ids = np.zeros((1024, MOST_SUBWORDS), np.int64)
        self._facts = np.zeros((1024, 2), np.int64)  # shape, dangling

    def source(self, rows: Sequence[Sequence[str]]) -> Source:
        """As `Subwords.source`."""
        places, mask = self._places(rows)
        ids, facts = self._ids[places], self._facts[places]
        ids[~mask], facts[~mask] = PAD, 0
        shapes, dangling = facts[..., 0].copy(), facts[..., 1].astype(bool)
        return Source(*map(torch.from_numpy, (ids, shapes, dangling, mask)))

    def words(self, rows: Sequence[Sequence[str]]) -> Tensor:
        """As `Subwords.words`."""
        places, mask = self._places(rows)
        ids = self._ids[places]
        ids[~mask] = PAD
        return torch.from_numpy(ids)

    def tokens(self, rows: Sequence[Sequence[str]], n_most: int) -> Tensor:
        """As `Subwords.tokens`."""
        flat = []
        for row in rows:
            ids = self._ids[self._rows(row)].ravel()
            flat.append([*ids[ids != PAD].tolist(), END][:n_most])
        out = torch.full((len(rows), max(map(len, flat))), PAD, dtype=torch.long)
        for i, ids in enumerate(flat):
            out[i, : len(ids)] = torch.tensor(ids)
        return out

    def _places(self, rows: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        width = max(1, *map(len, rows)) if len(rows) > 1 else max(1, len(rows[0]))
        places = np.zeros((len(rows), width), np.int64)
        mask = np.zeros((len(rows), width), bool)
        for i, row in enumerate(rows):
            places[i, : len(row)] = self._rows(row)
            mask[i, : len(row)] = True
        return places, mask

    def _rows(self, words: Sequence[str]) -> list[int]:
        return [self.row_of[word] if word in self.row_of else self._added(word) for word in words]

    def _added(self, word: str) -> int:
        row = self.row_of[word] = len(self.row_of)
        if row == len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
            self._facts = np.concatenate([self._facts, np.zeros_like(self._facts)])
        ids = self.subwords._encoded(word)
        self._ids[row, : len(ids)] = ids
        number = self.subwords.search.language_model.numbers([word])
        self._facts[row] = _shape(word), self.subwords.search.dangling[number][0]
        return row


def _shape(word: str) -> int:
    """0 lower case, 1 Capital, 2 mixed or UPPER, 3 with a digit."""
    if any(c.isdigit() for c in word):
        return 3
    if word[1:] != word[1:].lower():
        return 2
    return int(word[:1].isupper())
