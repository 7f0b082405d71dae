"""Penalties against closed forms, and that every one is a value per example."""

import pytest
import torch

from shared import penalties


def test_the_divergence_of_a_standard_normal_is_zero():
    zeros = torch.zeros(3, 5)
    assert torch.equal(penalties.kl_normal(zeros, zeros), torch.zeros(3))


def test_the_divergence_agrees_with_torch_distributions():
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    normal = torch.distributions.Normal
    slow = torch.distributions.kl_divergence(
        normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0)
    ).sum(1)
    torch.testing.assert_close(penalties.kl_normal(mean, log_variance), slow)


def test_sparsity_is_zero_at_its_target_alone():
    assert float(penalties.kl_sparsity(torch.full((8, 4), 0.05), 0.05).abs().max()) < 1e-6
    assert float(penalties.kl_sparsity(torch.full((8, 4), 0.2), 0.05).min()) > 0.0


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_sparsity_outside_its_range_names_the_way_out(value):
    with pytest.raises(ValueError, match=r"sigmoid.*l1"):
        penalties.kl_sparsity(torch.full((2, 2), value))


def test_the_analytic_contraction_is_the_one_of_autograd():
    layer = torch.nn.Linear(6, 4)
    x = torch.randn(5, 6)
    analytic = penalties.contractive_sigmoid(torch.sigmoid(layer(x)), layer.weight)
    torch.testing.assert_close(
        analytic, penalties.contractive(lambda y: torch.sigmoid(layer(y)), x)
    )


def test_the_contraction_of_a_linear_map_is_the_norm_of_its_weight():
    layer = torch.nn.Linear(6, 4)
    norms = penalties.contractive(layer, torch.randn(3, 6))
    torch.testing.assert_close(norms, layer.weight.square().sum().expand(3))
    assert penalties.jacobian_norm(layer, torch.randn(3, 6)) == pytest.approx(
        float(layer.weight.detach().norm()), rel=1e-5
    )


def test_reconstruction_is_a_mean_over_elements_and_codes_are_summed():
    x = torch.zeros(2, 3, 4)
    assert penalties.reconstruction_error(x + 1, x).tolist() == [1.0, 1.0]
    assert penalties.squared_error(x + 1, x).tolist() == [12.0, 12.0]
    assert penalties.l1(torch.full((2, 5), -2.0)).tolist() == [10.0, 10.0]
    assert penalties.l2(torch.full((2, 5), -2.0)).tolist() == [20.0, 20.0]


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        penalties.reconstruction_error(torch.zeros(2, 1), torch.zeros(2, 4))
