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
from collections.abc import Collection, Iterator

import numpy as np

from summarize.metrics import FUNCTION_WORDS
from summarize.ngrams import form
from summarize.search import Search
from summarize.text import Word, split_sentences, split_words

# Words of a code where several sentences share a budget. Shorter codes say more of the document
# but less of its title, and end in the middle of phrases.
USUAL_CODE = 20
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
        # what is left of each word's worth, now
        left = self.worths(search)

        def gain(i: int) -> float:
            # per word, so that long sentences do not win by length alone
            early = (1 + i) ** EARLINESS
            return float(left[self._content(i)].sum()) / (self.lengths[i] + USUAL_CODE) / early

        queue = [(-gain(i), i) for i in range(len(self))]
        heapq.heapify(queue)
        while queue:
            _, i = heapq.heappop(queue)
            now = gain(i)
            if queue and now < -queue[0][0] - 1e-9:
                heapq.heappush(queue, (-now, i))
                continue
            left[self._content(i)] *= REDUNDANCY
            yield i

    def lost(self, held: Collection[str], search: Search) -> list[int]:
        """The numbers of the content words whose form ``held`` lacks, most telling first."""
        worths = self.worths(search)
        missing = [i for i, word in enumerate(self.forms) if word not in held]
        return sorted(missing, key=lambda i: -worths[i])

    def _content(self, i: int) -> np.ndarray:
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
