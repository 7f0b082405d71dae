"""What a network that writes subwords may write next, so that a code obeys the rules of codes.

The rules are those of the pipeline's own encoder: exactly so many words, no word of the document
taken more often than the document has it, no function word at the end, and numbers, names and
capitals only as words of the document. There a copy is one step; here it is the subwords of one
of the document's words, so the rule follows which of them what is being written may still become.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from summarize.encoder import END, MOST_SUBWORDS, Source
from summarize.layers import PAD


class Vocabulary:
    """What subwords (V,) are: beginnings of words, never to be made up, words that hang."""

    def __init__(self, starts: Tensor, banned: Tensor, hanging: Tensor) -> None:
        special = torch.zeros_like(banned)
        special[END] = True
        self.starts = starts
        self.first = starts & ~banned & ~special
        self.first_of_last = self.first & ~hanging
        self.later = ~starts & ~banned & ~special
        self.made_up = self.first | self.later


class CopyRule:
    """One code in the making: the words left to begin, and what the present one may become."""

    def __init__(
        self, words: Sequence[tuple[int, ...]], dangling: Sequence[bool], n_words: int
    ) -> None:
        self.words = words
        self.dangling = dangling
        self.left = n_words
        self.done = False
        self.used: set[int] = set()
        self.written: tuple[int, ...] = ()
        # the places in the document whose words begin with what is written of the present one
        self.places: list[int] = []
        self.is_made_up = False
        # actions: (place,) of a copied word, or the subwords of one that was made up
        self.finished: list[tuple[int | None, tuple[int, ...]]] = []

    def may_end_word(self) -> bool:
        """Whether what is written of the present word is a word."""
        whole = any(len(self.words[p]) == len(self.written) for p in self.places)
        return bool(self.written) and (self.is_made_up or whole)

    def fresh_places(self) -> list[int]:
        """Where a new word may be copied from; at the end a dangling one is the last resort."""
        gone = self.used | self._taken()
        free = [p for p in range(len(self.words)) if p not in gone]
        free = free or list(range(len(self.words)))
        if self.left > 1:
            return free
        return [p for p in free if not self.dangling[p]] or free

    def allow(self, row: Tensor, vocabulary: Vocabulary) -> None:
        """Mark in ``row`` (V,), which is all false, what may come next."""
        if self.done:
            row[END] = True
            return
        if not self.written or self.may_end_word():
            if self.left == 0:
                row[END] = True
            else:
                last = self.left == 1
                row |= vocabulary.first_of_last if last else vocabulary.first
                row[[self.words[p][0] for p in self.fresh_places()]] = True
        n = len(self.written)
        if n and self.is_made_up and n < MOST_SUBWORDS:
            row |= vocabulary.later
        row[[self.words[p][n] for p in self.places if len(self.words[p]) > n]] = True

    def take(self, token: int, vocabulary: Vocabulary) -> None:
        """Note the subword that was chosen."""
        if self.done:
            return
        places = [p for p in self.places if self.words[p][len(self.written) :][:1] == (token,)]
        goes_on = bool(self.written) and (
            places or (self.is_made_up and bool(vocabulary.later[token]))
        )
        if token == END or not goes_on:
            self._finish()
            if token == END:
                self.done = True
                return
            places = [p for p in self.fresh_places() if self.words[p][0] == token]
            self.is_made_up = bool(
                (vocabulary.first_of_last if self.left == 1 else vocabulary.first)[token]
            )
            self.left -= 1
            self.written = ()
        self.written += (token,)
        self.places = places
        self.is_made_up &= bool(vocabulary.made_up[token])

    def _taken(self) -> set[int]:
        """The place that the present word, if it ends now, is copied from."""
        whole = [p for p in self.places if len(self.words[p]) == len(self.written)]
        return set(whole[:1])

    def _finish(self) -> None:
        if self.written:
            self.finished.append((next(iter(self._taken()), None), self.written))
            self.used |= self._taken()


def rules_of(source: Source, lengths: Tensor) -> list[CopyRule]:
    """The rule of each document in a batch."""
    rows = zip(
        source.subwords.tolist(),
        source.mask.sum(1).tolist(),
        source.dangling.tolist(),
        lengths.tolist(),
        strict=True,
    )
    return [
        CopyRule([tuple(i for i in word if i != PAD) for word in words[:n]], dangling[:n], length)
        for words, n, dangling, length in rows
    ]


def actions_of(rules: Sequence[CopyRule], n_vocabulary: int, device: torch.device) -> Tensor:
    """The finished codes as actions (B, L): a copied word is one action, a made-up one several."""
    rows = []
    for rule in rules:
        row = [
            action
            for place, subwords in rule.finished
            for action in ((n_vocabulary + place,) if place is not None else subwords)
        ]
        rows.append([*row, END])
    out = torch.full((len(rows), max(map(len, rows))), PAD, dtype=torch.long)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(row)
    return out.to(device)
