import numpy as np
import pytest

from summarize.ngrams import END, START, UNKNOWN, NgramModel, form, train_ngrams
from summarize.text import word_texts
from tests.summarize.corpus import sentences


@pytest.fixture(scope="module")
def lines():
    return [word_texts(line) for line in sentences(400)]


@pytest.mark.parametrize("min_count", [1, 3, 20])
def test_probabilities_after_any_two_words_sum_to_one(lines, min_count):
    model = train_ngrams(lines, min_count)
    n = len(model.words) + 3
    every = np.array([i for i in range(n) if i != START])
    histories = [(START, START), (UNKNOWN, UNKNOWN)]
    histories += [(START, i) for i in range(3, 8)] + [(i, i + 1) for i in range(3, n - 1)]
    a, b = (
        np.array(x) for x in zip(*[model.numbers(line[:2]) for line in lines[:20]], strict=True)
    )
    histories += list(zip(a, b, strict=True))
    for first, second in histories:
        h1, h2 = np.full(len(every), first), np.full(len(every), second)
        _, backoff, _ = model.pairs(h1, h2)
        pair, _, _ = model.pairs(h2, every)
        triple, found = model.triples(h1, h2, every)
        total = np.exp(np.where(found, triple, backoff + pair)).sum()
        assert total == pytest.approx(1, abs=2e-3)


def test_what_was_seen_rarely_is_in_no_table(lines):
    model = train_ngrams([*lines, ["secret", "Anna", "opens"], ["secret", "Anna", "opens"]])
    assert "secret" not in model.words
    assert model.numbers(["secret"])[0] == UNKNOWN


def test_text_of_the_language_is_less_surprising_than_its_reverse(lines):
    model = train_ngrams(lines)
    new = [word_texts(line) for line in sentences(50, seed=1)]
    assert model.perplexity(new) * 3 < model.perplexity([line[::-1] for line in new])


def test_a_model_is_the_same_after_its_tensors_in_16_bits(lines):
    model = train_ngrams(lines)
    again = NgramModel.from_state(model.state())
    assert again.words == model.words
    for line in lines[:20]:
        assert np.allclose(again.line_log_probs(line), model.line_log_probs(line), atol=0.02)


def test_digits_and_possessives_are_one_form():
    assert form("Trump's") == "trump"
    assert form("$1,250.5") == "$0,000.0"


def test_a_line_ends_once(lines):
    assert len(train_ngrams(lines).line_log_probs(lines[0])) == len(lines[0]) + 1
    assert END == 2


def test_a_corpus_without_words_is_refused():
    with pytest.raises(ValueError, match="lines with words"):
        train_ngrams([[], []])
