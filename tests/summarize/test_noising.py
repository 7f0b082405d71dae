import random

import pytest

from summarize.ngrams import train_ngrams
from summarize.noising import N_ADDED, Noising
from summarize.text import word_texts
from summarize.variants import Variants
from tests.summarize.corpus import documents, sentences

LINES = [
    *sentences(200),
    *["Bank announces plan", "Bank announced plan", "Banks announce plan"] * 5,
]
DOCUMENTS = [word_texts(d) for d in documents(50)]


@pytest.fixture(scope="module")
def noising():
    variants = Variants(train_ngrams([word_texts(line) for line in LINES]))
    return Noising(variants, DOCUMENTS, LINES)


def test_places_point_at_the_words_of_the_sentence_in_their_order(noising):
    for seed in range(50):
        sentence = word_texts(LINES[seed])
        noised, target = noising(sentence, DOCUMENTS[:2], random.Random(seed))
        assert len(target) == len(sentence)
        for word, entry in zip(sentence, target, strict=True):
            said = noised[entry] if isinstance(entry, int) else entry
            assert said.lower() == word.lower()
        places = [entry for entry in target if isinstance(entry, int)]
        assert places == sorted(places)


def test_words_of_others_are_put_in(noising):
    noised, target = noising(["Bank", "sells", "bridge"], DOCUMENTS[:1], random.Random(0))
    n_added = len(noised) - sum(isinstance(entry, int) for entry in target)
    assert N_ADDED[0] <= n_added <= N_ADDED[1] + 3
    assert set(noised) <= {"Bank", "bank", "sells", "bridge", *DOCUMENTS[0]}


def test_verbs_get_the_forms_of_documents_and_are_to_be_written_again(noising):
    seen = [
        noising(["Bank", "announces", "plan"], DOCUMENTS[:1], random.Random(s)) for s in range(30)
    ]
    changed = [(noised, target) for noised, target in seen if target[1] == "announces"]
    assert 10 < len(changed) < 30
    assert sum("announced" in noised for noised, _ in changed) > 5


def test_words_get_the_case_that_documents_give_them(noising):
    for seed in range(10):
        noised, target = noising(["BORIS", "Sells", "BRIDGE"], DOCUMENTS, random.Random(seed))
        place = target[2]
        assert place == "bridge" or noised[place] == "bridge"
