"""Who makes codes: the search, or the trained network; both give exactly so many words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch

from summarize.encoder import LONGEST_CODE
from summarize.model import TextAutoencoder
from summarize.search import Search
from summarize.subwords import Subwords
from summarize.text import LONGEST_SENTENCE, UNKNOWN, Word, count_words, detokenise

BATCH_SIZE = 64
MOST_REBUILT = 64  # subwords of a sentence that the decoder writes
MOST_UNKNOWN = 0.3  # share of subwords; what the network cannot read is searched


class Coded(NamedTuple):
    """A code as a line, the places of the words that were copied, its score (higher is better),
    and what the decoder rebuilds from it ("" where there is no decoder)."""

    text: str
    kept: tuple[int, ...]
    score: float
    rebuilt: str = ""


class Coder(Protocol):
    """Makes codes of sentences."""

    def codes(
        self,
        rows: Sequence[list[Word]],
        lengths: Sequence[int],
        rebuild: bool = True,
        said: Sequence[Mapping[str, int]] | None = None,
    ) -> list[Coded]:
        """A code of so many words for each sentence; all of a sentence that has no more.

        ``said``, for each sentence: how often its document says each word.
        """


class SearchCoder:
    """Codes by search alone; every word is copied, nothing is rebuilt."""

    def __init__(self, search: Search) -> None:
        self.search = search

    def codes(
        self,
        rows: Sequence[list[Word]],
        lengths: Sequence[int],
        rebuild: bool = True,
        said: Sequence[Mapping[str, int]] | None = None,
    ) -> list[Coded]:
        """The best subsequences; the score is the search's, nats."""
        out = []
        for i, (row, n_words) in enumerate(zip(rows, lengths, strict=True)):
            code = self.search.code([word.text for word in row], n_words, said and said[i])
            out.append(Coded(detokenise(row, code.kept), code.kept, code.score))
        return out


class NetworkCoder:
    """Codes of the trained network, greedy and in batches of sentences of about one length."""

    def __init__(self, network: TextAutoencoder, subwords: Subwords) -> None:
        self.network = network.eval()
        self.subwords = subwords
        self.fallback = SearchCoder(subwords.search)

    @torch.inference_mode()
    def codes(
        self,
        rows: Sequence[list[Word]],
        lengths: Sequence[int],
        rebuild: bool = True,
        said: Sequence[Mapping[str, int]] | None = None,
    ) -> list[Coded]:
        """The greedy codes; the score is the mean log probability of a code's actions, nats.

        Sentences that the vocabulary cannot spell, and the few codes that do not come out as asked
        for, are searched instead.
        """
        out: list[Coded | None] = [None] * len(rows)
        readable = [i for i in range(len(rows)) if self._can_read(rows[i], lengths[i])]
        readable.sort(key=lambda i: (len(rows[i]), lengths[i]))
        for start in range(0, len(readable), BATCH_SIZE):
            batch = readable[start : start + BATCH_SIZE]
            coded = self._batch([rows[i] for i in batch], [lengths[i] for i in batch], rebuild)
            for i, code in zip(batch, coded, strict=True):
                if count_words(code.text) == lengths[i]:
                    out[i] = code
        left = [i for i, code in enumerate(out) if code is None]
        searched = self.fallback.codes(
            [rows[i] for i in left],
            [lengths[i] for i in left],
            said=said and [said[i] for i in left],
        )
        for i, code in zip(left, searched, strict=True):
            out[i] = code
        return out

    def _can_read(self, row: list[Word], n_words: int) -> bool:
        if not n_words < len(row) <= LONGEST_SENTENCE or n_words > LONGEST_CODE:
            return False
        ids = [i for word in row for i in self.subwords.ids(word.text)]
        return ids.count(UNKNOWN) <= MOST_UNKNOWN * len(ids)

    def _batch(self, rows: list[list[Word]], lengths: list[int], rebuild: bool) -> list[Coded]:
        source = self.subwords.source([[word.text for word in row] for row in rows])
        code = self.network.encode(source, torch.tensor(lengths))
        n_actions = (code.actions != 0).sum(1)
        scores = (code.log_probs.sum(1) / n_actions).tolist()
        rebuilt = [""] * len(rows)
        if rebuild:
            tokens = self.network.rebuild(source, code, MOST_REBUILT)
            rebuilt = [self.subwords.tokenizer.decode(ids) for ids in tokens.tolist()]
        n_vocabulary = self.subwords.n_vocabulary
        return [
            Coded(
                self.subwords.text(actions, row),
                tuple(a - n_vocabulary for a in actions if a >= n_vocabulary),
                score,
                text,
            )
            for actions, row, score, text in zip(
                code.actions.tolist(), rows, scores, rebuilt, strict=True
            )
        ]
