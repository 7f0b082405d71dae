import time
from itertools import combinations

import numpy as np
import pytest

from summarize.ngrams import END, START
from summarize.search import POSSESSIVE_COST, Choice, Search, train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences


@pytest.fixture(scope="module")
def search():
    return train_search(map(word_texts, documents(300)), map(word_texts, sentences(400)))


def slow_score(search, words, kept):
    """The score written down again, one word after the other."""
    w = search.weights
    worths = [
        w.surprisal * min(search.surprisal[number], w.surprisal_cap)
        - w.position * min(place, w.position_cap)
        for place, number in enumerate(search.language_model.numbers(words), start=1)
    ]
    return slow_sum(search, [(k, words[k], worths[k]) for k in kept])


def slow_sum(search, choices):
    """What words (place, text, worth) score together, one after the other."""
    model, w = search.language_model, search.weights
    numbers = np.concatenate([[START, START], model.numbers([choice[1] for choice in choices])])
    total, last = 0.0, None
    for i, (place, _, worth, *_) in enumerate(choices):
        a, b, c = (np.array([numbers[i + d]]) for d in range(3))
        _, backoff, _ = model.pairs(a, b)
        triple, found = model.triples(a, b, c)
        total += float(triple[0] if found[0] else backoff[0] + model.pairs(b, c)[0][0]) + worth
        total -= w.gap if last is not None and place > last + 1 else 0.0
        last = place
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


def test_of_several_words_for_a_place_the_best_is_chosen_and_never_two(search):
    words = word_texts(documents(1, seed=4)[0])[:7]
    others = {1: "opens", 3: "river", 4: "nobody"}
    choices = [
        Choice(place, text, worth)
        for place, word in enumerate(words)
        for text, worth in [(word, 1.0 + place % 3), (others.get(place), 2.5)]
        if text
    ]
    for n_words in (1, 3, 5):
        best = max(
            slow_sum(search, chosen)
            for chosen in combinations(choices, n_words)
            if len({choice.place for choice in chosen}) == n_words
        )
        code = search.chosen(choices, n_words)
        found = [choices[index] for index in code.kept]
        assert len({choice.place for choice in found}) == n_words
        assert code.score == pytest.approx(best, abs=1e-2)
        assert code.score == pytest.approx(slow_sum(search, found), abs=1e-2)
    with pytest.raises(ValueError, match="no 8 words"):
        search.chosen(choices, 8)


def test_a_bound_word_does_not_stay_without_the_one_before(search):
    words = word_texts("Anna opens not bridge")
    free = [Choice(place, word, 9.0 * (place != 2)) for place, word in enumerate(words)]
    bound = [choice._replace(bound=100.0 * (choice.place == 3)) for choice in free]
    assert search.chosen(free, 3).kept == (0, 1, 3)
    found = search.chosen(bound, 3).kept
    assert 3 not in found or 2 in found


def test_a_word_that_replaces_another_never_comes_soon_after_it(search):
    words = word_texts("Anna is now opening bridge")
    worths = [1.0, 20.0, 20.0, 1.0, 1.0]
    free = [*map(Choice, range(5), words, worths), Choice(3, "opens", 30.0)]
    free.sort(key=lambda choice: choice.place)
    apart = [choice._replace(without=1 if choice.text == "opens" else None) for choice in free]

    def said(choices, n_words):
        return [choices[i].text for i in search.chosen(choices, n_words).kept]

    assert {"is", "opens"} <= set(said(free, 3))
    for n_words in (2, 3, 4, 5):
        assert not {"is", "opens"} <= set(said(apart, n_words))
    assert "opens" in said(apart, 3)


def test_what_a_word_loses_at_the_end_counts_there_alone(search):
    words = word_texts("Anna opens bridge")
    free = list(map(Choice, range(3), words, [0.0, 5.0, 15.0]))
    lost = [choice._replace(ending=50.0 * (choice.place == 2)) for choice in free]
    assert search.chosen(free, 2).kept[-1] == 2
    assert search.chosen(lost, 2).kept == (0, 1)
    inside = [choice._replace(ending=50.0 * (choice.place == 1)) for choice in free]
    assert search.chosen(inside, 2) == search.chosen(free, 2)


def test_a_code_says_whose_only_if_it_says_what(search):
    plain, whose = word_texts("Anna opens bridge Bob"), word_texts("Anna opens bridge Bob's")
    difference = search.code(plain, 4).score - search.code(whose, 4).score
    assert difference == pytest.approx(POSSESSIVE_COST, abs=1e-2)

    def worth_it_takes(last):
        words = ["Anna", "opens", last]
        return next(
            worth
            for worth in range(40)
            if 2 in search.chosen(list(map(Choice, range(3), words, [9.0, 9.0, worth])), 2).kept
        )

    assert worth_it_takes("Bob's") - worth_it_takes("Bob") == POSSESSIVE_COST > 2
    both = word_texts("Anna opens Bob's bridge"), word_texts("Anna opens Bob bridge")
    scores = [search.code(words, 4).score for words in both]
    assert scores[0] == pytest.approx(scores[1], abs=1e-2)


def test_nothing_is_said_twice_where_something_else_can_be_said(search):
    words = word_texts("Bridge opens Anna bridge Bob river")
    liked = list(map(Choice, range(6), words, [9.0, 0.0, 1.0, 9.0, 1.0, 0.0]))
    for n_words in (2, 3, 4, 5):
        said = [words[i].lower() for i in search.chosen(liked, n_words).kept]
        assert len(said) == len(set(said)) == n_words
    assert search.chosen(liked, 6).kept == (0, 1, 2, 3, 4, 5)
    for code in search.codes(words * 3, [3, 5]):
        said = [(words * 3)[i].lower() for i in code.kept]
        assert len(said) == len(set(said))


def test_units_small_words_and_words_of_other_languages_may_come_twice(search):
    for text, twice in (
        ("Anna 3 bridge 4 bridge Bob", "bridge"),
        ("New River New Bridge Bob", "New"),
        ("of Anna of Bob", "of"),
        ("und Anna und Bob", "und"),
    ):
        words = text.split()
        worths = [50.0 * (word in (twice, "Bob")) for word in words]
        kept = search.chosen(list(map(Choice, range(len(words)), words, worths)), 3).kept
        assert [words[i] for i in kept] == [twice, twice, "Bob"]


def test_a_unit_needs_its_own_number_to_come_twice(search):
    words = word_texts("Anna 3 bridge river 4 bridge Bob")
    worths = [0.0, 9.0, 9.0, 0.0, -9.0, 9.0, 9.0]
    kept = search.chosen(list(map(Choice, range(7), words, worths)), 4).kept
    assert not (5 in kept and 4 not in kept and 2 in kept)


def test_what_is_searched_keeps_its_negation_too(search):
    words = word_texts("No bridge opens in Anna's town today")
    for n_words in (2, 3, 4):
        kept = search.code(words, n_words).kept
        assert 0 in kept or 1 not in kept


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
