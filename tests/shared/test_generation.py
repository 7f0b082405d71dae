"""Priors give back the distribution they were fitted to; ways and grids hit their ends."""

import pytest
import torch

from shared.generation import GaussianPrior, MixturePrior, grid, interpolate


def test_samples_have_the_mean_and_covariance_of_the_codes():
    codes = torch.randn(4000, 3) @ torch.tensor([[2.0, 1, 0], [0, 1, 0], [0, 0, 0.5]]) + 3
    samples = GaussianPrior.fit(codes).sample(20000)
    torch.testing.assert_close(samples.mean(0), codes.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(samples.T.cov(), codes.T.cov(), atol=0.3, rtol=0)


def test_fewer_codes_than_dimensions_are_sampled_in_their_own_subspace():
    codes = torch.randn(4, 50)
    prior = GaussianPrior.fit(codes)
    assert prior.axes.shape == (3, 50)
    torch.testing.assert_close(
        prior.from_coordinates(prior.coordinates(codes)), codes, atol=1e-4, rtol=0
    )


def test_a_spread_of_zero_is_the_mean():
    prior = GaussianPrior.fit(torch.randn(9, 4))
    torch.testing.assert_close(prior.sample(2, spread=0.0), prior.mean.expand(2, 4))


def test_a_prior_survives_its_state():
    prior = GaussianPrior.fit(torch.randn(9, 4), n_axes=2)
    again = GaussianPrior.from_state(prior.state())
    first, second = (
        p.sample(3, generator=torch.Generator().manual_seed(1)) for p in (prior, again)
    )
    assert torch.equal(first, second)


def test_a_mixture_survives_its_state():
    mixture = MixturePrior.fit(torch.randn(30, 3), 2)
    codes = torch.randn(5, 3)
    again = MixturePrior.from_state(mixture.state())
    assert torch.equal(again.log_probability(codes), mixture.log_probability(codes))


def test_a_mixture_finds_two_clusters_where_one_normal_cannot():
    codes = torch.cat([torch.randn(200, 2) + 8, torch.randn(200, 2) - 8])
    mixture = MixturePrior.fit(codes, 2)
    assert float(mixture.means.abs().min()) > 6
    assert float(mixture.sample(400).abs().min(1).values.median()) > 5
    assert mixture.log_probability(torch.zeros(1, 2)) < mixture.log_probability(codes[:1])


def test_a_way_begins_and_ends_where_it_should():
    a, b = torch.zeros(3), torch.ones(3)
    way = interpolate(a, b, 5)
    assert torch.equal(way[0], a)
    assert torch.equal(way[-1], b)
    torch.testing.assert_close(way.diff(dim=0), torch.full((4, 3), 0.25))


def test_a_grid_covers_the_codes_from_the_top_left():
    codes = torch.rand(1000, 2)
    cells = grid(codes, 3)
    assert cells.shape == (9, 2)
    assert cells[0, 0] < cells[2, 0]
    assert cells[0, 1] > cells[8, 1]


@pytest.mark.parametrize("codes", [torch.zeros(1, 3), torch.full((3, 2), torch.inf)])
def test_codes_that_make_no_prior_are_refused(codes):
    with pytest.raises(ValueError, match=r"codes"):
        GaussianPrior.fit(codes)
    with pytest.raises(ValueError, match=r"codes"):
        MixturePrior.fit(codes, 1)
