"""``python -m shared.digits`` on tiny settings: every subcommand, every kind of data, bad input."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from shared.digits import claims
from shared.digits.__main__ import main
from tests.outcome import outcome

BASE = "configs/digits/base.yaml"
QUICK = ["--trainer.enable_model_summary", "false", "--trainer.max_epochs", "1"]


def run(capsys, *args: object) -> tuple[int, str, str]:
    """Exit code, standard output, and the lines on standard error that are the command's own."""
    code, out, error = outcome(main, capsys, *args)
    return code, out, "\n".join(x for x in error.splitlines() if x.startswith("digits: "))


def fit(capsys, run_folder: Path, config: str, *more: object) -> tuple[int, str, str]:
    root = ["--trainer.default_root_dir", run_folder]
    return run(capsys, "fit", "--config", config, *QUICK, *root, *more)


def checkpoint(run_folder: Path) -> Path:
    return next((run_folder / "checkpoints").glob("*.ckpt"))


def write_pictures(folder: Path, n: int) -> Path:
    """n pictures of 40 × 36: red, green or blue, with a white corner."""
    for i in range(n):
        picture = np.zeros((36, 40, 3), np.uint8)
        picture[..., i % 3] = 100 + i
        picture[: 2 + i, : 2 + i] = 255
        path = folder / "rgb"[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return folder


def write_mnist(folder: Path, n: int) -> Path:
    """IDX files of n training and n test images of 28 × 28 noise."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for prefix in ("train", "t10k"):
        x = rng.integers(0, 256, (n, 28, 28), np.uint8)
        y = (np.arange(n) % 10).astype(np.uint8)
        for kind, array in (("images", x), ("labels", y)):
            head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            name = f"{prefix}-{kind}-idx{array.ndim}-ubyte"
            (folder / name).write_bytes(head + array.tobytes())
    return folder


def test_a_run_is_fitted_drawn_measured_and_tested(capsys, tmp_path):
    assert fit(capsys, tmp_path / "run", BASE)[0] == 0
    board = EventAccumulator(str(tmp_path / "run"), size_guidance={"images": 0}).Reload()
    assert board.Tags()["images"] == ["reconstructions"]
    assert "val/squared_error" in board.Tags()["scalars"]
    saved = ["--config", tmp_path / "run" / "config.yaml"]
    for stage, name in (("validate", "val"), ("test", "test")):
        args = [stage, *saved, "--ckpt_path", checkpoint(tmp_path / "run")]
        code, out, _ = run(capsys, *args)
        assert code == 0
        assert f"{name}/squared_error" in out
        code, _, error = run(capsys, stage, *saved)
        assert code == 2
        assert "needs trained weights" in error


def test_pca_is_fitted_without_a_gradient_and_reported(capsys, tmp_path):
    assert fit(capsys, tmp_path / "run", "configs/digits/pca.yaml")[0] == 0
    page = tmp_path / "report.html"
    assert run(capsys, "report", tmp_path / "run", "-o", page)[0] == 0
    text = page.read_text()
    assert "1.568" in text
    assert "recall@100" in text
    assert "http" not in text.replace("http-equiv", "")


def test_compare_prints_a_table_and_draws_a_page(capsys, tmp_path):
    page = tmp_path / "page.png"
    args = ["--dimensions", "2", "--steps", "1", "--validation", "-o", page]
    code, out, _ = run(capsys, "compare", *args)
    assert code == 0
    rows = [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("| ")]
    recipes = {path.stem for path in Path("configs/digits").glob("*.yaml")}
    assert set(rows) - {"recipe", "dense"} == recipes - {"base", "mnist", "images", "table"}
    assert page.stat().st_size > 1000


def test_claims_measures_every_figure(capsys, monkeypatch):
    monkeypatch.setattr(claims, "PRETRAIN_STEPS", 1)
    monkeypatch.setattr(claims, "FINETUNING_STEPS", 30)
    code, out, _ = run(capsys, "claims", "--seeds", "2", "--steps", "1")
    assert code == 0
    assert "2 dimensions: PCA 3.379" in out
    for words in ("principal angle", "denoising at 0.3", "Jacobian norm", "two-sided"):
        assert words in out


def test_a_folder_of_pictures_becomes_codes_of_256(capsys, tmp_path):
    pictures = write_pictures(tmp_path / "pictures", 12)
    args = ["configs/digits/images.yaml", "--data.source", pictures]
    assert fit(capsys, tmp_path / "run", *args)[0] == 0
    page = tmp_path / "report.html"
    assert run(capsys, "report", tmp_path / "run", "-o", page)[0] == 0
    text = page.read_text()
    assert "code dimensions: 256" in text
    assert "<h2>Neighbours</h2>" in text


def test_the_network_of_2006_takes_a_step_on_idx_files(capsys, tmp_path):
    folder = write_mnist(tmp_path / "mnist", 24)
    args = ["--data.source", folder, "--model.pretrain_steps", "1"]
    assert fit(capsys, tmp_path / "run", "configs/digits/mnist.yaml", *args)[0] == 0


def test_a_table_is_fitted_and_reported_without_pictures_of_rows(capsys, tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 4))
    table = tmp_path / "t.csv"
    table.write_text("a,b,c,d\n" + "\n".join(",".join(map(str, row)) for row in rows))
    args = ["configs/digits/table.yaml", "--data.source", table, "--model.shape", "[4]"]
    assert fit(capsys, tmp_path / "run", *args)[0] == 0
    page = tmp_path / "report.html"
    assert run(capsys, "report", tmp_path / "run", "-o", page)[0] == 0
    assert page.read_text().count("data:image/png") == 1


@pytest.fixture
def bad(tmp_path) -> dict[str, Path]:
    """Data that cannot be used, by what is wrong with them."""
    texts = {"nan": "a,b\n1,2\nnan,3\n4,5\n2,2\n", "column": "a\n1\n2\n3\n4\n"}
    texts["few"] = "a,b,c,d,e\n" + "".join(f"{i},{i**2},{i**3},{-i},{i % 2}\n" for i in range(4))
    found = {}
    for name, text in texts.items():
        found[name] = tmp_path / f"{name}.csv"
        found[name].write_text(text)
    found["sizes"] = write_pictures(tmp_path / "sizes", 2)
    Image.new("RGB", (7, 7)).save(found["sizes"] / "small.png")
    found["empty"] = tmp_path / "empty"
    found["empty"].mkdir()
    return found


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("nan", [], "row 3, a: nan is not a finite number"),
        ("column", [], "one column"),
        ("sizes", [], "images of several sizes"),
        ("empty", [], "holds no image"),
        ("few", ["--model.shape", "[5]", "--model.code_dim", "4"], "at least as many examples"),
        ("few", ["--model.shape", "[7]", "--model.code_dim", "2"], "set --model.shape to [5]"),
    ],
)
def test_data_that_cannot_be_used_are_refused_in_one_line(
    capsys, tmp_path, bad, name, more, message
):
    args = ["configs/digits/pca.yaml", "--data.source", bad[name], *more]
    code, _, error = fit(capsys, tmp_path / "run", *args)
    assert code == 2
    assert error.count("\n") == 0
    assert message in error
