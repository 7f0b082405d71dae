"""Batches of voices from a folder of cached features (see vc/prepare.py for the format)."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from safetensors import safe_open
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vc.model import mean_spectrum, relative_mel, spectrum_statistics
from vc.parallel import read_alignments


@dataclass(frozen=True)
class Utterance:
    """One row of features/index.jsonl."""

    id: str
    speaker: str
    split: str
    n_frames: int
    path: Path


class VoiceBatch(NamedTuple):
    """Segments of utterances beside reference frames of other segments by the same speakers."""

    mel: Tensor  # (B, M, T) natural log
    mean: Tensor  # (B, M) of the whole utterance's active frames
    deviation: Tensor  # (B, M)
    f0: Tensor  # (B, T) Hz, 0 unvoiced
    valid: Tensor  # (B, T) False where the utterance was too short
    reference: Tensor  # (B, M, R)
    relative_reference: Tensor  # (B, M, R)
    speaker: Tensor  # (B,) index among the training speakers
    relative: Tensor  # (B, M, T) the mel relative to its mean spectrum
    heard: Tensor  # (B, M, T) the same, or somebody else's reading of these words, in their time


def read_index(features: str | Path) -> list[Utterance]:
    """The utterances of a features folder; raises ValueError when it is not one."""
    features = Path(features)
    index = features / "index.jsonl"
    if not index.is_file():
        raise ValueError(
            f"{features} has no index.jsonl; make it with: vc prepare CORPUS -o {features}"
        )
    rows = [json.loads(line) for line in index.read_text().splitlines() if line.strip()]
    return [
        Utterance(
            row["id"],
            row["speaker"],
            row["split"],
            row["frames"],
            features / f"{row['id']}.safetensors",
        )
        for row in rows
    ]


class SegmentDataset(Dataset):
    """Random segments with references of the same voice, a function of (seed, epoch, item) alone.

    A resumed run therefore sees what the uninterrupted one would have seen.

    A speaker is drawn with probability proportional to his number of frames to the power
    ``balance`` (0: all speakers alike, 1: all frames alike).

    ``parallel_share`` of the segments come from utterances that somebody else read, too, if
    ``alignments`` (see vc/parallel.py) name any; there, what is ``heard`` is the other reading.
    """

    def __init__(
        self,
        utterances: list[Utterance],
        *,
        segment_frames: int,
        reference_frames: int,
        n_items: int,
        balance: float,
        seed: int,
        alignments: dict[tuple[str, str], Tensor] | None = None,
        parallel_share: float = 0.0,
    ) -> None:
        by_speaker: dict[str, list[Utterance]] = defaultdict(list)
        for utterance in utterances:
            by_speaker[utterance.speaker].append(utterance)
        self.speakers = sorted(by_speaker)
        self.by_speaker = [by_speaker[s] for s in self.speakers]
        n_frames = torch.tensor([sum(u.n_frames for u in us) for us in self.by_speaker])
        self.weights = n_frames.double() ** balance
        self._read_partners(utterances, alignments or {}, parallel_share)
        self.segment_frames = segment_frames
        self.reference_frames = reference_frames
        self.n_items = n_items
        self.seed = seed
        # Shared, so that workers that live through several epochs see it change.
        self.epoch = torch.zeros((), dtype=torch.long).share_memory_()

    def _read_partners(
        self,
        utterances: list[Utterance],
        alignments: dict[tuple[str, str], Tensor],
        share: float,
    ) -> None:
        self.alignments = alignments
        by_id = {u.id: u for u in utterances}
        self.partners: dict[str, list[Utterance]] = defaultdict(list)
        for mine, other in alignments:
            if mine in by_id and other in by_id:
                self.partners[mine].append(by_id[other])
        has_any = torch.tensor([any(u.id in self.partners for u in us) for us in self.by_speaker])
        self.parallel_weights = self.weights * has_any
        self.parallel_share = share if bool(has_any.any()) else 0.0

    def __len__(self) -> int:
        return self.n_items

    def __getitem__(self, i: int) -> VoiceBatch:
        rng = torch.Generator()
        # Hashed, since the generator looks at the low 32 bits of its seed only.
        rng.manual_seed(hash((self.seed, int(self.epoch), i)) % 2**31)
        share = self.parallel_share
        parallel = share > 0 and float(torch.rand((), generator=rng)) < share
        weights = self.parallel_weights if parallel else self.weights
        speaker = int(torch.multinomial(weights, 1, generator=rng))
        choices = self.by_speaker[speaker]
        sizes = torch.tensor(
            [u.n_frames * float(not parallel or u.id in self.partners) for u in choices]
        )
        target = int(torch.multinomial(sizes, 1, generator=rng))
        with safe_open(choices[target].path, "pt") as file:
            whole = file.get_tensor("mel").float()
            f0 = file.get_tensor("f0").float()
        start = _draw(max(0, whole.shape[1] - self.segment_frames) // 2 + 1, rng) * 2
        stop = start + self.segment_frames
        mel, f0 = whole[:, start:stop], f0[start:stop]
        valid = torch.arange(self.segment_frames) < mel.shape[1]
        missing = self.segment_frames - mel.shape[1]
        if missing:
            mel = torch.cat([mel, mel[:, -1:].expand(-1, missing)], 1)
            f0 = torch.cat([f0, f0.new_zeros(missing)])
        mean, deviation = spectrum_statistics(whole)
        relative = heard = relative_mel(mel, mean)
        if parallel:
            heard = self._other_reading(choices[target], start, rng)
        rest = [whole[:, :start], whole[:, stop:]]
        reference = self._reference(choices, target, rest, mean, rng)
        return VoiceBatch(
            mel, mean, deviation, f0, valid, *reference, torch.tensor(speaker), relative, heard
        )

    def _other_reading(self, target: Utterance, start: int, rng: torch.Generator) -> Tensor:
        """The segment's words by somebody else, frame for frame, relative to his mean (M, T)."""
        partners = self.partners[target.id]
        other = partners[_draw(len(partners), rng)]
        frames = self.alignments[target.id, other.id][start : start + self.segment_frames].long()
        frames = torch.cat([frames, frames[-1:].expand(self.segment_frames - len(frames))])
        with safe_open(other.path, "pt") as file:
            mel = file.get_tensor("mel").float()
        return relative_mel(mel[:, frames], mean_spectrum(mel))

    def _reference(
        self,
        choices: list[Utterance],
        target: int,
        rest: list[Tensor],
        mean: Tensor,
        rng: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Frames of the same voice from anywhere but the target segment, and the same relative.

        Both are (M, R), joined from as many pieces as it takes.
        """
        others = [i for i in range(len(choices)) if i != target]
        pieces, relatives, n_missing = [], [], self.reference_frames
        for _ in range(12):
            if others:
                other = choices[others[_draw(len(others), rng)]]
                with safe_open(other.path, "pt") as file:
                    mel = file.get_tensor("mel").float()
                mean_here = mean_spectrum(mel)
            else:
                usable = [r for r in rest if r.shape[1] >= 2]
                # A speaker whose only utterance is no longer than the segment refers to itself.
                mel = usable[_draw(len(usable), rng)] if usable else None
                if mel is None:
                    with safe_open(choices[target].path, "pt") as file:
                        mel = file.get_tensor("mel").float()
                mean_here = mean
            n_frames = min(n_missing, mel.shape[1])
            start = _draw(mel.shape[1] - n_frames + 1, rng)
            piece = mel[:, start : start + n_frames]
            pieces.append(piece)
            relatives.append(relative_mel(piece, mean_here))
            n_missing -= n_frames
            if n_missing <= 0:
                break
        joined, relative = torch.cat(pieces, 1), torch.cat(relatives, 1)
        if n_missing > 0:
            repeats = -(-self.reference_frames // joined.shape[1])
            joined, relative = joined.repeat(1, repeats), relative.repeat(1, repeats)
        return joined[:, : self.reference_frames], relative[:, : self.reference_frames]


def _draw(n: int, rng: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=rng))


class VoiceData(pl.LightningDataModule):
    """Training and validation segments from ``features``; no dev speaker is ever trained on.

    ``segment_frames`` must be even (two mel frames make one code). An epoch is
    ``steps_per_epoch`` batches in each process, however many there are.
    """

    def __init__(
        self,
        features: str = "features",
        batch_size: int = 24,
        segment_frames: int = 192,
        reference_frames: int = 256,
        steps_per_epoch: int = 500,
        n_validation: int = 96,
        speaker_balance: float = 0.25,
        parallel_share: float = 0.0,
        num_workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if segment_frames % 2 or reference_frames % 2:
            raise ValueError("segment_frames and reference_frames must be even")
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        utterances = read_index(h.features)
        train = [u for u in utterances if u.split == "train"]
        known = {u.speaker for u in train}
        dev = [u for u in utterances if u.split == "dev" and u.speaker not in known]
        if len(known) < 2:
            raise ValueError(
                f"{h.features} holds {len(known)} training speaker(s); "
                "learning to change voices needs at least two"
            )
        if not dev:
            raise ValueError(f"{h.features} holds no dev speakers; run vc prepare --dev-speakers N")
        # Lightning deals the items out among the processes.
        n_processes = self.trainer.world_size if self.trainer is not None else 1
        self.train_set = SegmentDataset(
            train,
            segment_frames=h.segment_frames,
            reference_frames=h.reference_frames,
            n_items=h.batch_size * h.steps_per_epoch * n_processes,
            balance=h.speaker_balance,
            seed=h.seed,
            alignments=read_alignments(h.features) if h.parallel_share > 0 else None,
            parallel_share=h.parallel_share,
        )
        self.dev_set = SegmentDataset(
            dev,
            segment_frames=h.segment_frames,
            reference_frames=h.reference_frames,
            n_items=h.n_validation,
            balance=0.0,
            seed=h.seed,
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose which epoch's segments the training set serves from now on."""
        self.train_set.epoch.fill_(epoch)

    def train_dataloader(self) -> DataLoader:
        if self.trainer is not None:
            self.set_epoch(self.trainer.current_epoch)
        return self._loader(self.train_set)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.dev_set)

    test_dataloader = val_dataloader

    def _loader(self, dataset: SegmentDataset) -> DataLoader:
        h = self.hparams
        return DataLoader(
            dataset,
            batch_size=min(h.batch_size, len(dataset)),
            num_workers=h.num_workers,
            persistent_workers=h.num_workers > 0,
            drop_last=dataset is self.train_set,
        )
