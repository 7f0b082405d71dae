"""One checklist over every network of the family."""

import pytest
import torch

from shared.autoencoders.recipes import build, load, save
from shared.penalties import kl_normal, reconstruction_error

IMAGE = [1, 8, 8]
NETWORKS = {
    "pca": {"name": "pca", "shape": [12], "code_dim": 3},
    "linear": {"name": "dense", "shape": [12], "code_dim": 3},
    "deep": {"name": "dense", "shape": IMAGE, "code_dim": 8, "hidden_dims": [32]},
    "tied": {"name": "dense", "shape": [12], "code_dim": 6, "hidden_dims": [24], "tied": True},
    "sigmoid": {"name": "dense", "shape": [12], "code_dim": 24, "code_activation": "sigmoid"},
    "unpooling": {"name": "convolutional", "shape": IMAGE, "code_dim": 16, "up": "unpool"},
    "deconvolution": {"name": "convolutional", "shape": IMAGE, "code_dim": 16},
    "variational": {"name": "variational", "shape": [12], "code_dim": 6, "hidden_dims": [32]},
    "sparse coding": {"name": "sparse_coding", "shape": [12], "code_dim": 24},
}


@pytest.fixture(params=NETWORKS)
def config(request):
    torch.manual_seed(0)
    return NETWORKS[request.param]


def batch(config: dict, n: int = 5) -> torch.Tensor:
    return torch.rand(n, *config["shape"])


def loss_of(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    loss = reconstruction_error(network(x), x).mean()
    if hasattr(network, "posterior"):
        loss = loss + 1e-4 * kl_normal(*network.posterior(x)).mean()
    return loss


def test_codes_and_reconstructions_have_their_shapes(config):
    network, x = build(config).eval(), batch(config)
    assert network.encode(x).shape == (5, config["code_dim"])
    assert network.decode(network.encode(x)).shape == x.shape == network(x).shape


def test_evaluation_is_deterministic_and_forward_is_the_composition(config):
    network, x = build(config).eval(), batch(config)
    assert torch.equal(network(x), network(x))
    if config.get("up") != "unpool":
        torch.testing.assert_close(network(x), network.decode(network.encode(x)))


def test_gradients_reach_every_parameter(config):
    network, x = build(config).train(), batch(config, 32)
    if not list(network.parameters()):
        pytest.skip("closed form: there is nothing to train")
    loss_of(network, x).backward()
    missed = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert missed == []


def test_one_batch_can_be_overfitted(config):
    network, x = build(config).train(), batch(config, 4)
    if config["name"] == "pca":
        network.fit(x)
        assert float(reconstruction_error(network(x), x).mean()) < 1e-10
        return
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    spread = float((x - x.mean(0)).square().mean())
    for _ in range(300):
        loss = loss_of(network, x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if config["name"] == "sparse_coding":
            network.normalise()
    with torch.no_grad():
        error = float(reconstruction_error(network.eval()(x), x).mean())
    assert error < 0.2 * spread


def test_an_exported_network_gives_the_same_codes(config, tmp_path):
    network, x = build(config).eval(), batch(config)
    save(network, config, tmp_path / "exported")
    assert torch.equal(load(tmp_path / "exported").encode(x), network.encode(x))


def test_input_of_another_shape_and_codes_of_another_width_are_refused(config):
    network = build(config)
    with pytest.raises(ValueError, match="x must be"):
        network.encode(torch.zeros(2, 7))
    with pytest.raises(ValueError, match="code must be"):
        network.decode(torch.zeros(2, config["code_dim"] + 1))


@pytest.mark.parametrize(
    "config",
    [
        {"name": "transformer"},
        {"name": "dense", "shape": [4], "code_dim": 2, "depth": 3},
        {"name": "dense", "shape": [4], "code_dim": 0},
        {"name": "pca", "shape": [4], "code_dim": 5},
        {"name": "convolutional", "shape": [1, 9, 9], "code_dim": 2},
        {"name": "dense", "shape": [4], "code_dim": 2, "hidden_activation": "loud"},
    ],
)
def test_a_network_that_cannot_be_built_says_why(config):
    with pytest.raises(ValueError, match=r"must be|argument|no 5 components"):
        build(config)
