"""The one command line for training, on a model of a single weight."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from shared.cli import BowtieCLI, run_cli


class LitLine(pl.LightningModule):
    """Learns y = 2 x; remembers at which global steps it was trained."""

    def __init__(self, n_inputs: int = 1, learning_rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.line = torch.nn.Linear(n_inputs, 1)
        self.steps_seen: list[int] = []

    def _step(self, batch: list[Tensor], stage: str) -> Tensor:
        (x,) = batch
        loss = (self.line(x) - 2 * x.sum(dim=1, keepdim=True)).square().mean()
        self.log(f"{stage}/loss", loss)
        return loss

    def training_step(self, batch: list[Tensor]) -> Tensor:
        self.steps_seen.append(self.global_step)
        return self._step(batch, "train")

    def test_step(self, batch: list[Tensor]) -> None:
        self._step(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.learning_rate)


class Numbers(pl.LightningDataModule):
    def __init__(self, n_inputs: int = 1, n_batches: int = 4) -> None:
        super().__init__()
        self.n_inputs, self.n_batches = n_inputs, n_batches

    def train_dataloader(self) -> DataLoader:
        x = torch.linspace(-1, 1, 2 * self.n_batches * self.n_inputs)
        return DataLoader(TensorDataset(x.reshape(-1, self.n_inputs)), batch_size=2)

    test_dataloader = train_dataloader


BASE = """
trainer:
  accelerator: cpu
  devices: 1
  max_steps: 6
  enable_progress_bar: false
  enable_model_summary: false
  callbacks:
    - class_path: pytorch_lightning.callbacks.ModelCheckpoint
      init_args: {save_last: true, every_n_train_steps: 2}
model:
  learning_rate: 5.0e-2
data:
  n_batches: 4
