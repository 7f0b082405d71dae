import pytest

from summarize.rankers import first_sentences, rankers
from summarize.text import count_words, split_sentences
from tests.summarize.corpus import documents

pytest.importorskip("sumy", reason="sumy is in the eval extra")
TEXT = " ".join(documents(12))


@pytest.mark.parametrize("name", ["TextRank", "LexRank"])
def test_sentences_of_the_text_are_chosen(name):
    chosen = list(split_sentences(rankers()[name](TEXT, 3)))
    assert len(chosen) == 3
    assert set(chosen) <= set(split_sentences(TEXT))


@pytest.mark.parametrize("name", ["TextRank", "LexRank"])
def test_one_sentence_or_none_is_returned_as_it_is(name):
    assert rankers()[name]("Nothing to rank here.", 3) == "Nothing to rank here."
    assert rankers()[name]("...", 1) == "..."


def test_enough_sentences_are_taken_for_the_words_wanted():
    rank = rankers()["TextRank"]
    for n_words in (1, 20, 60, 10_000):
        chosen = first_sentences(rank, TEXT, n_words)
        assert count_words(chosen) >= min(n_words, count_words(TEXT))
    assert first_sentences(rank, TEXT, 10_000) == TEXT
