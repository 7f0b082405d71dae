"""The stages of training one after the other, and a finished run into a folder of weights."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple

import torch
import yaml

from summarize import packaged
from summarize.mining import NothingMinedError
from summarize.model import TextAutoencoder, TextConfig
from summarize.subwords import vocabulary

# The stages in their order, and the configuration of each.
STAGES = {
    "distil": "base.yaml",
    "mine": "mine.yaml",
    "reconstruct": "reconstruct.yaml",
    "game": "game.yaml",
    "selftrain": "selftrain.yaml",
}
# Minutes on two cores, unless others are asked for.
MINUTES = {"distil": 45.0, "mine": 30.0, "reconstruct": 15.0, "game": 20.0, "selftrain": 15.0}
CHECKPOINT = Path("checkpoints") / "last.ckpt"
DONE = "done.json"  # of a stage that has ended: {"alarm": what ended or prevented it, or ""}


class Trained(NamedTuple):
    """A stage that has ended, and its checkpoint."""

    stage: str
    checkpoint: Path
    alarm: str = ""


def fit(subcommand: str, stage: str, args: Sequence[str]):
    """The command line of one stage, finished; `shared.cli.run_cli` says what it raises."""
    from shared.cli import run_cli
    from summarize import training
    from summarize.data import TextData

    modules = {
        "distil": training.LitDistil,
        "mine": training.LitDistil,
        "reconstruct": training.LitReconstruct,
        "game": training.LitGame,
        "selftrain": training.LitSelfTrain,
    }
    return run_cli(
        modules[stage],
        TextData,
        [subcommand, *args],
        program="summarize",
        run_folder=f"runs/{stage}",
        links={"data.backbone": "model.backbone"},
    )


def train(
    data: str | Path,
    run: str | Path,
    stages: Sequence[str] = tuple(STAGES),
    minutes: Mapping[str, float] | None = None,
    configs: str | Path = "configs/summarize",
    options: Sequence[str] = (),
) -> list[Trained]:
    """Train the stages, each from the weights of the one before; what has been done is not
    done again, what was broken off goes on. Returns the stages that have ended.

    A stage that an alarm ended hands nothing on: the next begins where it began. ``options`` go to
    every stage's command line. Raises ValueError for unknown stages, missing configurations, or
    what a stage raises.
    """
    minutes = MINUTES | dict(minutes or {})
    for name in [*stages, *minutes]:
        if name not in STAGES:
            raise ValueError(f"no stage {name!r}; there is {', '.join(STAGES)}")
    paths = {stage: Path(configs) / STAGES[stage] for stage in stages}
    for path in paths.values():
        if not path.is_file():
            raise ValueError(f"no configuration {path}; say where they are with --configs")
    n_vocabulary = vocabulary(data).n_vocabulary
    ended: list[Trained] = []
    for stage in sorted(stages, key=list(STAGES).index):
        folder = Path(run) / stage
        if not (folder / DONE).is_file():
            before = [t.checkpoint for t in ended if not t.alarm][-1:]
            args = _args(paths[stage], data, folder, n_vocabulary, minutes[stage], before)
            if any(t.stage == "mine" and t.alarm for t in ended):
                args += ["--data.mined", "0"]
            print(f"{stage}: {minutes[stage]:g} minutes in {folder}", flush=True)
            try:
                cli = fit("fit", stage, [*args, *options])
            except NothingMinedError as nothing:
                print(f"{stage} is left out: {nothing}", flush=True)
                alarm = str(nothing)
            else:
                if cli.trainer.interrupted:
                    break
                alarm = cli.model.alarm
            folder.mkdir(parents=True, exist_ok=True)
            (folder / DONE).write_text(json.dumps({"alarm": alarm}) + "\n")
        ended.append(_ended(folder))
    return ended


def last_trained(run: str | Path) -> Trained:
    """The last stage of a run that ended without an alarm; a stage's folder or a checkpoint is
    taken as it is. Raises ValueError if there is none."""
    run = Path(run)
    if run.is_file():
        return Trained(run.stem, run)
    if (run / CHECKPOINT).is_file():
        return Trained(run.name, run / CHECKPOINT)
    ended = [_ended(run / stage) for stage in STAGES if (run / stage / DONE).is_file()]
    good = [trained for trained in ended if not trained.alarm]
    if not good:
        raise ValueError(f"{run} holds no stage that has ended; train one, or give a checkpoint")
    return good[-1]


def export(
    run: str | Path, folder: str | Path, data: str | Path | None = None, overwrite: bool = False
) -> Trained:
    """Write the run's last weights into ``folder``, with vocabulary and tables; says which.

    ``data`` is the prepared folder, by default the one that the run was trained with. Raises
    ValueError if the run or the data are not what they should be, or the folder has something in
    it and ``overwrite`` is false.
    """
    trained = last_trained(run)
    try:
        checkpoint = torch.load(trained.checkpoint, map_location="cpu", weights_only=True)
        backbone = checkpoint.get("backbone")
        network = _built(TextConfig(**checkpoint["network"]), backbone)
        prefix = "network."
        network.load_state_dict(
            {
                name.removeprefix(prefix): value
                for name, value in checkpoint["state_dict"].items()
                if name.startswith(prefix)
            }
        )
    except (OSError, KeyError, TypeError, RuntimeError, UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{trained.checkpoint} is not a checkpoint of this pipeline's networks: {reason}"
        ) from error
    data = _data_of(trained.checkpoint) if data is None else Path(data)
    subwords = vocabulary(data, backbone and backbone["source"])
    if subwords.n_vocabulary != network.config.n_vocabulary:
        raise ValueError(
            f"{data} has another vocabulary than {trained.checkpoint} was trained with"
        )
    packaged.save(folder, network, subwords, _card(trained, data), overwrite)
    return trained


def _built(config: TextConfig, backbone: Mapping[str, str] | None) -> TextAutoencoder:
    if backbone is None:
        return TextAutoencoder(config)
    from summarize.pretrained import backbone_autoencoder

    return backbone_autoencoder(config, **backbone)


def _args(
    config: Path, data: str | Path, folder: Path, n_vocabulary: int, minutes: float, before: list
) -> list[str]:
    budget = timedelta(minutes=minutes)
    hours, seconds = divmod(budget.seconds, 3600)
    values = {
        "config": config,
        "data.folder": data,
        "model.network.n_vocabulary": n_vocabulary,
        "trainer.default_root_dir": folder,
        "trainer.max_time": f"{budget.days:02}:{hours:02}:{seconds // 60:02}:{seconds % 60:02}",
    }
    if before:
        values["model.weights"] = before[0]
    if (folder / CHECKPOINT).is_file():
        values["ckpt_path"] = "last"
    return [part for key, value in values.items() for part in (f"--{key}", str(value))]


def _ended(folder: Path) -> Trained:
    alarm = json.loads((folder / DONE).read_text())["alarm"]
    return Trained(folder.name, folder / CHECKPOINT, alarm)


def _data_of(checkpoint: Path) -> Path:
    config = checkpoint.parent.parent / "config.yaml"
    if not config.is_file():
        raise ValueError(f"{config} is missing; say with --data what the run was trained with")
    data = Path(yaml.safe_load(config.read_text())["data"]["folder"])
    if not data.is_dir():
        raise ValueError(f"the run was trained with {data}, which is not there; give --data")
    return data


def _card(trained: Trained, data: Path) -> str:
    counts = json.loads((data / "config.json").read_text())
    return f"""# Summaries: weights

Made by `summarize export` from the stage {trained.stage}.

- Trained without pairs on {counts["n_documents"]} documents and {counts["n_sentences"]} human
  sentences; {counts["n_held_out"]} further sentences were kept for judges.
- Rights: say here what the corpus allows.
- Figures: `summarize evaluate --weights FOLDER --pairs PAIRS.jsonl --full`
"""
