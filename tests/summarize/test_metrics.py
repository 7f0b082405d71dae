import numpy as np
import pytest

from summarize import metrics

DOCUMENT = "The mayor of Springfield, Anna Jones, said on Monday that 12 bridges would close."


def test_a_bootstrap_interval_holds_its_mean_and_shrinks_with_more_values():
    few, many = (metrics.bootstrap([0.0, 1.0] * n) for n in (5, 500))
    assert few.low <= few.mean == 0.5 <= few.high
    assert many.high - many.low < few.high - few.low
    with pytest.raises(ValueError, match="at least one"):
        metrics.bootstrap([])


def test_rouge_of_a_text_with_itself_is_100_and_stems_match():
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    assert metrics.rouge(["Bridges close"], ["Bridges close"])["rouge2"] == [100]
    assert metrics.rouge(["bridge closes"], ["bridges close"])["rouge1"] == [100]


def test_a_lead_has_the_words_asked_for():
    assert metrics.lead(DOCUMENT, 4) == "The mayor of Springfield"


def test_copied_words_are_not_novel_and_others_are():
    assert metrics.novel("Mayor said", DOCUMENT) == 0
    assert metrics.novel("mayor shuts bridges", DOCUMENT) == pytest.approx(1 / 3)
    assert metrics.novel("Mayor said", DOCUMENT, order=2) == 1


def test_invented_names_and_numbers_are_counted():
    assert metrics.protected_words("mayor of Springfield closes 12", DOCUMENT) == (2, 2)
    assert metrics.protected_words("mayor of Shelbyville closes 13", DOCUMENT) == (0, 2)


def test_a_first_word_may_be_capital():
    assert metrics.protected_words("Bridges close", DOCUMENT) == (0, 0)
    assert metrics.protected_words("NATO closes", DOCUMENT) == (0, 1)


def test_saying_a_content_word_twice_is_repetition():
    assert metrics.repetition("bridges close and close") == pytest.approx(1 / 3)
    assert metrics.repetition("the of the") == 0


def test_a_function_word_at_the_end_dangles():
    assert metrics.is_dangling("Bridges close on")
    assert not metrics.is_dangling("Bridges close")
    assert not metrics.is_dangling("")


def test_the_lead_overlaps_itself_entirely():
    assert metrics.lead_overlap(metrics.lead(DOCUMENT, 5), DOCUMENT) == 1
    assert metrics.lead_overlap("bridges would close", DOCUMENT) == 0


def test_equal_summaries_are_less_distinct_and_more_alike():
    same, different = ["a b c d e"] * 4, ["a b c d e", "f g h i j", "k l m n o", "p q r s t"]
    assert metrics.distinct(same) < metrics.distinct(different) == 1
    assert metrics.self_bleu(same) > 0.9 > 0.2 > metrics.self_bleu(different)


def test_a_cut_text_keeps_its_punctuation_and_its_first_words():
    assert metrics.cut(DOCUMENT, 6) == "The mayor of Springfield, Anna Jones,"
    assert metrics.cut("One. Two! (Three)", 2) == "One. Two!"
    assert metrics.cut("中文。字", 3) == "中文。字"


def test_a_sentence_without_its_end_or_with_a_word_that_hangs_is_not_whole():
    assert metrics.whole_sentences("Bridges close. The mayor is") == (1, 2)
    assert metrics.whole_sentences("Bridges close on. The mayor left.") == (1, 2)
    assert metrics.whole_sentences("") == (0, 0)


def test_a_title_is_covered_by_its_content_words_stemmed():
    pytest.importorskip("rouge_score", reason="rouge-score is in the eval extra")
    assert metrics.coverage("The bridge closes in Springfield", "Springfield bridges") == (
        pytest.approx(2 / 3)
    )
    assert metrics.coverage("What is this", "anything") == 1


def test_a_resampled_statistic_of_two_systems_is_computed_from_the_same_items():
    own, other = np.arange(10.0), np.arange(10.0) + 1
    both = metrics.resampled(lambda i: float((other[i] - own[i]).mean()), 10)
    assert both.low == both.mean == both.high == 1
