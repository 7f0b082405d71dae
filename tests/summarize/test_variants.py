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
    "Rebels hit back",
    "Crash hits profit",
    "Profit rises after crash",
    "It may be over",
    "It was over, they were not",
    "It is over, they are not",
    "It doesn't matter",
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
    assert set(variants.forms["rose"]) == {"rise", "rises"}
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
        ("Police have not suspected *", []),
        ("Rebels are never suspecting *", []),
        ("He was killed *", []),
        ("Three suspected *", []),
        ("The suspected *", []),
        ("amid suspected *", []),
        ("Rebels killed * in May", ["kills"]),
        ("Rebels killed * by men", []),
        ("Police suspected * of fraud by men", ["suspect", "suspects"]),
        ("Shares rose * by a third", ["rise", "rises"]),
        ("The bank will *", ["to"]),
        ("Rebels to hit *", []),
        ("Rebels hit *", ["hits"]),
        ("Police are suspecting *", ["suspect"]),
        ("The bank is now suspecting *", ["suspects"]),
        ("The bank suspecting *", []),
        ("It was during *", []),
        ("Profit has risen *", ["rises"]),
        ("Shares have risen *", ["rise"]),
        ("Shares risen *", []),
        ("It was *", ["is"]),
        ("Shares were *", ["are"]),
        ("It might *", ["may"]),
        ("more than *", ["over"]),
        ("other than *", []),
        ("The following *", []),
        ("A crash following *", ["after"]),
        ("It does not *", ["doesn't"]),
        ("It may not *", []),
        ("New plan *", []),
    ],
)
def test_a_headline_may_put_otherwise_what_tells_something_and_nothing_else(
    variants, text, options
):
    row = text.replace(" *", "").split()
    place = text.split().index("*") - 1
    assert sorted(option.text for option in variants.options(row, place)) == options


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("The bank is now suspecting", "is"),
        ("Police have also suspected", "have"),
        ("Profit has risen", "has"),
        ("more than", "more"),
        ("It does not", "does"),
        ("Police suspected", None),
        ("A crash following", None),
    ],
)
def test_what_two_words_said_is_said_by_one(variants, text, left_out):
    row = text.split()
    (first, *_) = variants.options(row, len(row) - 1)
    assert first.without == (None if left_out is None else row.index(left_out))


@pytest.mark.parametrize(
    ("text", "agreeing"),
    [
        ("The bank suspected", "suspects"),
        ("The banks suspected", "suspect"),
        ("Police suspected", "suspect"),
        ("The banks late on Monday suspected", "suspect"),
        ("The bank on Monday also suspected", "suspects"),
        ("The boss suspected", "suspects"),
        ("Rebels who suspected", "suspect"),
        ("Suspected", None),
    ],
)
def test_a_present_agrees_with_its_subject(variants, text, agreeing):
    row = text.split()
    found = [option for option in variants.options(row, len(row) - 1) if option.agrees]
    assert [option.text for option in found] == ([agreeing] if agreeing else [])


def test_only_what_tells_counts_as_telling(variants):
    tells = {
        text: {option.tells for option in variants.options(text.split(), len(text.split()) - 1)}
        for text in ("Police suspected", "It was", "The bank will", "It might", "Profit has risen")
    }
    assert tells == {
        "Police suspected": {True},
        "It was": {False},
        "The bank will": {False},
        "It might": {False},
        "Profit has risen": {True},
    }


def test_a_model_that_has_never_read_to_offers_none():
    assert Variants(train_ngrams([["new", "plan"]] * 5)).options(["will"], 0) == []


def test_nothing_to_change_is_no_change(variants):
    assert variants.rewritten([["new", "plan"]], [[0, 1]]) == [{}]
    assert variants.rewritten([], []) == []
