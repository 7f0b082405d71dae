"""Thresholds keep their promise; AUROC agrees with counting."""

import pytest
import torch

from shared.anomaly import Normality, auroc, fit_threshold


def test_new_clean_examples_raise_the_alarm_at_the_wanted_rate():
    threshold = fit_threshold(torch.randn(2000), 0.1)
    assert threshold.is_odd(torch.randn(20000)).float().mean() == pytest.approx(0.1, abs=0.02)


def test_the_threshold_is_conservative_on_few_examples():
    assert fit_threshold(torch.arange(19.0), 0.05).value == 18.0
    with pytest.raises(ValueError, match="at least 19 clean examples, got 18"):
        fit_threshold(torch.arange(18.0), 0.05)


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match="false-alarm rate"):
        fit_threshold(torch.arange(100.0), rate)


def test_auroc_counts_pairs_and_ties_half():
    clean, odd = torch.randint(0, 5, (30,)).float(), torch.randint(2, 7, (20,)).float()
    pairs = (odd[:, None] > clean) + 0.5 * (odd[:, None] == clean)
    assert auroc(clean, odd) == pytest.approx(float(pairs.float().mean()))
    assert auroc(torch.zeros(3), torch.ones(3)) == 1.0
    assert auroc(torch.ones(3), torch.ones(3)) == 0.5


def test_typical_features_have_an_error_of_one_and_odd_ones_more():
    clean = torch.randn(500, 6) @ torch.randn(6, 6)
    normality = Normality.fit(clean, shrinkage=0.0)
    assert float(normality.error(clean).mean()) == pytest.approx(1.0, rel=0.02)
    assert float(normality.error(clean.mean(0, keepdim=True) + 100).min()) > 10
    with pytest.raises(ValueError, match=r"\(n, 6\)"):
        normality.error(torch.zeros(2, 5))
