"""Each alarm rings for the failure it is there for, and for nothing else."""

import math
import random

import pytest

from summarize.alarms import Limits, measure, train_judge
from tests.summarize.corpus import documents, sentences

LIMITS = Limits()
CODES = list(dict.fromkeys(sentences(400, seed=1)))[:60]
GOOD = {
    "perplexity": 1.2,
    "code_gain": 0.8,
    "self_bleu": 0.3,
    "distinct": 0.8,
    "lead_overlap": 0.5,
    "discriminator_accuracy": 0.7,
    "protected": 1.0,
}


@pytest.fixture(scope="module")
def judge():
    return train_judge(sentences(400, seed=5))


def rings(name: str, value: float) -> bool:
    return [line.split()[0] for line in LIMITS.exceeded({name: value})] == [name]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("perplexity", 1.0, 9.0),
        ("code_gain", 0.5, 0.0),
        ("self_bleu", 0.3, 0.9),
        ("distinct", 0.7, 0.05),
        ("lead_overlap", 0.5, 1.0),
        ("discriminator_accuracy", 0.8, 1.0),
        ("protected", 0.99, 0.5),
    ],
)
def test_an_alarm_rings_beyond_its_bound_and_not_within(name, good, bad):
    assert rings(name, bad)
    assert not rings(name, good)
    assert rings(name, math.nan)


def test_all_good_values_ring_nothing_and_missing_ones_are_not_judged():
    assert LIMITS.exceeded(GOOD) == []
    assert LIMITS.exceeded({}) == []


def test_words_in_no_order_are_perplexing_and_sentences_are_not(judge):
    generator = random.Random(0)
    shuffled = [" ".join(generator.sample(c.split(), len(c.split()))) for c in CODES]
    texts = documents(len(CODES))
    assert measure(CODES, texts, judge)["perplexity"] < 1.5
    assert measure(shuffled, texts, judge)["perplexity"] > 3.0


def test_one_phrase_for_every_document_is_neither_distinct_nor_of_low_self_bleu():
    texts = documents(len(CODES))
    good, bad = measure(CODES, texts), measure(CODES[:1] * len(CODES), texts)
    assert bad["self_bleu"] > 0.99 > good["self_bleu"]
    assert rings("self_bleu", bad["self_bleu"])
    assert rings("distinct", bad["distinct"])
    assert bad["distinct"] < good["distinct"]


def test_the_first_words_of_documents_are_told_from_a_choice_of_words():
    texts = documents(40)
    lead = [" ".join(text.split()[:6]) for text in texts]
    choice = [" ".join(text.split()[::3]) for text in texts]
    assert rings("lead_overlap", measure(lead, texts)["lead_overlap"])
    assert not rings("lead_overlap", measure(choice, texts)["lead_overlap"])


def test_invented_numbers_are_told_from_copied_ones():
    texts = ["the fire destroyed 12 houses", "the bank lost $40 in March"] * 5
    copied = ["fire destroyed 12 houses", "bank lost $40"] * 5
    invented = ["fire destroyed 13 houses", "bank lost $90"] * 5
    assert not rings("protected", measure(copied, texts)["protected"])
    assert rings("protected", measure(invented, texts)["protected"])


def test_no_sentences_make_no_judge():
    assert train_judge([]) is None
    assert "perplexity" not in measure(CODES, documents(len(CODES)), None)
