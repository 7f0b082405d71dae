"""How often the nearest recording is by the same speaker, by our codes and by the outside judge."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor

from shared.retrieval import CodeIndex, precision_at, recall_at
from vc.audio import read_audio
from vc.judges import JudgeError, speaker_embedding
from vc.search import codes_of

if TYPE_CHECKING:
    from vc.inference import VoiceConverter


class Row(NamedTuple):
    """One kind of code: over all recordings with another one by their speaker.

    ``first`` is how often the nearest recording is by the same speaker, ``precision`` the share of
    such among the five nearest, ``recall`` how many of the speaker's others are among the ten.
    """

    codes: str
    first: float
    precision: float
    recall: float


class Check(NamedTuple):
    """A row for each kind of code over ``n_queries`` recordings of ``n_speakers`` speakers."""

    rows: list[Row]
    n_queries: int
    n_speakers: int
    remark: str

    def __str__(self) -> str:
        lines = [
            "| codes | nearest is the same speaker | precision@5 | recall@10 |",
            "|---|---:|---:|---:|",
            *(
                f"| {r.codes} | {100 * r.first:.1f} % | {r.precision:.3f} | {r.recall:.3f} |"
                for r in self.rows
            ),
            f"\n{self.n_queries} recordings of {self.n_speakers} speakers (a folder each)",
        ]
        return "\n".join([*lines, *([self.remark] if self.remark else [])])


def check(
    converter: "VoiceConverter",
    recordings: Sequence[Path],
    *,
    by: Literal["speaker", "content"] = "speaker",
    failed: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Check:
    """Every recording looked for among all others; a speaker is a folder.

    Resemblyzer is asked beside our codes where it is installed (the extra ``eval``). Raises
    ValueError unless there are two speakers and one of them has two recordings.
    """
    paths, codes = codes_of(converter, recordings, by, failed, progress)
    folders = [path.parent for path in paths]
    known = sorted(set(folders))
    labels = torch.tensor([known.index(folder) for folder in folders])
    repeated = {folder for folder, n in Counter(folders).items() if n > 1}
    if len(known) < 2 or not repeated:
        raise ValueError(
            "to check a search, put the recordings of each speaker into a folder of their own: two "
            "speakers at least, and two recordings of one"
        )
    rows = [judged(f"{by} codes", codes - codes.mean(0), labels)]
    remark = ""
    try:
        rows.append(judged("resemblyzer", _resemblyzer(paths), labels))
    except JudgeError as error:
        remark = f"resemblyzer was not asked: {error}"
    n_queries = sum(folder in repeated for folder in folders)
    return Check(rows, n_queries, len(known), remark)


def judged(name: str, codes: Tensor, labels: Tensor) -> Row:
    """The figures of codes (n, D) by cosine; who has no other recording is no query."""
    found = CodeIndex(codes).search(codes, min(11, len(codes))).index
    others = torch.stack([row[row != i] for i, row in enumerate(_with_self(found))])
    queries = (labels[:, None] == labels).sum(1) > 1
    wanted = labels[queries]
    # a query is one of its own label, and not to be found
    n_same = (labels[:, None] == labels).sum(1)[queries].float()
    recall = recall_at(others[queries], labels, wanted) * n_same / (n_same - 1)
    first = precision_at(others[queries][:, :1], labels, wanted)
    precision = precision_at(others[queries][:, :5], labels, wanted)
    return Row(name, float(first.mean()), float(precision.mean()), float(recall.mean()))


def _with_self(found: Tensor) -> Tensor:
    """Neighbours (n, k) in which row i holds i: where twins crowd it out, in the last place."""
    own = torch.arange(len(found))[:, None]
    missing = (found != own).all(1)
    return torch.cat([found[:, :-1], torch.where(missing[:, None], own, found[:, -1:])], 1)


def _resemblyzer(paths: Sequence[Path]) -> Tensor:
    return torch.stack([torch.from_numpy(speaker_embedding(read_audio(p).numpy())) for p in paths])
