import time
from itertools import combinations

import numpy as np
import pytest

from summarize.ngrams import END, START
from summarize.search import Search, train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences


@pytest.fixture(scope="module")
def search():
    return train_search(map(word_texts, documents(300)), map(word_texts, sentences(400)))


def slow_score(search, words, kept):
    """The score written down again, one word after the other."""
    model, w = search.language_model, search.weights
    numbers = np.concatenate([[START, START], model.numbers([words[k] for k in kept])])
    total = 0.0
    for place, k in enumerate(kept):
        a, b, c = (np.array([numbers[place + d]]) for d in range(3))
        _, backoff, _ = model.pairs(a, b)
        triple, found = model.triples(a, b, c)
        total += float(triple[0] if found[0] else backoff[0] + model.pairs(b, c)[0][0])
        total += w.surprisal * min(search.surprisal[c[0]], w.surprisal_cap)
        total -= w.position * min(k + 1, w.position_cap)
        total -= w.gap if place and k > kept[place - 1] + 1 else 0.0
    a, b, end = numbers[-2:-1], numbers[-1:], np.array([END])
    triple, found = model.triples(a, b, end)
    last = triple[0] if found[0] else model.pairs(a, b)[1][0] + model.pairs(b, end)[0][0]
    return total + w.end * float(last) - 1e4 * float(search.dangling[numbers[-1]])


@pytest.mark.parametrize("n_words", [1, 2, 3, 5])
def test_the_code_is_the_best_of_all_subsequences(search, n_words):
    for document in documents(4, seed=3):
        words = word_texts(document)[:12]
        best = max(
            combinations(range(len(words)), n_words), key=lambda k: slow_score(search, words, k)
        )
        code = search.code(words, n_words)
        assert code.score == pytest.approx(slow_score(search, words, best), abs=1e-2)
        assert code.score == pytest.approx(slow_score(search, words, code.kept), abs=1e-2)


def test_every_length_is_met_and_the_order_is_kept(search):
    words = word_texts(documents(1, seed=5)[0])
    lengths = list(range(1, len(words) + 3))
    for length, code in zip(lengths, search.codes(words, lengths), strict=True):
        assert len(code.kept) == min(length, len(words))
        assert list(code.kept) == sorted(set(code.kept))
        assert code == search.code(words, length)


def test_a_code_does_not_end_in_a_word_that_ends_nothing(search):
    assert search.dangling[search.language_model.numbers(["the"])[0]]
    for document in documents(40, seed=7):
        words = word_texts(document)
        assert words[search.code(words, 5).kept[-1]] not in ("the", "in", "of")


def test_words_never_seen_are_coded_too(search):
    code = search.code(["zzz", "yyy", "xxx", "www"], 2)
    assert len(code.kept) == 2
    assert search.code([], 3).kept == ()


def test_a_length_of_no_words_is_refused(search):
    with pytest.raises(ValueError, match="at least 1 word"):
        search.code(["a"], 0)


def test_saved_tables_give_the_same_codes(search, tmp_path):
    again = Search.load(search.save(tmp_path / "search"))
    for document in documents(20, seed=9):
        words = word_texts(document)
        assert again.code(words, 6).kept == search.code(words, 6).kept


@pytest.mark.slow
def test_a_hundred_sentences_a_second_on_one_core(search):
    rows = [word_texts(document) for document in documents(200, seed=1)]
    start = time.process_time()
    for words in rows:
        search.code(words, 10)
    assert time.process_time() - start < 2


def test_what_a_document_says_again_and_again_is_kept(search):
    words = word_texts(documents(1)[0])
    weights = search.weights._replace(surprisal=0.0, repeated=5.0)
    weighing = Search(search.language_model, search.surprisal, search.dangling, weights)
    rarely = weighing.code(words, 3).kept
    left_out = next(i for i, w in enumerate(words) if i not in rarely and w.isalpha())
    word = words[left_out].lower()
    kept = weighing.code(words, 3, {word: 64}).kept
    assert word in [words[k].lower() for k in kept]
    # the usual weights ask for no such thing
    assert search.code(words, 3, {word: 64}) == search.code(words, 3)
