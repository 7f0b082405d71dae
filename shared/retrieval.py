"""Nearest neighbours among codes of anything: documents, images, voices."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

METRICS = ("cosine", "euclidean", "hamming")
# Queries compared at once: memory of the exact search, never its result.
_QUERIES = 256


class Neighbours(NamedTuple):
    """The k best of each query, best first: ``score`` (Q, k), larger = nearer; ``index`` (Q, k)."""

    score: Tensor
    index: Tensor


class CodeIndex:
    """An exact index over codes (n, D); it knows neither what they are codes of nor by whom.

    Scores are the cosine, the negative distance, or the negative number of differing bits of codes
    binarised at the median of each dimension over the index (semantic hashing, Salakhutdinov and
    Hinton 2007). ``weights`` names the weights that made the codes (a fingerprint); a search with
    another name is refused. ``backend="faiss"`` (extra) is for millions of codes.
    """

    def __init__(
        self,
        codes: Tensor,
        metric: str = "cosine",
        *,
        weights: str = "",
        backend: str = "exact",
    ) -> None:
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
        if codes.ndim != 2 or 0 in codes.shape:
            raise ValueError(f"codes must be (n, D) and not empty, got {tuple(codes.shape)}")
        if not bool(torch.isfinite(codes).all()):
            raise ValueError("codes hold values that are not finite; leave out what made them")
        self.metric, self.weights = metric, weights
        self.threshold = codes.float().median(0).values
        self.codes = self._comparable(codes)
        self._faiss = _faiss_index(self.codes, metric) if backend == "faiss" else None
        if backend not in ("exact", "faiss"):
            raise ValueError(f"backend must be exact or faiss, got {backend!r}")

    def __len__(self) -> int:
        return len(self.codes)

    def search(self, queries: Tensor, k: int = 10, *, weights: str | None = None) -> Neighbours:
        """The min(k, n) nearest codes of each query (Q, D).

        Raises ValueError for codes of another width, of other weights, and k below 1.
        """
        if queries.ndim != 2 or queries.shape[1] != self.codes.shape[1]:
            raise ValueError(
                f"queries must be (Q, {self.codes.shape[1]}), as wide as the index, "
                f"got {tuple(queries.shape)}"
            )
        if weights is not None and weights != self.weights:
            raise ValueError(
                f"the index is of other weights ({self.weights or 'unnamed'}, the query is of "
                f"{weights}); build the index again"
            )
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        k = min(k, len(self))
        wanted = self._comparable(queries)
        if self._faiss is not None:
            return self._search_faiss(wanted, k)
        parts = [self._scores(part).topk(k) for part in wanted.split(_QUERIES)]
        return Neighbours(
            torch.cat([p.values for p in parts]), torch.cat([p.indices for p in parts])
        )

    def _comparable(self, codes: Tensor) -> Tensor:
        codes = codes.detach().float().cpu()
        if self.metric == "cosine":
            return F.normalize(codes, dim=1)
        if self.metric == "hamming":
            return (codes > self.threshold).float() * 2 - 1
        return codes

    def _scores(self, queries: Tensor) -> Tensor:
        if self.metric == "euclidean":
            # not by the product: it loses the digits of near neighbours
            return -torch.cdist(queries, self.codes, compute_mode="donot_use_mm_for_euclid_dist")
        similarity = queries @ self.codes.T
        if self.metric == "hamming":
            return (similarity - self.codes.shape[1]) / 2
        return similarity

    def _search_faiss(self, queries: Tensor, k: int) -> Neighbours:
        values, index = self._faiss.search(queries.numpy(), k)
        score = torch.from_numpy(values)
        if self.metric == "euclidean":
            score = -score.clamp_min(0).sqrt()
        if self.metric == "hamming":
            score = (score - self.codes.shape[1]) / 2
        return Neighbours(score, torch.from_numpy(index))


def precision_at(index: Tensor, labels: Tensor, wanted: Tensor) -> Tensor:
    """Share of the neighbours (Q, k) with the label ``wanted`` (Q,) of their query (Q,)."""
    return (labels[index] == wanted[:, None]).float().mean(1)


def recall_at(index: Tensor, labels: Tensor, wanted: Tensor) -> Tensor:
    """How much of everything with the wanted label is among the neighbours (Q,); nan if nothing."""
    n_relevant = (labels[None] == wanted[:, None]).sum(1)
    return (labels[index] == wanted[:, None]).sum(1) / n_relevant.float()


def _faiss_index(codes: Tensor, metric: str) -> object:
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            "backend faiss needs faiss: pip install 'bowtie-ae[faiss]', or take backend exact"
        ) from error
    kind = faiss.IndexFlatL2 if metric == "euclidean" else faiss.IndexFlatIP
    index = kind(codes.shape[1])
    index.add(codes.numpy())
    return index
