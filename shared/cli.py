"""The one LightningCLI of the project: fit, validate and test, configured by YAML.

A run is a folder, ``trainer.default_root_dir``. It receives ``config.yaml`` (what `fit` was run
with), ``checkpoints/`` and the TensorBoard files, and it holds one training: `fit` refuses a
folder that already has one unless it continues it with ``--ckpt_path last``. `validate` and `test`
read a run and change nothing of it but the logs.
"""

import difflib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

REFUSED_OPTION = re.compile(
    r"(?:does not accept option|Option) '(?P<key>[^']+)'|unrecognized arguments: --(?P<flag>[\w.]+)"
)
REFUSED_BY_CLASS = re.compile(
    r"given class_path '(?P<path>[^']+)':\s*Option '(?P<key>[^']+)' is not accepted"
)
LONGEST_LINE = 400


def run_cli(
    model_class: type[pl.LightningModule],
    datamodule_class: type[pl.LightningDataModule],
    args: list[str] | None = None,
    *,
    program: str,
    run_folder: str,
    links: Mapping[str, str] | None = None,
) -> "BowtieCLI":
    """The finished command line, its trainer, model and data; ``args`` defaults to sys.argv.

    ``args`` begins with the subcommand: fit, validate or test. ``program`` is the name that stands
    before an error, ``run_folder`` the default of ``trainer.default_root_dir``. ``links`` maps a
    key of the data to a key of the model that must be equal, as in
    ``{"data.n_mels": "model.n_mels"}``, so that the number stands once in a configuration.

    Exits with status 2 after one line on stderr if the options or a configuration cannot be read.
    Raises ValueError, also one line, if they can be read but not carried out: a run folder that is
    taken, no checkpoint to continue from, hardware that is not there, or what model and data raise.
    """

    class LinkedCLI(BowtieCLI):
        def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
            for source, target in (links or {}).items():
                parser.link_arguments(source, target)

    try:
        return LinkedCLI(
            model_class,
            datamodule_class,
            parser_class=OneLineParser,
            # a misspelt option must not pass as the abbreviation of another
            parser_kwargs={"prog": program, "allow_abbrev": False},
            save_config_callback=SaveFitConfig,
            trainer_defaults={"default_root_dir": run_folder},
            # reproducible unless a configuration says otherwise
            seed_everything_default=0,
            # optimisers are built by the module, from plain numbers
            auto_configure_optimizers=False,
            args=sys.argv[1:] if args is None else args,
        )
    except MisconfigurationException as error:
        raise ValueError(_one_line(str(error))) from error


class OneLineParser(LightningArgumentParser):
    """A parser whose errors are one line: the program, what was wrong, and near names."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the line on stderr and exit with status 2."""
        if not self.exit_on_error:  # a nested parser, whose caller words the error
            super().error(message, ex)
        known = getattr(ex, "subcommand_parser", None) or self
        sys.stderr.write(f"{self.prog.split()[0]}: {_explain(message, _option_names(known))}\n")
        sys.exit(2)


class SaveFitConfig(SaveConfigCallback):
    """Saves ``config.yaml`` for `fit` alone: a `test` must not replace what a run was trained with.

    ``ckpt_path`` is left out, since it belongs to one call and not to the run.
    """

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Write the file, or raise ValueError if the folder holds the config of another run."""
        if stage != "fit":
            return
        self.config = self.config.clone()
        continued = self.config.pop("ckpt_path", None) is not None
        # A run that ended before its first checkpoint left nothing that could be lost.
        self.overwrite = continued or not any(Path(trainer.log_dir).glob("checkpoints/*.ckpt"))
        try:
            super().setup(trainer, pl_module, stage)
        except RuntimeError as error:
            if "NOT exist" not in str(error):
                raise
            raise ValueError(
                f"{os.path.normpath(trainer.log_dir)} already holds a run; continue it with "
                "--ckpt_path last, or start another with --trainer.default_root_dir FOLDER"
            ) from error


class BowtieCLI(LightningCLI):
    """fit, validate and test in a run folder; see the module's text and `run_cli`."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The subcommands, each with the trainer arguments that are not options."""
        inherited = LightningCLI.subcommands()
        return {name: inherited[name] for name in ("fit", "validate", "test")}

    def parse_arguments(self, parser: LightningArgumentParser, args: list[str]) -> None:
        """Store what was parsed in ``self.config``."""
        # Not the inherited method: it warns that args were given although sys.argv has some,
        # which is so whenever a room's own command dispatches here.
        self.config = parser.parse_args(args)

    def _parse_ckpt_path(self) -> None:
        """Leave the configuration alone.

        Lightning would replace the model's part by the hyper-parameters in the checkpoint, over
        what the command line says, and fail where one of them is linked to the data.
        """

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """The trainer, logging into the run folder unless a logger is configured."""
        config = self._get(self.config_init, "trainer")
        if config["logger"] in (None, True):
            # Empty name and version: the run is the folder itself, so that ckpt_path "last",
            # which looks below the logger's folder, finds the checkpoints of the earlier call.
            kwargs["logger"] = TensorBoardLogger(config["default_root_dir"], name="", version="")
        trainer = super().instantiate_trainer(**kwargs)
        self._check_ckpt_path(trainer)
        return trainer

    def _check_ckpt_path(self, trainer: pl.Trainer) -> None:
        """Refuse what Lightning would answer with a warning and untrained weights."""
        ckpt_path = self._get(self.config, "ckpt_path")
        if ckpt_path is None:
            if self.subcommand != "fit":
                raise ValueError(
                    f"{self.subcommand} needs trained weights: give --ckpt_path last or a file"
                )
        elif ckpt_path == "last":
            callbacks = [c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
            if not any(callback._find_last_checkpoints(trainer) for callback in callbacks):
                raise ValueError(
                    f"--ckpt_path last: no last.ckpt below {trainer.default_root_dir} "
                    "(a ModelCheckpoint with save_last: true writes it)"
                )
        elif not os.path.isfile(ckpt_path):
            raise ValueError(f"--ckpt_path: no such checkpoint: {ckpt_path}")


def _option_names(parser: LightningArgumentParser) -> list[str]:
    """The options that take a value: not the groups, such as ``model``, and not ``.help``."""
    names = [action.dest for action in parser._actions if not action.dest.endswith(".help")]
    return [name for name in names if not any(n.startswith(f"{name}.") for n in names)]


def _explain(message: str, known: list[str]) -> str:
    """The parser's message on one line, with the known names nearest to a refused one."""
    by_class = REFUSED_BY_CLASS.search(message)
    if by_class:
        class_name = by_class["path"].rpartition(".")[2]
        return f"{class_name} does not accept option '{by_class['key']}'"
    refused = REFUSED_OPTION.search(message)
    near: list[str] = []
    if refused:
        near = difflib.get_close_matches(refused["key"] or refused["flag"], known, n=3)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return _one_line(message) + hint


def _one_line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
