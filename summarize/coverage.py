"""Long documents: which sentences together say most, in little memory and linear time.

A document is read once. Of every sentence only its text and the numbers of its content words are
kept; words with their punctuation are made again for the few sentences that are coded. Sentences
are taken greedily by what they add to those before them; since a sentence can only add less once
others are taken, stale gains are upper bounds and few have to be computed anew (lazy greedy,
Minoux 1978).
"""

import heapq
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from summarize.metrics import FUNCTION_WORDS
from summarize.ngrams import form
from summarize.search import Search
from summarize.text import Word, split_sentences, split_words

# Words of a code where a number of sentences is asked for; as many are added to a sentence's own
# when what it adds is divided by them. Shorter codes say more of the document but less of its
# title, and end in the middle of phrases.
USUAL_CODE = 20
# Where words are asked for, sentences stay whole but for the last one, and that has not fewer words
# (the longest one gives it some)
LEAST_CODE = 8
# and counts by the share of its words that is kept to this power: a third left out can be read.
SHORTENING = 2.0
# A sentence that repeats what is said adds this share of a word's worth for each further time.
REDUNDANCY = 0.05
# What is said early matters more: a gain is divided by (1 + sentences before) to this power.
EARLINESS = 0.5


class Document:
    """A normalised text's sentences and content words.

    ``sentences`` are its texts, ``lengths`` their words; ``said`` (by a content word's number) how
    often each content word occurs, ``forms`` how it is counted and ``surfaces`` how it was written
    first.
    """

    def __init__(self, text: str) -> None:
        self.sentences: list[str] = []
        self.lengths = array("q")
        self.forms: list[str] = []
        self.surfaces: list[str] = []
        self._number_of: dict[str, int] = {}
        self._contents = array("q")
        self._ends = array("q")
        said: Counter[int] = Counter()
        for sentence in split_sentences(text):
            words = split_words(sentence)
            if not words:
                continue
            numbers = [n for word in words if (n := self._number(word.text)) is not None]
            said.update(numbers)
            self._contents.extend(sorted(set(numbers)))
            self._ends.append(len(self._contents))
            self.sentences.append(sentence)
            self.lengths.append(len(words))
        self.said = np.array([said[i] for i in range(len(self.forms))], np.float64)

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def n_words(self) -> int:
        """All words, function words included."""
        return sum(self.lengths)

    def words(self, index: int) -> list[Word]:
        """The words of a sentence, with their punctuation."""
        return split_words(self.sentences[index])

    def worths(self, search: Search) -> np.ndarray:
        """How telling each content word (by number) is: how surprising, how often it returns."""
        numbers = search.language_model.numbers(self.forms)
        surprisal = np.minimum(search.surprisal[numbers], search.weights.surprisal_cap)
        return surprisal * (1 + self.said) ** 0.5

    def ranked(self, search: Search) -> Iterator[int]:
        """The sentences, the one that adds most to those before it first.

        What a sentence adds is the worth of its content words, a word's worth falling with every
        time it has been said: so the first few rebuild most of the document, and nothing twice.
        """
        gains = _Gains(self, search)
        while (best := gains.take_best()) is not None:
            yield best

    def fitting(self, search: Search, n_words: int) -> Iterator[int]:
        """As `ranked`, preferring what fits into what is left of ``n_words``; see `filled`.

        Sentences are taken whole, the last may be shortened, the less the better.
        """
        gains = _Gains(self, search)
        left = n_words
        while left > 0 and (best := gains.take_best(left)) is not None:
            left -= self.lengths[best]
            yield best

    def lost(self, held: Collection[str], search: Search) -> list[int]:
        """The numbers of the content words whose form ``held`` lacks, most telling first."""
        worths = self.worths(search)
        missing = [i for i, word in enumerate(self.forms) if word not in held]
        return sorted(missing, key=lambda i: -worths[i])

    def content(self, i: int) -> np.ndarray:
        """The numbers of a sentence's content words, each once."""
        start = self._ends[i - 1] if i else 0
        # a view, not a copy: the array does not grow any more
        return np.frombuffer(self._contents, np.int64, self._ends[i] - start, start * 8)

    def _number(self, text: str) -> int | None:
        word = form(text)
        if word in FUNCTION_WORDS:
            return None
        number = self._number_of.setdefault(word, len(self.forms))
        if number == len(self.forms):
            self.forms.append(word)
            self.surfaces.append(text)
        return number


def filled(ranked: Iterable[int], lengths: Sequence[int], n_words: int) -> dict[int, int]:
    """Sentences and how many words of each to keep: exactly ``n_words`` in all.

    The first of ``ranked`` are taken whole and the last one shortened. If then too little were left
    of it to say anything, it gets words from the longest. ``lengths`` are the words of each.
    """
    kept: dict[int, int] = {}
    left = n_words
    for i in ranked:
        kept[i] = min(left, lengths[i])
        left -= kept[i]
        if left == 0:
            break
    last, longest = next(reversed(kept)), max(kept, key=kept.__getitem__)
    wanted = min(LEAST_CODE, lengths[last]) - kept[last]
    if 0 < wanted <= kept[longest] - LEAST_CODE:
        kept[last] += wanted
        kept[longest] -= wanted
    return kept


class _Gains:
    """What each sentence of a document that is not yet taken adds to those that are."""

    def __init__(self, document: Document, search: Search) -> None:
        self.document = document
        # what is left of each word's worth, now
        self.left = document.worths(search)
        self.queue = [(-self._gain(i), i) for i in range(len(document))]
        heapq.heapify(self.queue)

    def take_best(self, room: int | None = None) -> int | None:
        """The sentence that adds most, into ``room`` words if given; None if all are taken.

        Nothing that it says is worth as much any more.
        """
        passed: list[tuple[float, int]] = []
        best, most = None, 0.0
        while self.queue and -self.queue[0][0] > most:
            # what was computed before others were taken is an upper bound
            _, i = heapq.heappop(self.queue)
            gain = self._gain(i)
            passed.append((-gain, i))
            fit = 1.0 if room is None else _fit(self.document.lengths[i], room)
            if gain * fit > most:
                best, most = i, gain * fit
        for item in passed:
            if item[1] != best:
                heapq.heappush(self.queue, item)
        if best is None and self.queue:  # whatever is left fits badly, or says nothing
            _, best = heapq.heappop(self.queue)
        if best is not None:
            self.left[self.document.content(best)] *= REDUNDANCY
        return best

    def _gain(self, i: int) -> float:
        # per word, so that long sentences do not win by length alone
        document = self.document
        n_words = document.lengths[i] + USUAL_CODE
        return float(self.left[document.content(i)].sum()) / n_words / (1 + i) ** EARLINESS


def _fit(length: int, left: int) -> float:
    """How well a sentence of so many words fills what is left (0: not at all; 1: it fits whole)."""
    if length <= left:
        return float(left - length == 0 or left - length >= LEAST_CODE)
    # what it adds is divided by its own words, but only some are kept
    return (left / length) ** SHORTENING * (length + USUAL_CODE) / (left + USUAL_CODE)
