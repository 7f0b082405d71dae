"""Other words for the same: the first step from copying words to writing as headlines are.

Articles tell in the past, headlines in the present, and of what is to come with "to"; "is
considering" and "has considered" are "considers" there, "more than" is "over". A word may be
replaced by another form of its verb, or by a shorter word for the same, where the language model of
human sentences likes that better. In doubt nothing is offered: no verb that is or may be passive
("the man shot in"), nothing that is negated or only supposed, and nothing in a sentence that does
not look English. These are rules of thumb, not a parser.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from summarize.auxiliaries import VerbGroup, is_among, is_negation, verb_group
from summarize.ngrams import END, START, NgramModel, form
from summarize.verbs import (
    ADJECTIVES,
    IRREGULAR,
    NEVER_PASSIVE,
    WITH_INFINITIVE,
    Present,
    present_of_participle,
    present_of_past,
    present_of_progressive,
)
from summarize.word_classes import (
    AFTER_SUBJECTS,
    AS_PREPOSITION,
    AUXILIARY,
    BEFORE_NOUNS,
    COPULA,
    DETERMINERS,
    ENDS_OF_ONE,
    ENGLISH,
    FUTURE,
    IS_AN_ACTIVITY,
    NO_SUBJECT,
    ONE,
    PARTICLE,
    PERFECT,
    PLURAL,
    PREPOSITION,
    PROGRESSIVE,
    PRONOUNS,
    SEVERAL,
    SINGULAR,
    SUPPOSED,
    TIMES,
    WEEKDAY,
    YEAR,
)

SHORT = 6  # words that say nothing of a language
WORDINGS: dict[str, tuple[str, ...]] = {
    "acquire": ("buy",),
    "additional": ("more",),
    "advertising": ("ad",),
    "amidst": ("amid",),
    "approximately": ("about",),
    "commence": ("start", "begin"),
    "following": ("after",),
    "investigation": ("probe",),
    "numerous": ("many",),
    "obtain": ("get",),
    "receive": ("get",),
    "throughout": ("in", "across"),
    "upon": ("on",),
    "whilst": ("as",),
}
# One word for two, of which the first is then left out.
TWO_WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("because", "of"): ("over",),
    ("fewer", "than"): ("under",),
    ("less", "than"): ("under",),
    ("more", "than"): ("over",),
    ("prior", "to"): ("before",),
    ("such", "as"): ("like",),
}
# An auxiliary with its negation in one word.
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
LEAST_GAIN = 0.3  # nats of the language model; less is not worth a change


class Option(NamedTuple):
    """What may be put for a word: the text, whether it is a verb that tells what happens, the place
    of the word that must then be left out ("is" of "is considering"), and whether the text agrees
    in number with its subject, as far as that is known."""

    text: str
    tells: bool = False
    without: int | None = None
    agrees: bool = True


class Variants:
    """Which words may stand for a word of a sentence, of those that the language model knows."""

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        self.forms: dict[str, Present] = {}
        for word in model.words:
            present = present_of_past(word, model.number_of)
            if present is not None:
                self.forms[word] = present

    def options(self, row: Sequence[str], place: int) -> list[Option]:
        """What a headline may put for the word at this place of a sentence; often nothing."""
        if not _looks_english(row):
            return []
        word = row[place]
        if word in FUTURE:
            return self._future(row, place)
        if word in COPULA or self._may_be_verb(word):
            return self._presents(row, place)
        return self._wordings(row, place)

    def rewritten(
        self, rows: Sequence[Sequence[str]], codes: Sequence[Sequence[int]]
    ) -> list[dict[int, str]]:
        """For every document and code (places in it): the new word by place in the code.

        Only verbs that tell something are rewritten here, and whatever else is kept stays.
        """
        found: list[tuple[int, int, str]] = []
        contexts: list[tuple[int, ...]] = []
        for i, (row, kept) in enumerate(zip(rows, codes, strict=True)):
            for j, place in enumerate(kept):
                past = row[place]
                if past not in self.forms:
                    continue
                options = [o.text for o in self.options(row, place) if o.without is None]
                if not options:
                    continue
                context = self._context(row, kept, j)
                for option in (past, *options):
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

    def _may_be_verb(self, word: str) -> bool:
        known = self.model.number_of
        return (
            word in self.forms
            or present_of_participle(word, known) is not None
            or present_of_progressive(word, known) is not None
        )

    def _presents(self, row: Sequence[str], place: int) -> list[Option]:
        """Presents of a past, of a participle with its auxiliary, or of a form in -ing with it."""
        word, group, known = row[place], verb_group(row, place), self.model.number_of
        if group.is_negated or SUPPOSED & {form(w) for w in row[max(0, group.place - 3) : place]}:
            return []
        if not group.auxiliaries:
            return self._presents_of_past(row, place, group)
        auxiliary = form(row[group.auxiliaries[0]])
        # further away, both could be kept side by side
        if len(group.auxiliaries) > 1 or place - group.auxiliaries[0] > 2 or word in COPULA:
            return []
        if auxiliary in PERFECT and word not in ADJECTIVES:
            present = present_of_participle(word, known)
        elif auxiliary in PROGRESSIVE and group.before not in IS_AN_ACTIVITY:
            present = present_of_progressive(word, known)
        else:
            return []
        if present is None:
            return []
        number = auxiliary in PLURAL
        if auxiliary not in SINGULAR | PLURAL:
            number = _is_plural(row, group.place)
        return _either(present, number, without=group.auxiliaries[0], strictly=True)

    def _presents_of_past(self, row: Sequence[str], place: int, group: VerbGroup) -> list[Option]:
        word = row[place]
        if group.before in NO_SUBJECT or group.before[:1].isdigit():
            return []
        if word in COPULA and any(YEAR.fullmatch(other) for other in row[place : place + 9]):
            return []
        if word in COPULA:
            return [Option(text) for text in self._known([COPULA[word]])]
        if word not in self.forms:
            return []
        if word not in NEVER_PASSIVE and _lacks_object(row, place, self.forms):
            return []
        found = _either(self.forms[word], _is_plural(row, group.place))
        return [option for option in found if option.text != word]

    def _future(self, row: Sequence[str], place: int) -> list[Option]:
        """ "to" for "will", if a noun comes before it and a verb after it."""
        before, after = _form_at(row, place - 1), _form_at(row, place + 1)
        is_noun = before and before not in PRONOUNS | NO_SUBJECT and not is_negation(before)
        is_verb = after not in NO_SUBJECT | {"have", "however", ""} and not is_negation(after)
        if not (is_noun and is_verb) or SUPPOSED & {form(word) for word in row}:
            return []
        return [Option(to) for to in self._known(["to"])]

    def _wordings(self, row: Sequence[str], place: int) -> list[Option]:
        word = row[place]
        earlier, before, after = (_form_at(row, place + step) for step in (-2, -1, 1))
        texts = list(WORDINGS.get(word, ()))
        if before in NO_SUBJECT or (word in AS_PREPOSITION and after not in DETERMINERS):
            texts = []
        pairs = list(TWO_WORDS.get((before, word), ()))
        if is_negation(earlier) or (word == "than" and not after[:1].isdigit()):
            pairs = []
        if word == "not" and before in CONTRACTIONS and after != "only":
            pairs.append(CONTRACTIONS[before])
        found = [Option(text) for text in texts]
        found += [Option(text, without=place - 1) for text in pairs]
        return [option for option in found if option.text in self.model.number_of]

    def _known(self, words: Iterable[str]) -> list[str]:
        return [word for word in words if word in self.model.number_of]

    def _context(self, row: Sequence[str], kept: Sequence[int], j: int) -> tuple[int, ...]:
        """Numbers of the two words before and the two after in the code."""
        words = [row[k] for k in kept[max(0, j - 2) : j]]
        after = [row[k] for k in kept[j + 1 : j + 3]]
        left = [START] * (2 - len(words)) + self.model.numbers(words).tolist()
        right = [*self.model.numbers(after).tolist(), END, END][:2]
        return (*left, *right)


def _form_at(row: Sequence[str], place: int) -> str:
    """The word at this place as it is counted; empty where there is none."""
    return form(row[place]) if 0 <= place < len(row) else ""


def _looks_english(row: Sequence[str]) -> bool:
    return len(row) <= SHORT or any(word.lower() in ENGLISH for word in row)


def _lacks_object(row: Sequence[str], place: int, regular: Collection[str]) -> bool:
    """Whether nothing comes after a verb that its active form could be about; ``regular`` are
    pasts, too (of two verbs in a row the first is a participle)."""
    rest = [form(word) for word in row[place + 1 : place + 9]]
    while rest and (
        rest[0] in TIMES
        or is_among(rest[0])
        or (rest[1:2] and rest[1] in TIMES and (rest[0] in NO_SUBJECT or rest[0] == "few"))
        or (rest[0] == "on" and rest[1:2] and rest[1] in WEEKDAY)
    ):
        rest.pop(0)
    if not rest or rest[1:2] == ["by"]:
        return True
    if rest[0] == "to":
        return row[place] not in WITH_INFINITIVE
    return any(rest[0] in words for words in (PREPOSITION, AUXILIARY, PARTICLE, regular, IRREGULAR))


def _is_plural(row: Sequence[str], place: int) -> bool | None:
    """Whether the subject that ends at this place is several; None where nothing tells."""
    while place > 0 and form(row[place]) in AFTER_SUBJECTS | WEEKDAY:
        place -= 1
    for i in range(max(1, place - 4), place):
        if row[i].lower() in BEFORE_NOUNS:  # "the mayor of two cities"
            place = i - 1
            break
    word = row[place] if place >= 0 else ""
    if word.lower() in SEVERAL:
        return True
    if not word or word in ("and", "but", "or") or (word[0].isupper() and word.endswith("s")):
        return None
    is_several = word.endswith("s") and not word.endswith((*ENDS_OF_ONE, "'s"))
    return is_several and word not in ONE


def _either(
    present: Present, is_plural: bool | None, *, without: int | None = None, strictly: bool = False
) -> list[Option]:
    """Both numbers of the present, or ``strictly`` only the one that agrees."""
    found = [
        Option(text, True, without, agrees=is_plural in (None, plural))
        for text, plural in ((present.singular, False), (present.plural, True))
    ]
    return [option for option in found if option.agrees or not strictly]
