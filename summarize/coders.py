"""Who makes codes: the search, the trained network, or both; all give exactly so many words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch

from summarize.encoder import END, LONGEST_CODE
from summarize.model import TextAutoencoder
from summarize.search import Search
from summarize.subwords import Subwords
from summarize.text import (
    LONGEST_SENTENCE,
    UNKNOWN,
    Word,
    count_words,
    detokenise,
    word_texts,
)

BATCH_SIZE = 64
MOST_REBUILT = 64  # subwords of a sentence that the decoder writes
OWN = 0.3  # nats of the search for a nat of the network, where both judge
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
        readable = [i for i in range(len(rows)) if self.can_read(rows[i], lengths[i])]
        readable.sort(key=lambda i: (len(rows[i]), lengths[i]))
        for start in range(0, len(readable), BATCH_SIZE):
            batch = readable[start : start + BATCH_SIZE]
            coded = self._batch([rows[i] for i in batch], [lengths[i] for i in batch])
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
        return self.rebuilt(out, readable) if rebuild else out

    @torch.inference_mode()
    def rebuilt(self, coded: Sequence[Coded], which: Sequence[int]) -> list[Coded]:
        """The codes, ``which`` of them with what the decoder makes of their words."""
        out = list(coded)
        words = {i: word_texts(coded[i].text) for i in which}
        order = sorted(which, key=lambda i: len(words[i]))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            code = self.subwords.words([words[i] for i in batch])
            decoder = self.network.decoder
            tokens = decoder.generate(*decoder.embed(code), MOST_REBUILT)
            for i, ids in zip(batch, tokens.tolist(), strict=True):
                out[i] = out[i]._replace(rebuilt=self.subwords.tokenizer.decode(ids))
        return out

    @torch.inference_mode()
    def log_probs(self, rows: Sequence[list[Word]], coded: Sequence[Coded]) -> list[float]:
        """The network's log probabilities of codes whose words are all copied, nats a code."""
        out = [0.0] * len(rows)
        order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), len(coded[i].kept)))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            lengths = torch.tensor([len(coded[i].kept) for i in batch])
            actions = torch.zeros(len(batch), int(lengths.max()) + 1, dtype=torch.long)
            for row, i in zip(actions, batch, strict=True):
                own = [self.subwords.n_vocabulary + k for k in coded[i].kept]
                row[: len(own) + 1] = torch.tensor([*own, END])
            source = self.subwords.source([[word.text for word in rows[i]] for i in batch])
            scores = self.network.encoder.score(source, actions, lengths).sum(1).tolist()
            for i, score in zip(batch, scores, strict=True):
                out[i] = score
        return out

    def can_read(self, row: list[Word], n_words: int) -> bool:
        """Whether there is something to leave out, and the vocabulary can spell the sentence."""
        if not n_words < len(row) <= LONGEST_SENTENCE or n_words > LONGEST_CODE:
            return False
        ids = [i for word in row for i in self.subwords.ids(word.text)]
        return ids.count(UNKNOWN) <= MOST_UNKNOWN * len(ids)

    def _batch(self, rows: list[list[Word]], lengths: list[int]) -> list[Coded]:
        source = self.subwords.source([[word.text for word in row] for row in rows])
        code = self.network.encode(source, torch.tensor(lengths))
        n_actions = (code.actions != 0).sum(1)
        scores = (code.log_probs.sum(1) / n_actions).tolist()
        n_vocabulary = self.subwords.n_vocabulary
        return [
            Coded(
                self.subwords.text(actions, row),
                tuple(a - n_vocabulary for a in actions if a >= n_vocabulary),
                score,
            )
            for actions, row, score in zip(code.actions.tolist(), rows, scores, strict=True)
        ]


class BestCoder:
    """The network's code or the search's, whichever both together like better.

    The score is the search's plus `OWN` times the network's log probability, nats.
    """

    def __init__(self, network: NetworkCoder) -> None:
        self.network = network
        self.search = network.subwords.search

    def codes(
        self,
        rows: Sequence[list[Word]],
        lengths: Sequence[int],
        rebuild: bool = True,
        said: Sequence[Mapping[str, int]] | None = None,
    ) -> list[Coded]:
        """The better of the two codes of each sentence."""
        searched = self.network.fallback.codes(rows, lengths, said=said)
        out = list(searched)
        able = [i for i in range(len(rows)) if self.network.can_read(rows[i], lengths[i])]
        some = [rows[i] for i in able]
        greedy = self.network.codes(some, [lengths[i] for i in able], rebuild=False)
        likely = self.network.log_probs(some, [searched[i] for i in able])
        for i, code, log_prob in zip(able, greedy, likely, strict=True):
            if code.text == searched[i].text:
                continue
            words = word_texts(code.text)
            places = code.kept if len(code.kept) == len(words) else [None] * len(words)
            own = self.search.score(words, places, said and said[i])
            # the end is an action, too
            own += OWN * code.score * (len(words) + 1)
            if own > searched[i].score + OWN * log_prob:
                out[i] = code._replace(score=own)
        return self.network.rebuilt(out, able) if rebuild else out
