"""Words as the networks see them, and actions as a reader sees them."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from summarize.encoder import END, Source
from summarize.search import Search
from summarize.text import PAD, UNKNOWN, WORD_START, Word, capitalise, detokenise

MOST_SUBWORDS = 6  # of a source word; what is longer loses its end
N_CACHED = 100_000


class Subwords:
    """A subword vocabulary, with what the search's tables know about words."""

    def __init__(self, tokenizer: Tokenizer, search: Search) -> None:
        self.tokenizer = tokenizer
        self.search = search
        self.n_vocabulary = tokenizer.get_vocab_size()
        self._ids = lru_cache(N_CACHED)(self._encoded)

    @classmethod
    def load(cls, folder: str | Path) -> "Subwords":
        """The vocabulary of a folder that `summarize prepare` made.

        Raises ValueError if the folder is not one.
        """
        path = Path(folder) / "tokenizer.json"
        if not path.is_file():
            raise ValueError(
                f"{folder} has no tokenizer.json; make it with: "
                f"summarize prepare DOCUMENTS SENTENCES -o {folder}"
            )
        return cls(Tokenizer.from_file(str(path)), Search.load(Path(folder) / "search"))

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
                ids = self._ids(word)
                out[i, j, : len(ids)] = torch.tensor(ids)
        return out

    def tokens(self, rows: Sequence[Sequence[str]], n_most: int) -> Tensor:
        """The first ``n_most`` subwords (B, N) of each row, END after a whole one, then PAD."""
        flat = [[i for word in row for i in self._ids(word)] + [END] for row in rows]
        width = min(n_most, max(map(len, flat)))
        out = torch.full((len(rows), width), PAD, dtype=torch.long)
        for i, ids in enumerate(flat):
            out[i, : len(ids[:width])] = torch.tensor(ids[:width])
        return out

    def facts(self) -> tuple[Tensor, Tensor, Tensor]:
        """(starts, banned, hanging), each (V,), for `Encoder.describe`."""
        tokens = [self.tokenizer.id_to_token(i) for i in range(self.n_vocabulary)]
        starts = [token.startswith(WORD_START) for token in tokens]
        # letters only: a number or a mark must be copied; END alone is needed of the special ones
        generable = [
            token.removeprefix(WORD_START).replace("'", "").replace("-", "").isalpha()
            for token in tokens
        ]
        banned = [not ok for ok in generable]
        banned[END] = False
        numbers = self.search.language_model.numbers([t.removeprefix(WORD_START) for t in tokens])
        hanging = torch.from_numpy(self.search.dangling[numbers]) & torch.tensor(starts)
        return torch.tensor(starts), torch.tensor(banned), hanging

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


def _shape(word: str) -> int:
    """0 lower case, 1 Capital, 2 mixed or UPPER, 3 with a digit."""
    if any(c.isdigit() for c in word):
        return 3
    if word[1:] != word[1:].lower():
        return 2
    return int(word[:1].isupper())
