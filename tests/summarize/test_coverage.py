import itertools
import random
import tracemalloc

import numpy as np
import pytest

from summarize import coverage
from summarize.coverage import Document, filled
from summarize.search import train_search
from summarize.text import count_words, split_words, word_texts
from tests.summarize.corpus import documents, sentences

NO_DIGITS = str.maketrans("0123456789", "abcdefghij")
TEXT = " ".join(documents(40, seed=2))


@pytest.fixture(scope="module")
def search():
    return train_search(map(word_texts, documents(300)), map(word_texts, sentences(400)))


def test_a_document_counts_its_words_and_gives_them_back():
    document = Document(TEXT)
    assert document.n_words == count_words(TEXT)
    assert len(document) == 40
    assert [w for i in range(40) for w in document.words(i)] == split_words(TEXT)


def test_function_words_are_no_content_and_case_does_not_matter():
    document = Document("The Bridge of the bridge. It is THE bridge!")
    assert document.forms == ["bridge"]
    assert document.surfaces == ["Bridge"]
    assert document.said.tolist() == [3]


def slowly_ranked(document, search):
    """Greedy by the definition: every gain anew at every step."""
    left = document.worths(search)
    contents = [
        sorted({document.forms.index(w) for w in map(str.lower, word_texts(s))
                if w in document.forms})
        for s in document.sentences
    ]  # fmt: skip
    chosen = []
    while len(chosen) < len(document):
        gains = {
            i: left[contents[i]].sum()
            / (document.lengths[i] + coverage.USUAL_CODE)
            / (1 + i) ** coverage.EARLINESS
            for i in range(len(document))
            if i not in chosen
        }
        best = max(gains, key=lambda i: (round(gains[i], 6), -i))
        left[contents[best]] *= coverage.REDUNDANCY
        chosen.append(best)
    return chosen


def test_the_lazy_order_is_the_greedy_one(search):
    # numbers are counted without their digits' values, so texts without them are easier to check
    text = " ".join("".join(c for c in t if not c.isdigit()) for t in documents(12, seed=5))
    document = Document(text)
    assert list(document.ranked(search)) == slowly_ranked(document, search)


def test_every_sentence_is_ranked_once_and_what_repeats_comes_late(search):
    first, second = documents(2, seed=8)
    document = Document(" ".join([first, first, second, first]))
    order = list(document.ranked(search))
    assert sorted(order) == [0, 1, 2, 3]
    assert order.index(2) < 2


def test_what_is_lost_is_what_is_not_held_most_telling_first(search):
    document = Document(TEXT)
    held = set(document.forms[:5])
    lost = document.lost(held, search)
    assert {document.forms[i] for i in lost} == set(document.forms[5:])
    worths = document.worths(search)[lost]
    assert (np.diff(worths) <= 0).all()


def test_the_order_of_few_sentences_costs_few_gains(search, monkeypatch):
    generator = random.Random(0)
    rows = [[f"word{generator.randrange(3000)}x" for _ in range(20)] for _ in range(400)]
    document = Document(" ".join(" ".join(row) + "." for row in rows).translate(NO_DIGITS))
    calls = []
    content = Document.content
    monkeypatch.setattr(Document, "content", lambda self, i: calls.append(i) or content(self, i))
    list(itertools.islice(document.ranked(search), 5))
    # one gain a sentence to begin with, and then far fewer than one a sentence and step
    assert len(calls) < 1.2 * len(document)


def test_memory_beyond_the_text_is_a_few_bytes_a_word(search):
    def bytes_per_word(n_sentences):
        text = " ".join(documents(n_sentences, seed=1))
        tracemalloc.start()
        document = Document(text)
        list(itertools.islice(document.ranked(search), 5))
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return held / document.n_words

    # the sentences themselves are about 6 bytes a word; words as objects would be 300
    assert bytes_per_word(2000) < 40


def test_sentences_are_filled_in_whole_but_for_the_last():
    assert filled([3, 1, 0], [10, 20, 30, 12], 40) == {3: 12, 1: 20, 0: 8}
    assert filled([3, 1, 0], [10, 20, 30, 12], 32) == {3: 12, 1: 20}


def test_a_last_sentence_of_few_words_gets_some_from_the_longest():
    assert filled([1, 2], [10, 20, 30], 22) == {1: 14, 2: 8}
    assert filled([1, 0], [4, 20], 22) == {1: 18, 0: 4}  # it has no more


def words_of(n_words, *telling):
    """A sentence of so many words of which only those last ones tell anything."""
    return " ".join(["The", *["of"] * (n_words - len(telling) - 1), *telling]) + "."


def test_of_two_that_say_as_much_the_one_that_fits_is_taken(search):
    document = Document(" ".join([words_of(44, "bridge"), words_of(34, "harbour")]))
    assert document.lengths.tolist() == [44, 34]
    assert next(document.fitting(search, 60)) == 0  # both fit, and the first is earlier
    assert next(document.fitting(search, 34)) == 1
    assert list(document.ranked(search)) == [0, 1]


def test_none_is_taken_that_leaves_too_few_words_for_another(search):
    document = Document(" ".join(words_of(n, w) for n, w in ((36, "bridge"), (30, "harbour"))))
    assert next(document.fitting(search, 40)) == 1  # the first would leave 4


def test_sentences_that_add_nothing_are_ranked_in_linear_time(search, monkeypatch):
    document = Document("It was so. " * 300)
    calls = []
    content = Document.content
    monkeypatch.setattr(Document, "content", lambda self, i: calls.append(i) or content(self, i))
    assert sorted(document.ranked(search)) == list(range(300))
    assert len(calls) < 5 * len(document)
