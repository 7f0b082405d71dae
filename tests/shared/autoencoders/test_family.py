"""What defines the members of the family."""

import pytest
import torch

from shared.autoencoders.convolutional import Convolutional
from shared.autoencoders.dense import Dense
from shared.autoencoders.linear import PCA, principal_angles
from shared.autoencoders.sparse_coding import SparseCoding
from shared.autoencoders.stacked import Classifier, pretrain


def correlated(n: int = 200) -> torch.Tensor:
    """Examples (n, 10) around a plane of three dimensions."""
    return torch.randn(n, 3) * torch.tensor([3.0, 2.0, 1.0]) @ torch.randn(3, 10) + 0.1


def test_pca_rebuilds_what_lies_in_its_subspace():
    x = correlated()
    torch.testing.assert_close(PCA([10], 3).fit(x)(x), x, atol=1e-4, rtol=0)


def test_pca_agrees_with_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = torch.randn(60, 10)
    theirs = torch.from_numpy(decomposition.PCA(4).fit(x.numpy()).components_)
    assert principal_angles(theirs.T, PCA([10], 4).fit(x).components.T).max() < 0.1


def test_pca_of_fewer_examples_than_dimensions_is_refused():
    with pytest.raises(ValueError, match="at least as many examples, got 2"):
        PCA([10], 3).fit(torch.randn(2, 10))


def test_the_trained_linear_autoencoder_spans_the_subspace_of_pca():
    x = correlated() + 0.1 * torch.randn(200, 10)
    network = Dense([10], 3)
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = (network(x) - x).square().mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    angles = principal_angles(network.decoder[0].weight, PCA([10], 3).fit(x).components.T)
    assert float(angles.max()) < 5.0


def test_the_tied_decoder_is_the_transpose_of_the_encoder_after_a_step():
    network = Dense([10], 3, [6], tied=True)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    network(torch.randn(4, 10)).square().mean().backward()
    optimiser.step()
    for (weight, _), layer in zip(
        network.decoder_weights(), reversed(network.encoder), strict=True
    ):
        assert torch.equal(weight, layer.weight.T)
    untied = Dense([10], 3, [6])
    n_tied, n_untied = (sum(p.numel() for p in n.parameters()) for n in (network, untied))
    assert n_untied - n_tied == 10 * 6 + 6 * 3


def test_the_objective_of_ista_never_rises():
    network = SparseCoding([10], 30, l1_weight=0.2, n_iterations=40)
    code, history = network.ista(correlated(20))
    assert (history.diff(dim=0) <= 1e-5 * history[:-1]).all()
    assert (code == 0).any()


def test_atoms_keep_their_unit_length_after_a_step():
    network = SparseCoding([10], 30)
    with torch.no_grad():
        network.atoms.mul_(3.0)
    network.normalise()
    torch.testing.assert_close(network.atoms.norm(dim=1), torch.ones(30))


def test_unpooling_with_positions_differs_from_decoding_the_code_alone():
    network, x = Convolutional([1, 8, 8], 16, up="unpool").eval(), torch.rand(3, 1, 8, 8)
    alone = network.decode(network.encode(x))
    positions = network.pool(x).positions
    torch.testing.assert_close(network(x), network.decode(network.encode(x), positions))
    assert not torch.allclose(alone, network(x))


def test_without_positions_a_value_goes_to_the_first_cell_of_its_window():
    from shared.autoencoders.convolutional import _first_cells

    h = torch.arange(1.0, 5.0).view(1, 1, 2, 2)
    unpooled = torch.nn.functional.max_unpool2d(h, _first_cells(h), 2)
    assert torch.equal(unpooled[0, 0, ::2, ::2], h[0, 0])
    assert int((unpooled != 0).sum()) == 4


def test_pretraining_lowers_the_error_of_the_whole_network():
    x = torch.rand(64, 10) @ torch.rand(10, 10) / 5
    network = Dense([10], 4, [16])
    before = float((network(x) - x).square().mean())
    errors = pretrain(network, x, n_steps=100, learning_rate=1e-2)
    assert len(errors) == 2
    assert float((network(x) - x).square().mean()) < before


def test_a_classifier_starts_from_the_layers_of_the_encoder():
    network = Dense([10], 4, [16])
    classifier = Classifier(10, [16, 4], 3).start_from(network)
    assert torch.equal(classifier.layers[1].weight, network.encoder[1].weight)
    assert classifier(torch.zeros(2, 10)).shape == (2, 3)
    with pytest.raises(ValueError, match="widths"):
        Classifier(10, [16, 5], 3).start_from(network)
