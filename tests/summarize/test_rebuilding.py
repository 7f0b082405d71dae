import pytest

from summarize.metrics import lead
from summarize.rebuilding import reconstruction
from summarize.text import word_texts
from tests.summarize.corpus import documents


def test_a_code_that_names_things_rebuilds_more_than_one_that_does_not():
    texts = documents(150)
    telling = [" ".join(w for w in word_texts(t) if w[0].isupper() or w[-1] == "s") for t in texts]
    good = reconstruction(telling, texts)
    bad = reconstruction([lead(t, 0) for t in texts], texts)
    assert len(good.recall) == 50
    assert sum(good.recall) > sum(bad.recall)
    assert sum(good.nll) < sum(bad.nll)


def test_the_codes_of_other_documents_rebuild_less():
    texts = documents(150)
    rebuilt = reconstruction([lead(t, 12) for t in texts], texts)
    assert sum(rebuilt.shuffled_nll) > sum(rebuilt.nll)


def test_shuffling_costs_nothing_where_the_codes_say_nothing():
    texts = documents(150)
    rebuilt = reconstruction(["the same"] * len(texts), texts)
    assert rebuilt.shuffled_nll == pytest.approx(rebuilt.nll)


def test_too_few_documents_cannot_be_rebuilt():
    with pytest.raises(ValueError, match="at least 6"):
        reconstruction(["a"], ["a"])
