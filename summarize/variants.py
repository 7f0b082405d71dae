"""Other words for the same: the first step from copying words to writing as headlines are.

Articles tell in the past, headlines in the present, and of what is to come with "to"; "is
considering" and "has considered" are "considers" there, "more than" is "over". A word may be
replaced by another form of its verb, or by a shorter word for the same, where the language model of
human sentences likes that better. Nothing else about the sentence changes, so no fact is invented.
English only; other languages have no variants here.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from summarize.ngrams import END, START, NgramModel, form
from summarize.verbs import (
    IRREGULAR,
    NEVER_PASSIVE,
    REGULAR_PAST,
    UNCHANGED,
    presents,
    presents_of_participle,
    presents_of_progressive,
)

# After these a past form is a participle, which has no present.
AUXILIARIES = """
    be is are was were been being am has have had having get gets got
"""
AUXILIARY = frozenset(AUXILIARIES.split())
# These, and adverbs, come between the two.
BETWEEN = frozenset(["not", "never", "also", "now", "still", "just"])
ADVERB_ENDS = "ly"
PERFECT = frozenset(["has", "have", "had"])  # what they come before may be told in the present
PROGRESSIVE = frozenset(["is", "was", "are", "were"])
SINGULAR = frozenset(["is", "was", "has"])
PLURAL = frozenset(["are", "were", "have"])
# After these a form in -ed is no verb of its own: "three suspected men", "in reported cases".
NO_SUBJECTS = """
    a an the of in for with by from at on into as than its their his her this these those some many
    most two three four five six seven eight nine ten several no amid over after against despite
    among between about under during through without within per since like more very ever
"""
NO_SUBJECT = frozenset(NO_SUBJECTS.split())
# After these comes an infinitive, not a past that looks like one: "to cut", "will beat".
BEFORE_INFINITIVES = """
    to will would shall should can could may might must do does did
"""
BEFORE_INFINITIVE = frozenset(BEFORE_INFINITIVES.split())
NEGATIONS = frozenset(["not", "never"])  # "has not said" is not "not says"
FUTURE = frozenset(["will", "would", "shall"])
COPULA = frozenset(["was", "were"])
# What says when or that, between a subject and its verb.
BETWEEN_BOTH = """
    on late early last this who which that has have had just today yesterday
    monday tuesday wednesday thursday friday saturday sunday
