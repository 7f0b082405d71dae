"""The figures that the family is judged by, over several seeds, on held-out digits."""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shared.autoencoders.dense import Dense
from shared.autoencoders.linear import PCA, principal_angles
from shared.autoencoders.stacked import Classifier, pretrain
from shared.corruption import add_gaussian, corruption
from shared.digits.compare import judge, spread, trained
from shared.digits.data import Examples, read_examples, validation_split
from shared.digits.recipes import read_recipes
from shared.penalties import jacobian_norm, squared_error

NOISE = 0.3
# The last of the linear network's directions comes slowly: its variance is near the next one's.
LINEAR_PATIENCE = 6
N_LABELS = 100
HIDDEN = [256, 128, 64]
PRETRAIN_STEPS = 500  # of each layer
FINETUNING_STEPS = 200
PRETRAIN_CORRUPTION = ("masking", 0.25)
SHAPE = [1, 8, 8]
# One tied layer of sigmoid units, as Rifai et al. 2011 compare the three.
LAYER = {
    "shape": SHAPE,
    "code_dim": 128,
    "weight_decay": 0.0,
    "network": {
        "name": "dense",
        "code_activation": "sigmoid",
        "output_activation": "sigmoid",
        "tied": True,
    },
}
LAYERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "denoising": {"corruption": "gaussian", "corruption_level": NOISE},
    "contractive": {"penalty": "contractive", "penalty_weight": 0.01},
}


def claims(
    configs: str | Path, n_seeds: int, n_steps: int, validation: bool = False
) -> Iterator[str]:
    """A line for each figure, mean ± standard deviation over the seeds.

    On the held-out digits, or with ``validation`` on a quarter of the training digits: settings are
    chosen there.
    """
    recipes, examples, seeds = read_recipes(configs), read_examples(), range(n_seeds)
    examples = validation_split(examples) if validation else examples
    for code_dim in (2, 4, 8):
        pca = judge("pca", PCA(SHAPE, code_dim).fit(examples.train), examples)
        options = {**recipes["dense"], "code_dim": code_dim}
        rows = [judge("", trained(options, examples, s, n_steps), examples) for s in seeds]
        error, knn = spread([r.error for r in rows]), spread([100 * r.knn for r in rows], 1)
        yield f"{code_dim} dimensions: PCA {pca.error:.3f}, deep {error}"
        yield f"{code_dim} dimensions: kNN accuracy PCA {100 * pca.knn:.1f} %, deep {knn} %"
    yield from _linear(recipes["linear"], examples, seeds, n_steps)
    yield from _denoising(recipes["denoising"], examples, seeds, n_steps)
    for name, options in LAYERS.items():
        networks = [trained({**LAYER, **options}, examples, s, n_steps) for s in seeds]
        norms = [jacobian_norm(n.encode, examples.held_out) for n in networks]
        errors = [judge("", n, examples).error for n in networks]
        yield f"one layer, {name}: mean Jacobian norm {spread(norms)}, error {spread(errors)}"
    yield from _classifier(examples, seeds)


def _linear(
    options: dict[str, Any], examples: Examples, seeds: range, n_steps: int
) -> Iterator[str]:
    pca = PCA(SHAPE, 8).fit(examples.train)
    n_steps *= LINEAR_PATIENCE
    networks = [trained({**options, "code_dim": 8}, examples, s, n_steps) for s in seeds]
    errors = [judge("", n, examples).error for n in networks]
    largest = [
        float(principal_angles(n.decoder[0].weight, pca.components.T).max()) for n in networks
    ]
    yield (
        f"linear at 8: error {spread(errors)} (PCA {judge('', pca, examples).error:.3f}), "
        f"largest principal angle {spread(largest, 2)} degrees"
    )


def _denoising(
    options: dict[str, Any], examples: Examples, seeds: range, n_steps: int
) -> Iterator[str]:
    noisy = add_gaussian(examples.held_out, NOISE, torch.Generator().manual_seed(0))
    code_dim = options["code_dim"]
    pca = PCA(SHAPE, code_dim).fit(examples.train)
    errors = [
        _error(trained(options, examples, seed, n_steps), noisy, examples.held_out)
        for seed in seeds
    ]
    yield (
        f"denoising at {NOISE}: noisy {float(squared_error(noisy, examples.held_out).mean()):.3f}, "
        f"PCA-{code_dim} {_error(pca, noisy, examples.held_out):.3f}, denoising with a code of "
        f"{code_dim} {spread(errors)}"
    )


@torch.no_grad()
def _error(network: torch.nn.Module, noisy: Tensor, clean: Tensor) -> float:
    return float(squared_error(network(noisy), clean).mean())


def _classifier(examples: Examples, seeds: range) -> Iterator[str]:
    from scipy.stats import ttest_rel

    accuracy: dict[str, list[float]] = {"random": [], "pretrained": []}
    for seed in seeds:
        order = torch.randperm(len(examples.train), generator=torch.Generator().manual_seed(seed))[
            :N_LABELS
        ]
        for name, values in accuracy.items():
            torch.manual_seed(seed)
            classifier = Classifier(64, HIDDEN, 10)
            if name == "pretrained":
                network = Dense(SHAPE, HIDDEN[-1], HIDDEN[:-1], code_activation="silu")
                corrupt = corruption(*PRETRAIN_CORRUPTION)
                pretrain(network, examples.train, n_steps=PRETRAIN_STEPS, corrupt=corrupt)
                classifier.start_from(network)
            values.append(100 * _finetuned(classifier, examples, order))
    yield (
        f"classifier with {N_LABELS} labels: random {spread(accuracy['random'], 1)} %, layer by "
        f"layer {spread(accuracy['pretrained'], 1)} %"
    )
    if len(seeds) > 1 and statistics.stdev(accuracy["pretrained"]) > 0:
        test = ttest_rel(accuracy["pretrained"], accuracy["random"])
        yield f"  paired two-sided t-test over {len(seeds)} seeds: p = {test.pvalue:.4f}"


def _finetuned(classifier: Classifier, examples: Examples, order: Tensor) -> float:
    """Held-out accuracy after full-batch steps on the labelled examples."""
    x, label = examples.train[order], examples.train_label[order]
    optimiser = torch.optim.Adam(classifier.parameters(), lr=1e-3, fused=True)
    for _ in range(FINETUNING_STEPS):
        loss = torch.nn.functional.cross_entropy(classifier(x), label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        guess = classifier(examples.held_out).argmax(1)
    return float((guess == examples.held_out_label).float().mean())
