"""The autoencoder's own proof: how much of documents a fresh network rebuilds from frozen codes.

The network is trained here, on codes that stay as they are, and scored on documents that it has not
seen; so a secret language between encoder and decoder is of no use. It is scored with the codes of
other documents too: if that costs nothing, the codes say nothing.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from summarize import metrics
from summarize.text import word_texts


class Reconstruction(NamedTuple):
    """How well documents are rebuilt, one value a document: recall 0 to 1, nats a content word,
    and nats a content word from the code of another document."""

    recall: list[float]
    nll: list[float]
    shuffled_nll: list[float]


def reconstruction(
    codes: Sequence[str],
    documents: Sequence[str],
    n_vocabulary: int = 5000,
    n_epochs: int = 12,
    seed: int = 0,
) -> Reconstruction:
    """What a fresh decoder rebuilds of the last third of the documents from their codes alone.

    The decoder is a small network from the bag of a code's words to that of the document's content
    words, trained on the first two thirds. ``recall``: the share of a document's content words
    among as many predictions, those in the code included. ``nll``: per content word known to it.
    Documents without a content word that it knows are left out. Raises ValueError for fewer than 6
    documents.
    """
    if len(codes) != len(documents) or len(codes) < 6:
        raise ValueError(
            f"{len(codes)} codes and {len(documents)} documents; "
            "reconstruction needs one code for each of at least 6 documents"
        )
    sources = [list(dict.fromkeys(metrics.content_words(d))) for d in documents]
    held = [[w.lower() for w in word_texts(code)] for code in codes]
    n_train = len(codes) * 2 // 3
    counts = Counter(word for row in sources[:n_train] for word in row)
    number_of = {word: i for i, (word, _) in enumerate(counts.most_common(n_vocabulary))}
    bags, targets = _bags(held, number_of), _bags(sources, number_of)
    generator = torch.Generator().manual_seed(seed)
    decoder = _BagDecoder(len(number_of), generator)
    _fit(decoder, bags[:n_train], targets[:n_train], n_epochs, generator)
    with torch.no_grad():
        own = F.log_softmax(decoder(bags[n_train:]), dim=-1)
        others = F.log_softmax(decoder(bags[n_train:].roll(1, 0)), dim=-1)
    words = list(number_of)
    result = Reconstruction([], [], [])
    for row, other, source, code in zip(
        own, others, sources[n_train:], held[n_train:], strict=True
    ):
        known = [number_of[word] for word in source if word in number_of]
        if not known:
            continue
        result.recall.append(_recalled(row, words, source, code))
        result.nll.append(-float(row[known].mean()))
        result.shuffled_nll.append(-float(other[known].mean()))
    return result


def _recalled(log_probs: Tensor, words: list[str], source: list[str], code: list[str]) -> float:
    """The share of the source's words among as many: the code's own, then the likeliest."""
    said = [word for word in dict.fromkeys(code) if word not in metrics.FUNCTION_WORDS]
    likely = log_probs.topk(min(len(words), len(source) + len(said))).indices
    predicted = dict.fromkeys([*said, *(words[i] for i in likely)])
    return len(set(list(predicted)[: len(source)]) & set(source)) / len(source)


class _BagDecoder(nn.Module):
    """Log-linear in the code's words, plus a narrow network over them."""

    def __init__(self, n_words: int, generator: torch.Generator, hidden_dim: int = 128) -> None:
        super().__init__()
        self.narrow = nn.Parameter(torch.randn(n_words, hidden_dim, generator=generator) * 0.1)
        self.wide = nn.Parameter(torch.randn(hidden_dim, n_words, generator=generator) * 0.1)
        self.usual = nn.Parameter(torch.zeros(n_words))
        self.same = nn.Parameter(torch.ones(n_words))

    def forward(self, bag: Tensor) -> Tensor:
        return torch.relu(bag @ self.narrow) @ self.wide + self.same * bag + self.usual


def _fit(
    decoder: _BagDecoder, bags: Tensor, targets: Tensor, n_epochs: int, generator: torch.Generator
) -> None:
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=5.0e-3, weight_decay=0.05)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(bags), generator=generator).split(64):
            log_probs = F.log_softmax(decoder(bags[rows]), dim=-1)
            loss = -(targets[rows] * log_probs).sum() / targets[rows].sum().clamp(min=1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _bags(rows: Sequence[Sequence[str]], number_of: dict[str, int]) -> Tensor:
    bags = torch.zeros(len(rows), len(number_of))
    for i, row in enumerate(rows):
        bags[i, [number_of[word] for word in row if word in number_of]] = 1.0
    return bags