"""


@pytest.fixture
def run(tmp_path: Path):
    """Runs the command line in a folder of its own: `run("fit", "--model.n_inputs", "2")`."""
    (tmp_path / "base.yaml").write_text(BASE)

    def run(subcommand: str, *args: str) -> BowtieCLI:
        return run_cli(
            LitLine,
            Numbers,
            [subcommand, "--config", str(tmp_path / "base.yaml"), *args],
            program="line",
            run_folder=str(tmp_path / "run"),
            links={"data.n_inputs": "model.n_inputs"},
        )

    return run


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("overlay", "names"),
    [
        ("model: {learning_rat: 1.0}", ["model.learning_rat", "mean model.learning_rate"]),
        ("modle: {learning_rate: 1.0}", ["modle.learning_rate", "model.learning_rate"]),
        ("data: {learning_rate: 1.0}", ["data.learning_rate"]),
        ("trainer: {max_stepz: 3}", ["trainer.max_stepz", "mean trainer.max_steps"]),
        (
            "trainer: {logger: {class_path: TensorBoardLogger, init_args: {save_dirr: x}}}",
            ["TensorBoardLogger", "save_dirr"],
        ),
        ("model: {learning_rate: fast}", ["model.learning_rate", "fast"]),
        ("model: [", ["config"]),
    ],
)
def test_an_error_in_a_config_is_one_line_and_exit_code_2(run, tmp_path, capfd, overlay, names):
    with pytest.raises(SystemExit) as stop:
        run("fit", "--config", write(tmp_path / "overlay.yaml", overlay))
    assert stop.value.code == 2
    error = capfd.readouterr().err
    assert error.startswith("line: ")
    assert error.count("\n") == 1
    for name in names:
        assert name in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "args",
    [
        ["fit", "--model.learning_rat", "1.0"],
        ["fit", "--config", "missing.yaml"],
        ["fitt"],
        ["predict"],
        [],
    ],
)
def test_an_error_in_the_options_is_one_line_and_exit_code_2(tmp_path, capfd, args):
    with pytest.raises(SystemExit) as stop:
        run_cli(LitLine, Numbers, args, program="line", run_folder=str(tmp_path))
    assert stop.value.code == 2
    error = capfd.readouterr().err
    assert error.startswith("line: ")
    assert error.count("\n") == 1


def test_an_overlay_changes_what_it_names_and_nothing_else(run, tmp_path):
    overlay = write(tmp_path / "overlay.yaml", "trainer: {max_steps: 1}\ndata: {n_batches: 2}")
    cli = run("fit", "--config", overlay)
    assert cli.trainer.max_steps == 1
    assert cli.datamodule.n_batches == 2
    assert cli.model.hparams.learning_rate == 5.0e-2


def test_a_linked_number_is_given_once_and_reaches_both(run):
    cli = run("fit", "--data.n_inputs", "3", "--trainer.max_steps", "1")
    assert cli.model.line.in_features == cli.datamodule.n_inputs == 3


def test_resuming_continues_the_step_counter_in_the_same_folder(run, tmp_path):
    run("fit")
    resumed = run("fit", "--ckpt_path", "last", "--trainer.max_steps", "9")
    assert resumed.model.steps_seen == [6, 7, 8]
    assert resumed.trainer.global_step == 9
    assert [path.name for path in (tmp_path / "run/checkpoints").glob("last*")] == ["last.ckpt"]
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["trainer"]["max_steps"] == 9


def test_stopping_and_resuming_gives_the_weights_of_one_uninterrupted_run(run, tmp_path):
    whole = run("fit", "--trainer.max_steps", "8", "--trainer.default_root_dir", f"{tmp_path}/a")
    run("fit", "--trainer.max_steps", "4", "--trainer.default_root_dir", f"{tmp_path}/b")
    resume = ["--ckpt_path", "last", "--trainer.max_steps", "8"]
    resumed = run("fit", *resume, "--trainer.default_root_dir", f"{tmp_path}/b")
    assert torch.equal(whole.model.line.weight, resumed.model.line.weight)


def test_a_checkpoint_named_by_its_file_loads_with_linked_numbers(run, tmp_path):
    run("fit", "--data.n_inputs", "2")
    last = str(tmp_path / "run/checkpoints/last.ckpt")
    tested = run("test", "--data.n_inputs", "2", "--ckpt_path", last)
    saved = torch.load(last, weights_only=True)["state_dict"]
    assert torch.equal(tested.model.line.weight, saved["line.weight"])


def test_fit_refuses_a_folder_that_holds_a_run(run):
    run("fit", "--trainer.max_steps", "1")
    with pytest.raises(ValueError, match="already holds a run"):
        run("fit")


def test_fit_starts_again_where_a_run_ended_before_its_first_checkpoint(run, tmp_path):
    run("fit", "--trainer.max_steps", "1")
    for checkpoint in (tmp_path / "run/checkpoints").glob("*.ckpt"):
        checkpoint.unlink()
    run("fit", "--trainer.max_steps", "2")
    assert any((tmp_path / "run/checkpoints").glob("*.ckpt"))


def test_testing_leaves_the_config_of_the_run_as_it_was(run, tmp_path):
    run("fit")
    before = (tmp_path / "run/config.yaml").read_text()
    run("test", "--ckpt_path", "last", "--data.n_batches", "1")
    assert (tmp_path / "run/config.yaml").read_text() == before


def test_the_saved_config_alone_repeats_the_run(run, tmp_path):
    first = run("fit", "--model.learning_rate", "0.3", "--data.n_inputs", "2")
    config = str(tmp_path / "run/config.yaml")
    elsewhere = ["--trainer.default_root_dir", str(tmp_path / "again")]
    again = run_cli(
        LitLine,
        Numbers,
        ["fit", "--config", config, *elsewhere],
        program="line",
        run_folder="unused",
        links={"data.n_inputs": "model.n_inputs"},
    )
    assert torch.equal(first.model.line.weight, again.model.line.weight)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["test"], "needs trained weights"),
        (["test", "--ckpt_path", "last"], "no last.ckpt"),
        (["fit", "--ckpt_path", "last"], "no last.ckpt"),
        (["fit", "--ckpt_path", "missing.ckpt"], "no such checkpoint: missing.ckpt"),
    ],
)
def test_untrained_weights_are_never_taken_for_a_checkpoint(run, args, reason):
    with pytest.raises(ValueError, match=reason):
        run(*args)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_one_clear_line(run):
    with pytest.raises(ValueError, match="gpu") as error:
        run("fit", "--trainer.accelerator", "gpu")
    assert "\n" not in str(error.value)


def test_half_precision_is_a_flag_of_the_trainer_alone(run):
    cli = run("fit", "--trainer.precision", "bf16-mixed", "--trainer.max_steps", "1")
    assert cli.trainer.precision == "bf16-mixed"
    assert cli.model.line.weight.dtype == torch.float32


def test_a_wall_clock_budget_stops_training_by_itself(run):
    cli = run("fit", "--trainer.max_steps", "-1", "--trainer.max_time", "00:00:00:01")
    assert cli.trainer.global_step > 6
