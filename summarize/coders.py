"""Who makes codes: the search, the trained network, or both; all give exactly so many words."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch

from summarize.auxiliaries import negates
from summarize.beam import beam_codes
from summarize.encoder import LONGEST_CODE
from summarize.model import TextAutoencoder
from summarize.search import NEGATED, Choice, Search
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
WIDTH = 12  # codes of the network that vote
VOTE = 12.0  # nats that a word is worth which all of them keep
OF_SEARCH = 0.67  # share of the search's own worth of a word that stays beside the votes
# nats that a verb is worth more if it is put as headlines have it and something comes after it
TELLING = 7.0
AGREEING = 2.0  # nats of them if it agrees with its subject in number
SHORTER = 1.5  # nats that any other word is worth more that headlines have for one of an article
MOST_UNKNOWN = 0.3  # share of subwords; what the network cannot read is searched


class Coded(NamedTuple):
    """A code as a line, the places of the words that were copied or replaced, its score (higher is
    better), and what the decoder rebuilds from it ("" where there is none)."""

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
        self.search_missing(out, rows, lengths, said)
        return self.rebuilt(out, readable) if rebuild else out

    def search_missing(
        self,
        coded: list[Coded | None],
        rows: Sequence[list[Word]],
        lengths: Sequence[int],
        said: Sequence[Mapping[str, int]] | None,
    ) -> None:
        """Fill ``coded`` in where it is None, by search."""
        left = [i for i, code in enumerate(coded) if code is None]
        searched = self.fallback.codes(
            [rows[i] for i in left],
            [lengths[i] for i in left],
            said=said and [said[i] for i in left],
        )
        for i, code in zip(left, searched, strict=True):
            coded[i] = code

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
    """The search's code where the network has a vote: its likeliest codes say which words to keep.

    A word is worth what it is worth to the search, and more the more of the network's likeliest
    codes keep it. Words are joined by the search's language model, so the parts of several codes
    may come together in one; words may be put as headlines have them (`summarize.variants`). What a
    negation negates is not kept without it, nor a verb beside the auxiliary that it replaces.
    """

    def __init__(self, network: NetworkCoder) -> None:
        self.network = network
        self.search = network.subwords.search
        self.variants = Variants(self.search.language_model)

    def codes(
        self,
        rows: Sequence[list[Word]],
        lengths: Sequence[int],
        rebuild: bool = True,
        said: Sequence[Mapping[str, int]] | None = None,
    ) -> list[Coded]:
        """The best code of each sentence; the score is the search's, votes included.

        A network that offers one code alone (a backbone) is followed, what it cannot read is
        searched.
        """
        out: list[Coded | None] = [None] * len(rows)
        able = [i for i in range(len(rows)) if self.network.can_read(rows[i], lengths[i])]
        beams = self.network.likeliest([rows[i] for i in able], [lengths[i] for i in able], WIDTH)
        for i, likely in zip(able, beams, strict=True):
            codes = [code for code, _ in likely]
            if len(codes) > 1:
                out[i] = self._voted(rows[i], codes, lengths[i], said[i] if said else None)
            elif codes:
                out[i] = codes[0]
        self.network.search_missing(out, rows, lengths, said)
        return self.network.rebuilt(out, able) if rebuild else out

    def _voted(
        self, row: list[Word], codes: Sequence[Coded], n_words: int, said: Mapping[str, int] | None
    ) -> Coded:
        """The best code of so many words, given codes that have a vote."""
        texts = [word.text for word in row]
        votes = Counter(place for code in codes for place in code.kept)
        worths = self.search.worths(texts, said)
        choices = []
        for place, text in enumerate(texts):
            worth = OF_SEARCH * float(worths[place]) + VOTE * votes[place] / len(codes)
            bound = NEGATED * negates(texts, place)
            choices.append(Choice(place, text, worth, bound))
            for option in self.variants.options(texts, place):
                gain = TELLING if option.tells else SHORTER
                gain -= AGREEING * (not option.agrees)
                ending = TELLING * option.tells
                choices.append(
                    Choice(place, option.text, worth + gain, bound, ending, option.without)
                )
        found = self.search.chosen(choices, n_words)
        words = list(row)
        for index in found.kept:
            place, text = choices[index][:2]
            words[place] = words[place]._replace(text=text)
        kept = tuple(choices[index].place for index in found.kept)
        return Coded(detokenise(words, kept), kept, found.score)
