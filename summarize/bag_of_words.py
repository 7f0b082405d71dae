"""Documents as weighted word stems, and two classical ways to compare them: LSA and BM25."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from summarize.text import normalise, split_sentences, word_texts

N_STEMS = 2000
_ENDINGS = re.compile(r"(?:ational|ations?|ingly|edly|ings?|ness|ments?|ies|ied|ed|es|ly|s)$")
_LETTERS = re.compile(r"[^\W\d_]")
# Words that say how a sentence is built and not what it is about.
_FUNCTION = frozenset(
    """
    a an and are as at be been but by for from had has have he her his i if in into is it its
    of on or our she so than that the their them then there these they this to was we were
    what when which who will with would you your not no do does did can could may
    """.split()  # noqa: SIM905 - a list of quoted words would be unreadable
)


def stems(text: str) -> list[str]:
    """Lower-case words of the text without function words, numbers and common English endings."""
    words = (w.lower() for s in split_sentences(normalise(text)) for w in word_texts(s))
    return [stem(w) for w in words if w not in _FUNCTION and _LETTERS.search(w)]


def stem(word: str) -> str:
    """The word without an English ending, where three letters are left."""
    short = _ENDINGS.sub("", word)
    return short if len(short) >= 3 else word


class BagOfWords:
    """Counts (n, V) of the ``n_stems`` most frequent stems, as tf-idf rows of length 1.

    Weights are (1 + log count) · log((1 + n) / (1 + documents with the stem)) + 1.
    """

    def __init__(self, texts: Sequence[str], n_stems: int = N_STEMS) -> None:
        counted = [Counter(stems(text)) for text in texts]
        documents = Counter(s for counts in counted for s in counts)
        ranked = sorted(documents, key=lambda s: (-documents[s], s))[:n_stems]
        if not ranked:
            raise ValueError("the documents hold no words, so there is nothing to compare")
        self.position = {s: i for i, s in enumerate(ranked)}
        seen = torch.tensor([float(documents[s]) for s in ranked])
        self.idf = ((1 + len(texts)) / (1 + seen)).log() + 1
        self.counts = torch.stack([self._counts(counts) for counts in counted])

    def count(self, text: str) -> Tensor:
        """Counts (V,) of a text's stems; others are not seen."""
        return self._counts(Counter(stems(text)))

    def weigh(self, counts: Tensor) -> Tensor:
        """tf-idf (n, V) of counts (n, V), each row of length 1 (or 0 without a known stem)."""
        return F.normalize(torch.where(counts > 0, 1 + counts.clamp_min(1).log(), 0) * self.idf)

    def _counts(self, counts: Counter) -> Tensor:
        row = torch.zeros(len(self.position))
        for s, n in counts.items():
            if s in self.position:
                row[self.position[s]] = n
        return row


class LSA:
    """Codes (n, D) of tf-idf rows: their coordinates on the first D right singular vectors.

    Deerwester et al. 1990: not centred, so that a document without known words is 0.
    """

    def __init__(self, x: Tensor, code_dim: int) -> None:
        if not 1 <= code_dim <= min(x.shape):
            raise ValueError(
                f"LSA of {x.shape[0]} documents and {x.shape[1]} stems has no {code_dim} "
                "dimensions; give more documents or fewer dimensions"
            )
        self.axes = torch.linalg.svd(x, full_matrices=False).Vh[:code_dim]

    def encode(self, x: Tensor) -> Tensor:
        """Codes (n, D) of tf-idf rows (n, V)."""
        return x @ self.axes.T


def bm25(counts: Tensor, query: Tensor, k1: float = 1.5, b: float = 0.75) -> Tensor:
    """Scores (n,) of documents' counts (n, V) for a query's counts (V,) (Robertson 1994)."""
    seen = (counts > 0).sum(0).float()
    idf = ((len(counts) - seen + 0.5) / (seen + 0.5) + 1).log()
    length = counts.sum(1, keepdim=True)
    pull = k1 * (1 - b + b * length / length.mean().clamp_min(1e-9))
    return (counts * (k1 + 1) / (counts + pull).clamp_min(1e-9)) @ (idf * query.clamp_max(1))


def code_dim_for(n_documents: int, wanted: int = 10) -> int:
    """How many dimensions so few documents bear: the wanted ones, but at most half of them."""
    return max(1, min(wanted, math.ceil(n_documents / 2)))
