"""The worked example: its split, its recipes, its command, its report."""

import pytest
import torch

from shared.autoencoders.linear import PCA
from shared.autoencoders.training import LitAutoencoder
from shared.digits.__main__ import main
from shared.digits.compare import compare, judge, table
from shared.digits.data import read_examples, validation_split
from shared.digits.recipes import read_recipes

QUIET = ["--trainer.enable_model_summary", "false", "--trainer.max_epochs", "1"]


def test_pca_reaches_the_anchors_on_the_split():
    examples = read_examples()
    assert (len(examples.train), len(examples.held_out)) == (1257, 540)
    for code_dim, error in ((2, 3.379), (4, 2.439), (8, 1.568), (16, 0.737), (30, 0.204)):
        network = PCA([1, 8, 8], code_dim).fit(examples.train)
        assert judge("pca", network, examples).error == pytest.approx(error, abs=1e-3)


def test_every_recipe_is_built_and_stepped():
    x = torch.rand(16, 1, 8, 8)
    for name, options in read_recipes().items():
        lit = LitAutoencoder(**options)
        losses = lit.objective(x)
        assert bool(torch.isfinite(losses["loss"])), name
        if list(lit.parameters()):
            losses["loss"].backward()


def test_compare_prints_a_row_for_every_recipe():
    recipes = {name: read_recipes()[name] for name in ("pca", "linear", "sparse_coding")}
    examples = read_examples()
    rows, pictures = compare(recipes, examples, dimensions=(2, 4), seeds=(0, 1), n_steps=2)
    assert len(rows) == 2 * (2 + 2 + 1)
    text = table(rows)
    assert text.splitlines()[2].startswith("| pca | 3.379 ± 0.000 (")
    assert "| – |" in text
    assert len(pictures) == 4


def test_the_validation_split_holds_nothing_of_the_held_out_examples():
    examples = read_examples()
    chosen_by = validation_split(examples)
    assert len(chosen_by.train) + len(chosen_by.held_out) == len(examples.train)
    held_out = {row.numpy().tobytes() for row in examples.held_out}
    training = {row.numpy().tobytes() for row in examples.train}
    for part in (chosen_by.train, chosen_by.held_out):
        rows = {row.numpy().tobytes() for row in part}
        assert rows <= training
        assert not rows & held_out


def test_a_run_is_fitted_from_an_overlay_alone_and_reported(tmp_path):
    run, page = tmp_path / "run", tmp_path / "report.html"
    args = ["--config", "configs/digits/denoising.yaml", "--trainer.default_root_dir", str(run)]
    assert main(["fit", *args, *QUIET]) == 0
    assert main(["report", str(run), "-o", str(page)]) == 0
    html = page.read_text()
    assert html.count("data:image/png;base64,") == 8
    assert "http" not in html


def test_bad_input_is_one_line(tmp_path, capsys):
    for args in (["report", str(tmp_path)], ["compare", "--configs", str(tmp_path)]):
        assert main(args) == 2
        error = capsys.readouterr().err
        assert error.startswith("digits: ")
        assert error.count("\n") == 1
