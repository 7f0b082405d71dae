import pytest

from summarize.ngrams import train_ngrams
from summarize.text import word_texts
from summarize.variants import Variants

LINES = [
    "Minister announces new plan",
    "Ministers announce new plan",
    "Company announces record profit",
    "Bank names new chief",
    "Clubs name coach",
    "Club names coach",
    "Police say man killed in crash",
    "Three killed in crash",
    "Army kills rebels",
    "Armies kill rebels",
    "Company announced its plan",
    "Firm named in report",
    "Shares rise on profit",
    "Shares rose",
    "Profit rises after crash",
    "Bank to buy rival",
    "Bank suspects fraud",
    "Banks suspect fraud",
    "Three men suspected of fraud",
    "Rebels hit back",
    "Crash hits profit",
    "It may be over",
    "It was over, they were not",
    "It is over, they are not",
    "It doesn't matter",
    "Judges note it, judge notes it, noted",
    "They have more cases than it has",
    "They have arms, it arms them, they arm it",
    "Cash was about to buy it like that",
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


def test_a_code_is_rewritten_by_the_same_rules(variants):
    for text, kept in (
        ("They plan to hit the bank", [0, 1, 3, 5]),
        ("The bank did not announce a plan", [1, 4, 6]),
        ("Rebels killed by the army", [0, 1, 4]),
    ):
        row = word_texts(text)
        assert rewritten(variants, text, kept) == " ".join(row[k] for k in kept)


def test_only_pasts_have_presents_and_no_name_is_one(variants):
    assert variants.forms["rose"] == ("rise", "rises")
    assert variants.forms["announced"] == ("announce", "announces")
    assert variants.forms["noted"] == ("note", "notes")
    assert "plan" not in variants.forms
    assert "company" not in variants.forms


def offered(variants, text):
    """The options for the word before the star."""
    words = text.split()
    place = words.index("*") - 1
    return variants.options([word for word in words if word != "*"], place)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("The company announced * a plan", ["announce", "announces"]),
        ("The company announced * on Monday a plan", ["announce", "announces"]),
        ("Police now suspected * fraud", ["suspect", "suspects"]),
        ("The bank has suspected * fraud", ["suspects"]),
        ("Police have also suspected * fraud", ["suspect"]),
        ("Police had suspected * fraud", ["suspect"]),
        ("Profit has risen *", ["rises"]),
        ("Shares have risen *", ["rise"]),
        ("Police are suspecting * fraud", ["suspect"]),
        ("The bank is now suspecting * fraud", ["suspects"]),
        ("Shares rose * by a third", ["rise", "rises"]),
        ("Rebels hit * the bank", ["hits"]),
        ("It was * over", ["is"]),
        ("Shares were * over", ["are"]),
        ("The bank will * buy it", ["to"]),
    ],
)
def test_what_tells_something_may_be_told_in_the_present(variants, text, options):
    assert sorted(option.text for option in offered(variants, text)) == options


@pytest.mark.parametrize(
    "text",
    [
        # participles, with an auxiliary and without one
        "He was killed * there",
        "Three suspected * men",
        "1,200 suspected * men",
        "The suspected * men",
        "amid suspected * fraud",
        "Rebels killed * in May",
        "Rebels killed * by men",
        "Rebels killed * late on Monday in Paris",
        "Shares risen *",
        "Police have armed * men",
        # negated, in whatever way
        "Police have not suspected * fraud",
        "Police have not really suspected * fraud",
        "Police could not have suspected * fraud",
        "Police weren't suspecting * fraud",
        "Rebels are never suspecting * fraud",
        "It won't hit * profit",
        "The bank will * not buy it",
        "Rebels killed * two years ago",
        "Rebels killed * last week in Paris",
        "Rebels killed * were three",
        "Rebels killed * announced a plan",
        "Rebels killed * last week wept",
        "Rebels killed * off",
        # not what happened
        "Shares would * rise if Police suspected fraud",
        "It was * over from 1990 to 1995",
        "They would have suspected * fraud",
        "If Police suspected * fraud",
        "Rebels to hit * the bank",
        "They will * buy it",
        "his will * was over",
        # no verb, or nobody's
        "The bank suspecting * fraud",
        "The aim is suspecting * fraud",
        "It was during * it",
        "New plan *",
        # the auxiliary is so far away that both might be kept
        "The bank is also now just suspecting * fraud",
        # no English
        "Die Kanzlerin will * die Steuern im Herbst senken",
    ],
)
def test_in_doubt_nothing_is_offered(variants, text):
    assert offered(variants, text) == []


@pytest.mark.parametrize(
    ("text", "option", "left_out"),
    [
        ("The bank is now suspecting * fraud", "suspects", "is"),
        ("Police have also suspected * fraud", "suspect", "have"),
        ("more than * 100 men", "over", "more"),
        ("It does not * matter", "doesn't", "does"),
        ("Cash such as * coins", "like", "such"),
    ],
)
def test_what_two_words_said_is_said_by_one(variants, text, option, left_out):
    (found,) = offered(variants, text)
    assert (found.text, found.without) == (option, text.split().index(left_out))


@pytest.mark.parametrize(
    "text",
    [
        "no more than * 100 men",
        "more than * willing",
        "It does not * only matter",
        "other than * 100",
    ],
)
def test_two_words_that_mean_something_else_stay(variants, text):
    assert offered(variants, text) == []


def test_a_shorter_word_stands_only_where_the_longer_one_is_what_it_seems(variants):
    assert [o.text for o in offered(variants, "It was approximately * three")] == ["about"]
    assert offered(variants, "has a large following * among men") == []
    assert [o.text for o in offered(variants, "It was a crash following * a crash")] == ["after"]


@pytest.mark.parametrize(
    ("text", "agreeing"),
    [
        ("The bank suspected * fraud", {"suspects"}),
        ("The banks suspected * fraud", {"suspect"}),
        ("Police suspected * fraud", {"suspect"}),
        ("The banks late on Monday suspected * fraud", {"suspect"}),
        ("The bank on Monday also suspected * fraud", {"suspects"}),
        ("The boss suspected * fraud", {"suspects"}),
        ("The news suspected * fraud", {"suspects"}),
        ("Rebels who suspected * fraud", {"suspect", "suspects"}),
        ("The head of two banks suspected * fraud", {"suspects"}),
        ("The banks in the report suspected * fraud", {"suspect"}),
        ("The banks rose but suspected * fraud", {"suspect", "suspects"}),
        ("The heads of the bank suspected * fraud", {"suspect"}),
        ("James suspected * fraud", {"suspect", "suspects"}),
    ],
)
def test_a_present_agrees_with_its_subject(variants, text, agreeing):
    found = offered(variants, text)
    assert {option.text for option in found} == {"suspect", "suspects"}
    assert {option.text for option in found if option.agrees} == agreeing


def test_only_what_tells_counts_as_telling(variants):
    texts = ("Police suspected * fraud", "It was * over", "The bank will * buy", "It has risen *")
    tells = [{option.tells for option in offered(variants, text)} for text in texts]
    assert tells == [{True}, {False}, {False}, {True}]


def test_a_model_that_has_never_read_to_offers_none():
    variants = Variants(train_ngrams([["new", "plan"]] * 5))
    assert variants.options(["Bank", "will", "buy"], 1) == []


def test_nothing_to_change_is_no_change(variants):
    assert variants.rewritten([["new", "plan"]], [[0, 1]]) == [{}]
    assert variants.rewritten([], []) == []
