import pytest

from summarize.verbs import present_of_participle, present_of_past, present_of_progressive

# with words that a wrong rule of spelling would take
WORDS = """
    note notes not nots care cares car cars hope hopes hop hops plan plans kill kills kil kils
    deny denies visit visits visite tease teases teas announce announces focus focuses pass
    passes echo echoes play plays fix fixes show shows stare stares star stars sit sits site
    sites run runs breathe breathes breath breaths agree agrees go goes say says make makes have
    has die dies give gives talent talents unit units invite invites invit invits
"""
KNOWN = frozenset(WORDS.split())


@pytest.mark.parametrize(
    ("past", "singular"),
    [
        ("noted", "notes"),
        ("cared", "cares"),
        ("hoped", "hopes"),
        ("planned", "plans"),
        ("killed", "kills"),
        ("denied", "denies"),
        ("visited", "visits"),
        ("invited", "invites"),
        ("teased", "teases"),
        ("announced", "announces"),
        ("focused", "focuses"),
        ("passed", "passes"),
        ("echoed", "echoes"),
        ("played", "plays"),
        ("fixed", "fixes"),
        ("showed", "shows"),
        ("agreed", "agrees"),
        ("said", "says"),
        ("died", "dies"),
    ],
)
def test_a_past_has_the_present_of_its_own_verb(past, singular):
    assert present_of_past(past, KNOWN).singular == singular


@pytest.mark.parametrize(
    ("word", "singular"),
    [("staring", "stares"), ("sitting", "sits"), ("running", "runs"), ("breathing", "breathes")],
)
def test_so_has_a_progressive(word, singular):
    assert present_of_progressive(word, KNOWN).singular == singular


def test_a_participle_has_it_too_whether_or_not_it_is_the_past():
    assert present_of_participle("gone", KNOWN) == ("go", "goes")
    assert present_of_participle("given", KNOWN) == ("give", "gives")
    assert present_of_participle("made", KNOWN) == ("make", "makes")
    assert present_of_past("gone", KNOWN) is None


@pytest.mark.parametrize("word", ["talented", "united", "plan", "hundred", "acquired", "bed"])
def test_what_is_no_past_of_a_known_verb_has_none(word):
    assert present_of_past(word, KNOWN) is None


@pytest.mark.parametrize("word", ["during", "evening", "making it", "king", "willing"])
def test_what_is_no_progressive_of_a_known_verb_has_none(word):
    assert present_of_progressive(word, KNOWN) is None
