import pytest

from summarize.ngrams import train_ngrams
from summarize.text import word_texts
from summarize.variants import Variants

LINES = [
    "Minister announces new plan",
    "Company announces record profit",
    "Bank names new chief",
    "Club names coach",
    "Police say man killed in crash",
    "Three killed in crash",
    "Army kills rebels",
    "Company announced its plan",
    "Firm named in report",
    "Shares rise on profit",
    "Shares rose",
    "Bank to buy rival",
    "Bank suspects fraud",
    "Banks suspect fraud",
    "Three men suspected of fraud",
]


@pytest.fixture(scope="module")
def variants():
    return Variants(train_ngrams([word_texts(line) for line in LINES * 5]))


def rewritten(variants, text, kept):
    row = word_texts(text)
    (changed,) = variants.rewritten([row], [kept])
    return " ".join(changed.get(j, row[k]) for j, k in enumerate(kept))


def test_a_past_becomes_the_present_that_headlines_prefer(variants):
    text = "Yesterday the company announced a new plan"
    assert rewritten(variants, text, [2, 3, 5, 6]) == "company announces new plan"


def test_a_participle_stays(variants):
    assert rewritten(variants, "Three people were killed in the crash", [0, 3, 4, 6]) == (
        "Three killed in crash"
    )


def test_a_word_whose_present_nobody_wrote_stays(variants):
    assert rewritten(variants, "The company acquired a bank", [1, 2, 4]) == "company acquired bank"


def test_only_pasts_have_variants_and_no_name_is_one(variants):
    assert set(variants.forms["rose"]) == {"rise"}
    assert set(variants.forms["announced"]) == {"announces"}
    assert "plan" not in variants.forms
    assert "company" not in variants.forms


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("The company announced *", ["announces"]),
        ("Police suspected *", ["suspect", "suspects"]),
        ("Police now suspected *", ["suspect", "suspects"]),
        ("The bank has suspected *", ["suspects"]),
        ("Police have also suspected *", ["suspect"]),
        ("He was not suspected *", []),
        ("He was killed *", []),
        ("Three suspected *", []),
        ("The suspected *", []),
        ("The bank will *", ["to"]),
        ("New plan *", []),
    ],
)
def test_only_a_verb_that_tells_something_may_be_put_otherwise(variants, text, options):
    row = text.removesuffix(" *").split()
    assert sorted(variants.options(row, len(row) - 1)) == options


def test_a_model_that_has_never_read_to_offers_none():
    assert Variants(train_ngrams([["new", "plan"]] * 5)).options(["will"], 0) == []


def test_nothing_to_change_is_no_change(variants):
    assert variants.rewritten([["new", "plan"]], [[0, 1]]) == [{}]
    assert variants.rewritten([], []) == []
