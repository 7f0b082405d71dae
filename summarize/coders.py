"""Who makes codes: the search, the trained network, or both; all give exactly so many words."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch

from summarize.beam import beam_codes
from summarize.encoder import LONGEST_CODE
from summarize.model import TextAutoencoder
from summarize.search import Search
from summarize.subwords import Subwords
from summarize.text import (
    LONGEST_SENTENCE,
    PAD,
    UNKNOWN,
    Word,
    count_words,
    detokenise,
    word_texts,
)
from summarize.variants import Variants

BATCH_SIZE = 64
MOST_REBUILT = 64  # subwords of a sentence that the decoder writes
WIDTH = 8  # codes of the network that are compared with the search's
TEMPERATURE = 1.0  # nats by which a code's vote falls to a third
MOST_UNKNOWN = 0.3  # share of subwords; what the network cannot read is searched


class Coded(NamedTuple):
    """A code as a line, the places of the words that were copied (of verbs maybe in another form),
    its score (higher is better), and what the decoder rebuilds from it ("" where there is none)."""

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
    def likeliest(
        self, rows: Sequence[list[Word]], lengths: Sequence[int], width: int
    ) -> list[list[tuple[Coded, float]]]:
        """Up to ``width`` codes of each sentence with their log probabilities, nats a code, the
        likeliest first; those that do not come out as asked for are left out."""
        out: list[list[tuple[Coded, float]]] = [[] for _ in rows]
        order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), lengths[i]))
        size = max(1, 4 * BATCH_SIZE // width)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            source = self.subwords.source([[word.text for word in rows[i]] for i in batch])
            wanted = torch.tensor([lengths[i] for i in batch])
            beams = beam_codes(self.network.encoder, source, wanted, width)
            for i, actions, scores in zip(batch, *(b.tolist() for b in beams), strict=True):
                out[i] = [
                    (code, score)
                    for row, score in zip(actions, scores, strict=True)
                    if score > -math.inf
                    and count_words((code := self._coded(row, rows[i], score)).text) == lengths[i]
                ]
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
        totals = code.log_probs.sum(1).tolist()
        return [
            self._coded(actions, row, total)
            for actions, row, total in zip(code.actions.tolist(), rows, totals, strict=True)
        ]

    def _coded(self, actions: list[int], row: list[Word], log_prob: float) -> Coded:
        actions = [action for action in actions if action != PAD]
        n_vocabulary = self.subwords.n_vocabulary
        return Coded(
            self.subwords.text(actions, row),
            tuple(a - n_vocabulary for a in actions if a >= n_vocabulary),
            log_prob / max(1, len(actions)),
        )


class BestCoder:
    """The code that is most like all others: the network's likeliest and the search's.

    Minimum Bayes risk (Kumar and Byrne 2004): each votes for those it shares words and pairs of
    words with, the network's by their probability, the search's as the likeliest of them. Where one
    of the two goes astray, the other outvotes it. Verbs that were copied in the past are then put
    as headlines have them.
    """

    def __init__(self, network: NetworkCoder) -> None:
        self.network = network
        self.variants = Variants(network.subwords.search.language_model)

    def codes(
        self,
        rows: Sequence[list[Word]],
        lengths: Sequence[int],
        rebuild: bool = True,
        said: Sequence[Mapping[str, int]] | None = None,
    ) -> list[Coded]:
        """The code with most votes for each sentence; the score is its own coder's."""
        out = self.network.fallback.codes(rows, lengths, said=said)
        able = [i for i in range(len(rows)) if self.network.can_read(rows[i], lengths[i])]
        beams = self.network.likeliest([rows[i] for i in able], [lengths[i] for i in able], WIDTH)
        for i, likely in zip(able, beams, strict=True):
            if not likely:
                continue
            top = likely[0][1]
            votes = [math.exp((log_prob - top) / TEMPERATURE) for _, log_prob in likely]
            candidates = [*(code for code, _ in likely), out[i]]
            chosen = candidates[_most_alike([code.text for code in candidates], [*votes, 1.0])]
            out[i] = self._as_headline(chosen, rows[i])
        return self.network.rebuilt(out, able) if rebuild else out

    def _as_headline(self, code: Coded, row: list[Word]) -> Coded:
        if len(code.kept) < len(word_texts(code.text)):
            return code  # the network has written words of its own
        (changed,) = self.variants.rewritten([[word.text for word in row]], [list(code.kept)])
        words = list(row)
        for j, text in changed.items():
            words[code.kept[j]] = words[code.kept[j]]._replace(text=text)
        return code._replace(text=detokenise(words, code.kept)) if changed else code


def _most_alike(lines: Sequence[str], votes: Sequence[float]) -> int:
    """The place of the line that is most like all, by the F1 of words and half that of pairs."""
    words = [[word.lower() for word in word_texts(line)] for line in lines]
    grams = [(Counter(row), Counter(itertools.pairwise(row))) for row in words]

    def likeness(a, b) -> float:
        of_words, of_pairs = (
            2 * (x & y).total() / max(1, x.total() + y.total()) for x, y in zip(a, b, strict=True)
        )
        return of_words + 0.5 * of_pairs

    totals = [
        sum(vote * likeness(own, other) for other, vote in zip(grams, votes, strict=True))
        for own in grams
    ]
    return totals.index(max(totals))
