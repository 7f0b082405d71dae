"""Corruptions: their rates, their limits, and that they leave the original alone."""

import pytest
import torch

from shared.corruption import add_gaussian, corruption, mask, salt_and_pepper

X = torch.linspace(0.1, 0.9, 4000).view(40, 100)


def test_masking_at_rate_zero_changes_nothing():
    assert torch.equal(mask(X, 0.0), X)


def test_masking_at_rate_one_leaves_nothing():
    assert not mask(X, 1.0).any()


def test_masking_hits_the_wanted_share_and_keeps_the_rest():
    masked = mask(X, 0.3)
    assert (masked == 0).float().mean() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(masked[masked != 0], X[masked != 0])


def test_gaussian_noise_has_the_wanted_deviation():
    assert (add_gaussian(X, 0.3) - X).std() == pytest.approx(0.3, rel=0.05)


def test_salt_and_pepper_are_equally_frequent():
    spoilt = salt_and_pepper(X, 0.4)
    assert (spoilt == 0).float().mean() == pytest.approx(0.2, abs=0.03)
    assert (spoilt == 1).float().mean() == pytest.approx(0.2, abs=0.03)


def test_the_original_stays_as_it_was():
    before = X.clone()
    for kind in ("masking", "gaussian", "salt_and_pepper"):
        corruption(kind, 0.5)(X)
    assert torch.equal(X, before)


def test_a_generator_makes_it_repeatable():
    first, second = (mask(X, 0.5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("kind", "level"), [("masking", 1.1), ("masking", -0.1), ("gaussian", -1.0), ("blur", 0.1)]
)
def test_a_wrong_kind_or_level_is_refused(kind, level):
    with pytest.raises(ValueError, match=r"must (be|not be)"):
        corruption(kind, level)
