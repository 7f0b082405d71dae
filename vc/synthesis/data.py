"""Short pieces of cached features with their waveforms, for the synthesiser's training."""

import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from safetensors import safe_open
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vc.audio import MelSpec
from vc.harvest import with_weak_pitch


class SynthesisBatch(NamedTuple):
    """What is given and what is wanted, with S = (T - 1) * hop."""

    mel: Tensor  # (B, M, T) natural log
    f0: Tensor  # (B, T) Hz, 0 = unvoiced, negative = weak
    waveform: Tensor  # (B, S)


class CropDataset(Dataset):
    """Random crops (``fixed``: always the same ones) of ``n_frames`` frames.

    A corpus is drawn by ``corpus_weights`` (those not named weigh 0; empty: by their length), in
    it an utterance by its length. A share ``weak_share`` of the crops has its weak pitch.
    """

    def __init__(
        self,
        features: str | Path,
        split: str,
        n_frames: int,
        n_items: int,
        corpus_weights: dict[str, float] | None = None,
        fixed: bool = False,
        gain_db: float = 0.0,
        weak_share: float = 1.0,
    ) -> None:
        self.features = Path(features)
        self.n_frames = n_frames
        self.n_items = n_items
        self.fixed = fixed
        self.gain_db = gain_db
        self.weak_share = weak_share
        self.hop = _spec(self.features).hop_length
        corpora: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for row in _rows(self.features):
            if row["split"] == split and row["frames"] > n_frames:
                corpora[row["corpus"]].append((row["id"], row["frames"]))
        lengths = {c: float(sum(n for _, n in us)) for c, us in corpora.items()}
        weights = {c: (corpus_weights or lengths).get(c, 0.0) for c in sorted(corpora)}
        if not any(weights.values()):
            raise ValueError(
                f"{self.features} has no {split} utterance of more than {n_frames} frames in "
                f"the corpora {sorted(corpus_weights) if corpus_weights else 'it holds'}"
            )
        self.corpora = [corpora[c] for c, w in weights.items() if w > 0]
        self.weights = torch.tensor([w for w in weights.values() if w > 0], dtype=torch.float64)
        self.lengths = [torch.tensor([float(n) for _, n in c]) for c in self.corpora]

    def __len__(self) -> int:
        return self.n_items

    def __getitem__(self, i: int) -> SynthesisBatch:
        rng = torch.Generator()
        rng.manual_seed(i if self.fixed else int(torch.randint(2**62, ())))
        corpus = int(torch.multinomial(self.weights, 1, generator=rng))
        chosen = int(torch.multinomial(self.lengths[corpus], 1, generator=rng))
        name, length = self.corpora[corpus][chosen]
        start = int(torch.randint(length - self.n_frames, (), generator=rng))
        stop = start + self.n_frames
        with safe_open(self.features / f"{name}.safetensors", "pt") as file:
            mel = file.get_slice("mel")[:, start:stop].float()
            f0 = file.get_slice("f0")[start:stop].clone()  # a view would keep the file mapped
            if not {"waveform", "weak_f0"} <= set(file.keys()):
                raise ValueError(
                    f"{self.features} holds no waveforms, or no weak pitch; "
                    "prepare it with --waveforms"
                )
            if float(torch.rand((), generator=rng)) < self.weak_share:
                f0 = with_weak_pitch(f0, file.get_slice("weak_f0")[start:stop])
            samples = file.get_slice("waveform")[start * self.hop : (stop - 1) * self.hop]
        gain = float(torch.rand((), generator=rng) * 2 - 1) * self.gain_db / 20
        gain = torch.tensor(10.0**gain)
        return SynthesisBatch(mel + gain.log(), f0, samples.float() / 32767 * gain)


class CropDataModule(pl.LightningDataModule):
    """Serves crops of a features folder: training ones at random, validation ones fixed.

    The gain of training crops varies by ``gain_db`` decibels both ways, as that of decoders may.
    A share ``weak_share`` of them is given the weak pitch of vc/harvest, too; the others learn
    for those who leave it out (`--fast`).
    """

    def __init__(
        self,
        features: str = "features",
        n_frames: int = 84,
        batch_size: int = 8,
        steps_per_epoch: int = 500,
        corpus_weights: dict[str, float] | None = None,
        gain_db: float = 6.0,
        weak_share: float = 0.7,
        n_validation: int = 64,
        num_workers: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        p = self.hparams
        self.train = CropDataset(
            p.features,
            "train",
            p.n_frames,
            p.steps_per_epoch * p.batch_size,
            p.corpus_weights,
            gain_db=p.gain_db,
            weak_share=p.weak_share,
        )
        self.validation = CropDataset(p.features, "dev", p.n_frames, p.n_validation, fixed=True)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, self.hparams.batch_size, num_workers=self.hparams.num_workers)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(
            self.validation, self.hparams.batch_size, num_workers=self.hparams.num_workers
        )


def _rows(features: Path) -> list[dict]:
    index = features / "index.jsonl"
    if not index.is_file():
        raise ValueError(
            f"{features} has no index.jsonl; make it with: "
            f"vc prepare CORPUS -o {features} --waveforms"
        )
    return [json.loads(line) for line in index.read_text().splitlines() if line.strip()]


def _spec(features: Path) -> MelSpec:
    return MelSpec(**json.loads((features / "config.json").read_text())["mel"])
