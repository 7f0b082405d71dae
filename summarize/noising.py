"""Human sentences hidden among words of documents: what an encoder learns to write from.

A sentence is turned into something like a document: spans of other documents come between its
words, its verbs get forms that documents use, small words are lost. Getting the sentence back
teaches choice, order and the tongue of such sentences without a pair (after Fevry and Phang, 2018).
"""

import random
from collections import Counter
from collections.abc import Sequence

from summarize.variants import Variants

SPAN = (1, 7)  # words put in at one place
N_ADDED = (6, 30)  # words put in
LOSS = 0.15  # of the words of a sentence that are among its most common
N_COMMON = 60
INFLECTION = 0.7  # of the words that may have another form


class Noising:
    """Makes documents of sentences, given what `Variants` knows and how documents write words."""

    def __init__(
        self, variants: Variants, documents: Sequence[Sequence[str]], sentences: Sequence[str]
    ) -> None:
        self.past: dict[str, list[str]] = {}
        for past, present in variants.forms.items():
            for other in {*present} - {past}:
                self.past.setdefault(other, []).append(past)
        self.usual = usual_case(documents)
        counts = Counter(word.lower() for line in sentences for word in line.split())
        self.common = {w for w, _ in counts.most_common(N_COMMON) if w.isalpha()}

    def __call__(
        self, sentence: Sequence[str], others: Sequence[Sequence[str]], generator: random.Random
    ) -> tuple[list[str], list[int | str]]:
        """(the document's words, for each of the sentence's words its place or how to write it).

        ``others`` are the documents that lend their words.
        """
        words = [self.usual.get(word.lower(), word) for word in sentence]
        pieces: list[tuple[str, int | None]] = []
        target: list[int | str] = [word.lower() for word in words]
        for i, word in enumerate(words):
            if word in self.common and generator.random() < LOSS:
                continue
            pasts = self.past.get(word)
            if pasts and generator.random() < INFLECTION:
                pieces.append((generator.choice(pasts), None))
            else:
                pieces.append((word, i))
        n_added = generator.randint(*N_ADDED)
        while n_added > 0:
            lender = generator.choice(others)
            n = min(generator.randint(*SPAN), n_added, len(lender))
            start = generator.randrange(len(lender) - n + 1)
            at = generator.randint(0, len(pieces))
            pieces[at:at] = [(word, None) for word in lender[start : start + n]]
            n_added -= max(1, n)
        for place, (_, i) in enumerate(pieces):
            if i is not None:
                target[i] = place
        return [word for word, _ in pieces], target


def usual_case(documents: Sequence[Sequence[str]]) -> dict[str, str]:
    """Of every word that documents hold, but for their first: how they write it most often."""
    counts = Counter(word for words in documents for word in words[1:])
    usual: dict[str, str] = {}
    for word, n in counts.items():
        key = word.lower()
        if key not in usual or n > counts[usual[key]]:
            usual[key] = word
    return usual
