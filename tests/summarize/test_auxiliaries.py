import pytest

from summarize.auxiliaries import negates, verb_group


@pytest.mark.parametrize(
    ("text", "is_negated"),
    [
        ("It is not over *", True),
        ("It was never really over *", True),
        ("It could not have been over *", True),
        ("It isn't over *", True),
        ("Few banks *", True),
        ("It is over *", False),
        ("It is not the bank *", False),
    ],
)
def test_what_a_negation_reaches_is_known(text, is_negated):
    row = text.split()[:-1]
    assert negates(row, len(row) - 1) == is_negated


def test_a_verb_is_known_with_its_auxiliaries_and_what_comes_before_them():
    row = ["The", "bank", "has", "now", "not", "fully", "been", "suspected"]
    group = verb_group(row, len(row) - 1)
    assert [row[i] for i in group.auxiliaries] == ["been", "has"]
    assert group.is_negated
    assert (group.before, group.place) == ("bank", 1)
    assert verb_group(["suspected"], 0) == ((), False, "", -1)
