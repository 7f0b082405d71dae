"""Readings of the same words are found and aligned; others are not."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.vc.features import write_features
from vc.data import VoiceData
from vc.model import mean_spectrum, relative_mel
from vc.parallel import FILE, align, candidates, read_alignments, write_alignments


def words(seed: int, n_frames: int = 240) -> Tensor:
    """A log-mel (80, T) whose shape changes every few frames."""
    rng = torch.Generator().manual_seed(seed)
    knots = torch.randn(8, n_frames // 8, generator=rng)
    path = torch.nn.functional.interpolate(knots[None], n_frames, mode="linear")[0]
    shapes = torch.cos(torch.arange(1, 9)[:, None] * torch.linspace(0, 3.14, 80))
    return -5 + torch.einsum("km,kt->mt", shapes, path)


def slower(mel: Tensor) -> tuple[Tensor, Tensor]:
    """The mel (M, U) with a drawl, of another colour; which frames (U,) its were before."""
    n = mel.shape[1]
    time = torch.linspace(0, 1, round(1.2 * n))
    frames = ((time + 0.04 * torch.sin(6.28 * time)) * (n - 1)).round().long().clamp(0, n - 1)
    return mel[:, frames] + torch.linspace(-2, 2, 80)[:, None], frames


def write_readings(folder: Path) -> list[dict]:
    """s0 and s1 (train) and s2 (dev) read sentence u0 alike, and u1 each something else."""
    write_features(folder, n_speakers=4, n_dev=2)
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    for i, row in enumerate(rows):
        mel = words(0) if row["id"].endswith("u0") else words(1 + i)
        if row["speaker"] == "s1":
            mel = slower(mel)[0]
        row["frames"] = mel.shape[1]
        f0 = torch.full((mel.shape[1],), 120.0)
        save_file({"mel": mel.half(), "f0": f0}, folder / f"{row['id']}.safetensors")
    (folder / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def test_an_alignment_undoes_a_drawl_in_another_voice():
    mel = words(0)
    other, before = slower(mel)
    forth, back, _ = align(mel, other)
    assert forth.shape == (mel.shape[1],)
    assert back.shape == (other.shape[1],)
    assert (back.long() - before).abs().float().quantile(0.9) <= 3
    assert (before[forth.long()] - torch.arange(mel.shape[1])).abs().float().quantile(0.9) <= 3


def test_other_words_are_further_than_the_same_words():
    mel = words(0)
    assert align(mel, slower(mel)[0])[2] < 0.6 * align(mel, slower(words(1))[0])[2]


def test_only_training_utterances_that_sound_alike_are_paired(tmp_path):
    rows = write_readings(tmp_path)
    assert write_alignments(tmp_path, rows) == 2
    assert set(read_alignments(tmp_path)) == {("s0/u0", "s1/u0"), ("s1/u0", "s0/u0")}


def test_a_group_needs_two_speakers_and_known_texts_decide_before_names():
    row = {"split": "train", "corpus": "c", "transcript": None, "parallel": None}
    rows = [
        row | {"id": f"{s}/{u}", "speaker": s, **extra}
        for s, u, extra in (
            ("a", "x", {}),
            ("a", "y", {}),
            ("b", "x", {"transcript": "something else"}),
            ("b", "z", {}),
            ("b", "y", {"split": "dev"}),
            ("a", "p", {"transcript": "hello", "parallel": "text-1"}),
            ("b", "q", {"transcript": "hello", "parallel": "text-1"}),
        )
    ]
    assert candidates(rows) == [[("a", "a/p"), ("b", "b/q")]]


def test_speakers_of_one_recording_each_may_have_read_one_passage():
    row = {"split": "train", "transcript": None, "parallel": None}
    rows = [
        row | {"id": f"{s}/{s}", "speaker": s, "corpus": c}
        for s, c in (("a", "one"), ("b", "one"), ("c", "two"))
    ]
    assert candidates(rows) == [[("a", "a/a"), ("b", "b/b")]]


def test_alignments_are_made_once_and_again_when_a_recording_changes(tmp_path):
    rows = write_readings(tmp_path)
    write_alignments(tmp_path, rows)
    made = (tmp_path / FILE).stat().st_mtime_ns
    write_alignments(tmp_path, rows)
    assert (tmp_path / FILE).stat().st_mtime_ns == made
    f0 = torch.full((240,), 120.0)
    save_file({"mel": words(77).half(), "f0": f0}, tmp_path / "s0" / "u0.safetensors")
    assert write_alignments(tmp_path, rows) == 0


def make_data(folder: Path, share: float) -> VoiceData:
    data = VoiceData(
        str(folder),
        batch_size=4,
        segment_frames=64,
        reference_frames=48,
        n_validation=4,
        num_workers=0,
        parallel_share=share,
    )
    data.setup()
    return data


def test_parallel_segments_are_heard_in_the_other_reading_and_rebuilt_in_their_own(tmp_path):
    write_alignments(tmp_path, write_readings(tmp_path))
    voices = {
        "s0": relative_mel(words(0), mean_spectrum(words(0))),
        "s1": relative_mel(slower(words(0))[0], mean_spectrum(slower(words(0))[0])),
    }
    train = make_data(tmp_path, 1.0).train_set
    for i in range(6):
        item = train[i]
        other = voices["s1" if train.speakers[int(item.speaker)] == "s0" else "s0"]
        # Every frame that is heard is one of the other's.
        assert torch.cdist(item.heard.T, other.T).amin(1).max() < 0.2
        own = voices[train.speakers[int(item.speaker)]]
        assert torch.cdist(item.relative.T, own.T).amin(1).max() < 0.2


def test_without_a_parallel_share_everybody_hears_himself(tmp_path):
    write_alignments(tmp_path, write_readings(tmp_path))
    train = make_data(tmp_path, 0.0).train_set
    assert all(torch.equal(train[i].heard, train[i].relative) for i in range(6))


def test_features_without_alignments_are_refused_with_the_remedy(tmp_path):
    (write_features(tmp_path) / FILE).unlink()
    with pytest.raises(ValueError, match="vc prepare"):
        make_data(tmp_path, 0.5)
