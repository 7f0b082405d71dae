"""Other forms of the same verb: the first step from copying words to writing as headlines are.

Articles tell in the past, headlines in the present, and of what is to come with "to". A word in the
past may be replaced by another form of its verb where the language model of human sentences likes
that better. Nothing else about the sentence changes, so no fact is invented. English only; other
languages have no variants here.
"""

import re
from collections.abc import Sequence

import numpy as np

from summarize.ngrams import END, START, NgramModel, form

# past and present of verbs that "-ed" does not explain
IRREGULAR = """
    said says was is were are had has won wins made makes took takes got gets told tells came comes
    rose rises fell falls saw sees left leaves became becomes began begins went goes gave gives
    found finds held holds sought seeks lost loses led leads met meets sold sells bought buys
    spent spends ran runs paid pays struck strikes drew draws grew grows broke breaks
    brought brings built builds caught catches chose chooses drove drives kept keeps sent sends
    spoke speaks stood stands thought thinks wrote writes did does felt feels fought fights
    flew flies knew knows laid lays lent lends meant means overcame overcomes rode rides rang rings
    sang sings shook shakes slid slides stole steals swept sweeps taught teaches threw throws
    understood understands woke wakes wore wears withdrew withdraws swore swears sank sinks
"""
PLURAL = {"is": "are", "are": "is", "has": "have", "does": "do"}
# After these a past form is a participle, which has no present.
AUXILIARIES = """
    be is are was were been being am has have had having get gets got
"""
AUXILIARY = frozenset(AUXILIARIES.split())
BETWEEN = frozenset(["not", "also"])  # these, and adverbs, come between the two
ADVERB_ENDS = "ly"
PERFECT = frozenset(["has", "have", "had"])  # what they come before may be told in the present
# After these a form in -ed is no verb of its own: "three suspected men", "in reported cases".
NO_SUBJECTS = """
    a an the of in for with by from at on into as than its their his her this these those some many
    most two three four five six seven eight nine ten several no
"""
NO_SUBJECT = frozenset(NO_SUBJECTS.split())
FUTURE = frozenset(["will", "would", "shall"])
REGULAR = re.compile(r"[a-z]{3,}ed")
LEAST_GAIN = 0.3  # nats of the language model; less is not worth a change


class Variants:
    """Which words of human sentences are other forms of a word, by the language model's numbers."""

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        irregular = IRREGULAR.split()
        pairs = dict(zip(irregular[::2], irregular[1::2], strict=True))
        self.forms: dict[str, tuple[str, ...]] = {}
        for past in [*pairs, *(w for w in model.words if REGULAR.fullmatch(w))]:
            others = _irregular(pairs[past]) if past in pairs else _regular(past)
            known = tuple(w for w in others if w in model.number_of and w != past)
            if past in model.number_of and known:
                self.forms[past] = known

    def options(self, row: Sequence[str], place: int) -> list[str]:
        """What a headline may put for the word at this place of a sentence; often nothing."""
        word = row[place]
        if word in FUTURE:
            return ["to"] if "to" in self.model.number_of else []
        if word not in self.forms:
            return []
        before = self._before(row, place)
        if before in NO_SUBJECT or before.isdigit() or before in AUXILIARY - PERFECT:
            return []
        forms = list(self.forms[word])
        if before == "has":
            return [other for other in forms if other.endswith("s")]
        if before == "have":
            return [other for other in forms if not other.endswith("s")]
        return forms

    def rewritten(
        self, rows: Sequence[Sequence[str]], codes: Sequence[Sequence[int]]
    ) -> list[dict[int, str]]:
        """For every document and code (places in it): the new word by place in the code."""
        found: list[tuple[int, int, str]] = []
        contexts: list[tuple[int, ...]] = []
        for i, (row, kept) in enumerate(zip(rows, codes, strict=True)):
            for j, place in enumerate(kept):
                past = row[place]
                if past not in self.forms or self._is_participle(row, place):
                    continue
                context = self._context(row, kept, j)
                for option in (past, *self.forms[past]):
                    found.append((i, j, option))
                    contexts.append((*context[:2], self.model.number_of[option], *context[2:]))
        out: list[dict[int, str]] = [{} for _ in rows]
        if not found:
            return out
        a, b, w, c, d = np.array(contexts, np.int64).T
        scores = self.model.after(a, b, w) + self.model.after(b, w, c) + self.model.after(w, c, d)
        # a line's end has nothing after it
        scores -= np.where(c == END, self.model.after(w, c, d), 0.0)
        best: dict[tuple[int, int], tuple[float, str]] = {}
        for (i, j, option), score in zip(found, scores, strict=True):
            if option == rows[i][codes[i][j]]:
                score += LEAST_GAIN
            if (i, j) not in best or score > best[i, j][0]:
                best[i, j] = (score, option)
        for (i, j), (_, option) in best.items():
            if option != rows[i][codes[i][j]]:
                out[i][j] = option
        return out

    def _is_participle(self, row: Sequence[str], place: int) -> bool:
        return self._before(row, place) in AUXILIARY

    def _before(self, row: Sequence[str], place: int) -> str:
        """The word before this place, adverbs left out; empty at the beginning."""
        before = [form(word) for word in row[max(0, place - 3) : place]]
        while before and (before[-1].endswith(ADVERB_ENDS) or before[-1] in BETWEEN):
            before.pop()
        return before[-1] if before else ""

    def _context(self, row: Sequence[str], kept: Sequence[int], j: int) -> tuple[int, ...]:
        """Numbers of the two words before and the two after in the code."""
        words = [row[k] for k in kept[max(0, j - 2) : j]]
        after = [row[k] for k in kept[j + 1 : j + 3]]
        left = [START] * (2 - len(words)) + self.model.numbers(words).tolist()
        right = [*self.model.numbers(after).tolist(), END, END][:2]
        return (*left, *right)


def _irregular(present: str) -> tuple[str, ...]:
    stem = present[:-1]
    return (present, PLURAL[present]) if present in PLURAL else (present, stem)


def _regular(past: str) -> tuple[str, ...]:
    """What a verb in -ed may be in the present: announce(s), kill(s), plan(s), deny, denies."""
    stem = past[:-2]
    forms = [stem, stem + "s", stem + "es", past[:-1], past[:-1] + "s"]
    if stem.endswith("i"):
        forms += [stem[:-1] + "y", stem + "es"]
    if len(stem) > 3 and stem[-1] == stem[-2]:
        forms += [stem[:-1], stem[:-1] + "s"]
    return tuple(dict.fromkeys(forms))
