import pytest

from summarize.evaluate import Pair
from summarize.evaluate_long import closed_sentences, judge_long
from summarize.inference import Summarizer
from summarize.search import train_search
from summarize.text import word_texts
from tests.summarize.corpus import documents, sentences

SOURCE = "The river rose by two metres on Monday, the mayor said. Two metres of water stand there"


@pytest.fixture(scope="module")
def table():
    pytest.importorskip("sumy", reason="sumy is in the eval extra")
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    search = train_search(map(word_texts, documents(100)), map(word_texts, sentences(200)))
    articles = [Pair(" ".join(documents(8, seed=i)), sentences(1, seed=i)[0]) for i in range(12)]
    return judge_long(articles, Summarizer(search), 30)


def test_articles_are_judged_at_the_same_length_and_our_sentences_are_whole(table):
    assert set(table) == {"search-30", "lead-30", "TextRank-30", "LexRank-30"}
    assert {row["words"].mean for row in table.values()} == {30}
    assert table["search-30"]["whole"].mean == 100
    # cut in the middle of a sentence
    assert table["lead-30"]["whole"].mean < 100
    assert all(0 <= row["coverage"].mean <= 100 for row in table.values())


def test_gains_over_the_lead_are_differences_of_the_means_and_the_lead_has_none(table):
    lead = table["lead-30"]
    for name, row in table.items():
        for column in ("coverage", "recall"):
            if name == "lead-30":
                assert f"{column}_gain" not in row
            else:
                gain = row[f"{column}_gain"].mean
                assert gain == pytest.approx(row[column].mean - lead[column].mean)


@pytest.mark.parametrize(
    ("summary", "closed"),
    [
        ("The river rose on Monday. The mayor said.", 2),
        # "two metres" goes on in the source, and so does "rose"
        ("The river rose by two metres. The river rose.", 0),
        ("River rose on Monday. Two metres of water", 1),
        # two words that do not stand side by side there: the last one alone counts
        ("Metres Monday. Metres mayor.", 1),
        ("Two metres of water stand there.", 1),
        ("...", 0),
    ],
)
def test_a_sentence_is_closed_where_the_source_has_a_mark_after_its_last_words(summary, closed):
    assert closed_sentences(summary, SOURCE)[0] == closed


def test_a_document_closes_all_of_its_own_sentences_and_a_cut_opens_the_last():
    assert closed_sentences(SOURCE, SOURCE) == (2, 2)
    assert closed_sentences("The river rose by two", SOURCE) == (0, 1)
