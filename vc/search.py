"""Recordings that sound like this one, or that say something like it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor

from shared.retrieval import CodeIndex
from vc.listening import hear, usable

if TYPE_CHECKING:
    from vc.inference import VoiceConverter

CODES = ("speaker", "content")


class Hit(NamedTuple):
    """A recording and the cosine of its code with the query's."""

    path: Path
    score: float


def code_of(converter: "VoiceConverter", path: Path, by: Literal["speaker", "content"]) -> Tensor:
    """One code (D,) of a recording: its voice, or the spread and mean of what is said in it.

    Content is compared without its order: means and pairwise products of the codes over time.
    """
    heard = hear(converter, path)
    if by == "speaker":
        return heard.speaker.vector[0].cpu()
    codes = heard.content[0].cpu()
    rows, columns = torch.triu_indices(len(codes), len(codes))
    products = codes @ codes.T / codes.shape[1]
    return torch.cat([codes.mean(1), products[rows, columns]])


def codes_of(
    converter: "VoiceConverter",
    recordings: Sequence[Path],
    by: Literal["speaker", "content"],
    failed: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> tuple[list[Path], Tensor]:
    """The recordings that can be used and their codes (n, D); raises ValueError if none can."""
    paths, codes = [], []
    for path, code in usable(recordings, partial(code_of, converter, by=by), failed, progress):
        paths.append(path)
        codes.append(code)
    if not paths:
        raise ValueError("none of the recordings could be used, so there is nothing to search")
    return paths, torch.stack(codes)


def search(
    converter: "VoiceConverter",
    query: str | Path,
    recordings: Sequence[Path],
    *,
    by: Literal["speaker", "content"] = "speaker",
    k: int = 10,
    failed: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Hit]:
    """The k recordings nearest to the query, best first; the query itself is left out.

    Codes are compared around their mean over the recordings. ``failed`` is told of recordings that
    cannot be used, ``progress`` how many are done of how many. Raises ValueError if the query
    cannot, or none of them can.
    """
    if by not in CODES:
        raise ValueError(f"search by {' or '.join(CODES)}, not by {by}")
    wanted = code_of(converter, Path(query), by)
    others = [path for path in recordings if path.resolve() != Path(query).resolve()]
    paths, table = codes_of(converter, others, by, failed, progress)
    # with one recording there is no mean to go around
    centre = table.mean(0) if len(table) > 2 else torch.zeros(table.shape[1])
    index = CodeIndex(table - centre, weights=converter.fingerprint)
    found = index.search((wanted - centre)[None], k, weights=converter.fingerprint)
    return [
        Hit(paths[i], score)
        for score, i in zip(found.score[0].tolist(), found.index[0].tolist(), strict=True)
    ]
