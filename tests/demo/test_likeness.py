"""How close a result is, from codes whose answer is known."""

import pytest
import torch

from demo.likeness import described, likeness

A, B = torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 3.0, 0.0])
KNOWN = torch.eye(3) - 1 / 3  # three voices around 0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_result_on_the_straight_way_is_told_its_place_on_it(share):
    found = likeness(A, B, torch.lerp(A, B, share), KNOWN)
    assert found.towards == pytest.approx(share, abs=1e-5)
    assert found.left == pytest.approx(1 - share, abs=1e-5)


def test_what_is_of_neither_voice_counts_for_neither():
    found = likeness(A, B, torch.tensor([0.5, 1.5, 9.0]), KNOWN)
    assert found.left == pytest.approx(0.25, abs=1e-5)


def test_what_all_voices_share_is_not_taken_for_what_is_left_of_a():
    everyone = torch.tensor([10.0, 10.0, 10.0])
    found = likeness(A + everyone, B + everyone, B + everyone, KNOWN + everyone)
    assert found.left == pytest.approx(0, abs=1e-4)


def test_without_known_voices_nothing_is_said_about_what_is_left():
    found = likeness(A, B, B, torch.zeros(0, 3))
    assert found.left is None
    assert "left" not in described(found)


def test_the_words_follow_the_way():
    said = [described(likeness(A, B, torch.lerp(A, B, s), KNOWN)) for s in (0, 0.3, 0.5, 0.7, 1)]
    assert len(set(said)) == 5
    assert "hardly different from A (0 %" in said[0]
    assert "very close to B (100 %" in said[-1]
    assert all("own ear" in text for text in said)


def test_two_voices_that_are_the_same_are_said_to_be():
    assert "nearly the same voice" in described(likeness(A, A * 1.01, A, KNOWN))


def test_a_result_beyond_b_is_not_more_than_all_of_it():
    assert "100 % of the way" in described(likeness(A, B, B + (B - A), KNOWN))
