import pytest

from summarize.evaluate import Pair
from summarize.evaluate_long import judge_long
from summarize.inference import Summarizer
from summarize.search import train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences

pytest.importorskip("sumy", reason="sumy is in the eval extra")
pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")


def test_articles_are_judged_at_the_same_length_and_our_sentences_are_whole():
    search = train_search(map(word_texts, documents(100)), map(word_texts, sentences(200)))
    articles = [Pair(" ".join(documents(8, seed=i)), sentences(1, seed=i)[0]) for i in range(12)]
    table = judge_long(articles, Summarizer(search), 30)
    assert set(table) == {"search-30", "lead-30", "TextRank-30", "LexRank-30"}
    assert {row["words"].mean for row in table.values()} == {30}
    assert table["search-30"]["whole"].mean == 100
    # cut in the middle of a sentence
    assert table["lead-30"]["whole"].mean < 100
    assert all(0 <= row["coverage"].mean <= 100 for row in table.values())