"""
NO_SUBJECT_YET = frozenset(BETWEEN_BOTH.split())
# Words for several that do not end like it, and words that end like it and are for one.
PLURALS = frozenset(["they", "we", "you", "i", "people", "police", "men", "women", "children"])
SINGULAR_ENDS = ("ss", "us", "is")  # `form` has taken a possessive's off
# Of a passive, between the participle and its "by": "carried out by".
PARTICLE = frozenset(["out", "up", "off", "on", "over", "down", "in"])
WORDINGS: dict[str, tuple[str, ...]] = {
    "acquire": ("buy",),
    "additional": ("more",),
    "advertising": ("ad",),
    "amidst": ("amid",),
    "approximately": ("about",),
    "commence": ("start", "begin"),
    "concerning": ("on", "over"),
    "following": ("after",),
    "investigation": ("probe",),
    "might": ("may", "could"),
    "numerous": ("many",),
    "obtain": ("get",),
    "receive": ("get",),
    "regarding": ("on", "over"),
    "throughout": ("in", "across"),
    "upon": ("on",),
    "whilst": ("as",),
}
# One word for two, of which the first is then left out.
TWO_WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("because", "of"): ("over",),
    ("fewer", "than"): ("under",),
    ("has", "to"): ("must",),
    ("have", "to"): ("must",),
    ("less", "than"): ("under",),
    ("more", "than"): ("over",),
    ("prior", "to"): ("before",),
    ("such", "as"): ("like",),
}
LEAST_GAIN = 0.3  # nats of the language model; less is not worth a change
# The same with a negation, which then stays with what it negates.
CONTRACTIONS = {
    "are": "aren't",
    "could": "couldn't",
    "did": "didn't",
    "do": "don't",
    "does": "doesn't",
    "had": "hadn't",
    "has": "hasn't",
    "have": "haven't",
    "is": "isn't",
    "should": "shouldn't",
    "was": "wasn't",
    "were": "weren't",
    "will": "won't",
    "would": "wouldn't",
}


class Option(NamedTuple):
    """What may be put for a word: the text, whether it is a verb that tells what happens, the place
    of the word that must then be left out ("is" of "is considering"), and whether the text agrees
    in number with the word before, as far as that tells."""

    text: str
    tells: bool = False
    without: int | None = None
    agrees: bool = True


class Variants:
    """Which words of human sentences are other forms of a word, by the language model's numbers."""

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        self.forms: dict[str, tuple[str, ...]] = {}
        for past in [*IRREGULAR, *(w for w in model.words if REGULAR_PAST.fullmatch(w))]:
            known = self._known(word for word in presents(past) if word != past)
            if past in model.number_of and known:
                self.forms[past] = tuple(known)

    def options(self, row: Sequence[str], place: int) -> list[Option]:
        """What a headline may put for the word at this place of a sentence; often nothing."""
        word = row[place]
        if word in FUTURE:
            return [Option(to) for to in self._known(["to"])]
        if place and row[place - 1].lower() in NEGATIONS:
            return self._wordings(row, place, "")
        before, where = self._before(row, place)
        if word in self.forms:
            return self._presents(row, place, before, where)
        if before in PERFECT:
            found = _agreeing(before, self._known(presents_of_participle(word)))
            if found:
                return [Option(text, True, where) for text in found]
        if before in PROGRESSIVE:
            found = [
                with_s if before in SINGULAR else without
                for without, with_s in presents_of_progressive(word)
                if len(self._known([without, with_s])) == 2
            ]
            if found:
                return [Option(text, True, where) for text in found]
        return self._wordings(row, place, before)

    def rewritten(
        self, rows: Sequence[Sequence[str]], codes: Sequence[Sequence[int]]
    ) -> list[dict[int, str]]:
        """For every document and code (places in it): the new word by place in the code.

        Only verbs in the past are rewritten here.
        """
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

    def _presents(
        self, row: Sequence[str], place: int, before: str, where: int | None
    ) -> list[Option]:
        """Of a past, unless what comes before and after says that it is a participle."""
        word = row[place]
        if before in NO_SUBJECT or before.isdigit() or before in AUXILIARY - PERFECT:
            return []
        if word in UNCHANGED and before in BEFORE_INFINITIVE:
            return []
        after = [form(other) for other in row[place + 1 : place + 3]]
        is_passive = after[:1] == ["by"] or (after[1:] == ["by"] and after[0] in PARTICLE)
        if is_passive and word not in NEVER_PASSIVE:
            return []
        without = where if before in PERFECT else None
        is_plural = _is_plural(self._subject(row, place))
        return [
            Option(text, word not in COPULA, without, text.endswith("s") != is_plural)
            for text in _agreeing(before, self.forms[word])
        ]

    def _wordings(self, row: Sequence[str], place: int, before: str) -> list[Option]:
        word = row[place]
        found = [] if before in NO_SUBJECT else [Option(x) for x in WORDINGS.get(word, ())]
        if place:
            two = (row[place - 1].lower(), word)
            texts = [*TWO_WORDS.get(two, ())]
            if word == "not" and two[0] in CONTRACTIONS:
                texts.append(CONTRACTIONS[two[0]])
            found += [Option(text, without=place - 1) for text in texts]
        return [option for option in found if option.text in self.model.number_of]

    def _known(self, words: Iterable[str]) -> list[str]:
        return [word for word in words if word in self.model.number_of]

    def _subject(self, row: Sequence[str], place: int) -> str:
        """The last word before this place that may be what the verb is about, in lower case."""
        while place > 0:
            before, where = self._before(row, place)
            if where is None or before not in NO_SUBJECT_YET:
                return before
            place = where
        return ""

    def _is_participle(self, row: Sequence[str], place: int) -> bool:
        return self._before(row, place)[0] in AUXILIARY

    def _before(self, row: Sequence[str], place: int) -> tuple[str, int | None]:
        """The word before this place, adverbs left out, and its place; empty at the beginning."""
        for i in range(place - 1, max(-1, place - 4), -1):
            word = form(row[i])
            if not word.endswith(ADVERB_ENDS) and word not in BETWEEN:
                return word, i
        return "", None

    def _context(self, row: Sequence[str], kept: Sequence[int], j: int) -> tuple[int, ...]:
        """Numbers of the two words before and the two after in the code."""
        words = [row[k] for k in kept[max(0, j - 2) : j]]
        after = [row[k] for k in kept[j + 1 : j + 3]]
        left = [START] * (2 - len(words)) + self.model.numbers(words).tolist()
        right = [*self.model.numbers(after).tolist(), END, END][:2]
        return (*left, *right)


def _is_plural(word: str) -> bool:
    return word in PLURALS or (word.endswith("s") and not word.endswith(SINGULAR_ENDS))


def _agreeing(auxiliary: str, presents: Sequence[str]) -> list[str]:
    """The presents that agree with the auxiliary in number; all of them if it says nothing."""
    if auxiliary in SINGULAR:
        return [word for word in presents if word.endswith("s")]
    if auxiliary in PLURAL:
        return [word for word in presents if not word.endswith("s")]
    return list(presents)
