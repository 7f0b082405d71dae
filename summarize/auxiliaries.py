"""What stands before an English verb and belongs to it: auxiliaries, adverbs, negations."""

from collections.abc import Sequence
from typing import NamedTuple

from summarize.ngrams import form
from summarize.word_classes import AMONG, AUXILIARY, NEGATIONS


class VerbGroup(NamedTuple):
    """What stands before a verb and belongs to it: the places of its auxiliaries, the last one
    first, whether it is negated, and the word before all that with its place (-1 and "": none)."""

    auxiliaries: tuple[int, ...]
    is_negated: bool
    before: str
    place: int


def is_negation(word: str) -> bool:
    """Whether the word says that something is not, or hardly, so."""
    return word.lower() in NEGATIONS or word.lower().endswith("n't")


def is_among(word: str) -> bool:
    """Whether the word may stand among auxiliaries, as adverbs do."""
    return word.lower() in AMONG or word.endswith("ly")


def verb_group(row: Sequence[str], place: int) -> VerbGroup:
    """The auxiliaries, adverbs and negations before the word at this place."""
    auxiliaries: list[int] = []
    is_negated = False
    for i in range(place - 1, -1, -1):
        if is_negation(row[i]):
            is_negated = True
        elif form(row[i]) in AUXILIARY:
            auxiliaries.append(i)
        elif not is_among(row[i]):
            return VerbGroup(tuple(auxiliaries), is_negated, form(row[i]), i)
    return VerbGroup(tuple(auxiliaries), is_negated, "", -1)


def negates(row: Sequence[str], place: int) -> bool:
    """Whether the word before this place negates it, or belongs to what is negated: of "not fully
    approved" neither "fully" nor "approved" may stay alone."""
    return verb_group(row, place).is_negated
