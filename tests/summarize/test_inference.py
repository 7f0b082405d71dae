import random

import pytest

import summarize
from summarize.inference import LONGEST_CODE, Summarizer, Summary
from summarize.packaged import WEIGHTS
from summarize.text import count_words, normalise, word_texts
from tests.summarize.corpus import documents, searching


@pytest.fixture(scope="module")
def summarizer():
    return searching()


@pytest.fixture(scope="module")
def article():
    return " ".join(documents(60, seed=2))


@pytest.mark.parametrize("n_words", range(1, 20))
def test_a_sentence_is_cut_to_exactly_the_words_asked_for(summarizer, n_words):
    summary = summarizer.summarize(documents(1, seed=4)[0], n_words)
    assert summary.n_words == count_words(summary.text) == n_words


@pytest.mark.parametrize("n_words", [1, 5, 10, 31, 40, 80, 333])
def test_a_long_document_is_cut_to_exactly_the_words_asked_for(summarizer, article, n_words):
    summary = summarizer.summarize(article, n_words)
    assert summary.n_words == count_words(summary.text) == n_words
    assert max(len(code.kept) for code in summary.codes) <= LONGEST_CODE


def test_sentences_come_in_the_order_of_the_document_and_once(summarizer, article):
    places = [code.sentence for code in summarizer.summarize(article, 80).codes]
    assert places == sorted(set(places))
    assert len(places) > 3


def test_as_many_sentences_as_asked_for(summarizer, article):
    summary = summarizer.summarize(article, sentences=5)
    assert len(summary.codes) == 5
    assert summary.text.count(".") == 5


def test_a_ratio_is_of_the_words(summarizer, article):
    assert summarizer.summarize(article, ratio=0.1).n_words == round(0.1 * count_words(article))


def test_every_word_of_a_summary_is_in_the_source(summarizer, article):
    source = {word.lower() for word in word_texts(article)}
    assert {word.lower() for word in word_texts(summarizer.summarize(article, 60).text)} <= source


def test_a_sentence_said_twice_is_summarised_once(summarizer):
    first, second, third = documents(3, seed=8)
    text = " ".join([first] * 3 + [second] + [first] * 3 + [third])
    codes = summarizer.summarize(text, sentences=3).codes
    assert len({code.text for code in codes}) == 3


def test_a_short_text_is_returned_whole_and_says_so(summarizer):
    summary = summarizer.summarize("Nobody was hurt.", words=10)
    assert summary.text == "Nobody was hurt."
    assert summary.is_whole
    assert not summarizer.summarize(documents(1)[0], words=10).is_whole


def test_what_was_lost_is_in_the_source_and_not_in_the_summary(summarizer):
    document = documents(1, seed=6)[0]
    summary = summarizer.summarize(document, 5)
    assert summary.lost
    assert set(summary.lost) <= set(word_texts(document))
    assert not set(summary.lost) & set(word_texts(summary.text))


def test_a_list_of_texts_gives_the_summaries_of_each(summarizer):
    texts = documents(3)
    together = summarizer.summarize(texts, 7)
    assert [s.text for s in together] == [summarizer.summarize(t, 7).text for t in texts]


@pytest.mark.parametrize(
    "budget",
    [
        {"words": 0},
        {"words": -3},
        {"sentences": 0},
        {"ratio": 0.0},
        {"ratio": 1.5},
        {"words": 3, "ratio": 0.1},
    ],
)
def test_a_budget_that_cannot_be_met_is_refused(summarizer, budget):
    with pytest.raises(ValueError, match=r"must be|one budget"):
        summarizer.summarize("Some words to shorten", **budget)


def test_an_empty_text_is_refused(summarizer):
    with pytest.raises(ValueError, match="empty"):
        summarizer.summarize(" \n\t ")


def test_a_preset_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no preset"):
        Summarizer.from_pretrained(preset="poetry")


def test_saved_weights_are_loaded_from_their_folder_or_the_one_above(summarizer, tmp_path):
    summarizer.search.save(tmp_path / "search")
    text = documents(1)[0]
    for folder in (tmp_path, tmp_path / "search"):
        assert Summarizer.from_pretrained(folder).summarize(text).text == (
            summarizer.summarize(text).text
        )


def test_weights_of_another_version_are_refused(summarizer, tmp_path):
    folder = summarizer.search.save(tmp_path / "search")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match="format 99"):
        Summarizer.from_pretrained(folder)


def odd_text(generator: random.Random) -> str:
    """Text that nobody planned for."""
    alphabet = generator.choice(
        [
            "ab c",
            "a.b! ?",
            "🎉🙂 x",
            "中文。字 ",
            "<p>&;/ ",
            "\t\n a",
            "—–'\"",
            "1$%. ",
            "é\u0301\u200b ",
        ]
    )
    return "".join(generator.choices(alphabet, k=generator.choice([1, 3, 20, 200, 1000])))


def fuzz(summarizer: Summarizer, n: int) -> None:
    generator = random.Random(0)
    for _ in range(n):
        text = odd_text(generator)
        words = generator.choice([1, 4, 10, 30, 100])
        if not normalise(text):  # nothing but space and invisible characters
            with pytest.raises(ValueError, match="empty"):
                summarizer.summarize(text, words)
            continue
        summary = summarizer.summarize(text, words)
        assert isinstance(summary, Summary)
        assert summary.text
        assert summary.is_whole or count_words(summary.text) == words


def test_odd_texts_raise_nothing_and_give_something(summarizer):
    fuzz(summarizer, 60)


@pytest.mark.slow
def test_two_thousand_odd_texts_raise_nothing_and_give_something(summarizer):
    fuzz(summarizer, 2000)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["a", "word ", "好", "🎉", "x."])
def test_an_endless_line_is_summarised(summarizer, unit):
    assert summarizer.summarize(unit * (1_000_000 // len(unit)), 10).text


def test_the_packaged_weights_summarise_to_the_word_and_are_small():
    summarizer = Summarizer.from_pretrained()
    text = (
        "The mayor of Springfield said on Monday that 12 bridges in the north of the city would be "
        "closed for repairs until spring after engineers found cracks in their concrete pillars."
    )
    for n_words in (4, 8, 12):
        assert count_words(summarizer.summarize(text, n_words).text) == n_words
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*")) < 25e6


def test_of_a_long_text_the_sentence_about_what_returns_is_coded_where_weights_ask():
    search = searching().search
    search.weights = search.weights._replace(surprisal=0.0, position=0.0, repeated=2.0)
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    others = [" ".join(next(letters) * 5 for _ in range(6)) + "." for _ in range(4)]
    text = " ".join([*others, "Once more the zeppelin flies over town.", "It is a zeppelin."])
    assert "zeppelin" in Summarizer(search).summarize(f"{text} A zeppelin!", 5).text.lower()


def test_a_heading_and_what_stands_below_it_are_not_one_sentence(summarizer):
    text = documents(1, seed=4)[0]
    with_heading = summarizer.summarize(f"Quarterly news\n\n{text}", 7)
    assert with_heading.text == summarizer.summarize(text, 7).text
    assert [code.sentence for code in with_heading.codes] == [1]


def test_the_package_gives_what_the_readme_imports():
    assert summarize.Summarizer is Summarizer
    assert not hasattr(summarize, "Summariser")
