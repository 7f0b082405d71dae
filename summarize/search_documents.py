"""Documents that are about a query, that are unlike the others, and all of them on one map."""

import base64
import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from shared.anomaly import fit_threshold
from shared.autoencoders.dense import Dense
from shared.autoencoders.figures import code_map
from shared.autoencoders.linear import PCA
from shared.corruption import mask
from shared.retrieval import CodeIndex, precision_at, recall_at
from summarize.bag_of_words import LSA, BagOfWords, bm25, code_dim_for
from summarize.documents import Document

METHODS = ("bm25", "lsa", "codes")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Map of documents</title>
<style>body{{font:16px/1.5 system-ui;max-width:52rem;margin:2rem auto}}img{{max-width:100%}}</style>
<h1>Map of documents</h1><img alt="" src="data:image/png;base64,{picture}"><ol>{names}</ol></html>
"""


class Hit(NamedTuple):
    """A document's name and its score, larger = nearer (or odder)."""

    name: str
    score: float


class Oddity(NamedTuple):
    """A document's name, the share of its words' weight the corpus does not explain, the alarm."""

    name: str
    error: float
    is_odd: bool


def search(
    query: str,
    documents: Sequence[Document],
    method: Literal["bm25", "lsa", "codes"] = "bm25",
    *,
    k: int = 10,
    code_dim: int = 10,
) -> list[Hit]:
    """The k documents nearest to the query, best first; those that share nothing are left out.

    "codes" are of a deep autoencoder that is trained on the documents here and now. Raises
    ValueError for an unknown method, no documents, and a query without a word of theirs.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    bag = BagOfWords([document.text for document in documents])
    counts = bag.count(query)
    if not counts.any():
        raise ValueError(f"no word of the query {query!r} is in the documents; try others")
    if method == "bm25":
        score, index = bm25(bag.counts, counts).topk(min(k, len(documents)))
    else:
        x = bag.weigh(bag.counts)
        encode = encoder(x, method, code_dim_for(len(x), code_dim))
        found = CodeIndex(encode(x)).search(encode(bag.weigh(counts[None])), k)
        score, index = found.score[0], found.index[0]
    pairs = zip(score.tolist(), index.tolist(), strict=True)
    return [Hit(documents[i].name, value) for value, i in pairs if value > 0]


def encoder(x: Tensor, method: str, code_dim: int) -> Callable[[Tensor], Tensor]:
    """The function from tf-idf rows (n, V) to codes (n, D), fitted to the rows x."""
    if method == "lsa":
        return LSA(x, code_dim).encode
    return train_autoencoder(x, code_dim).encode


class Precision(NamedTuple):
    """How well codes find documents of the same label: precision@10 and recall@10."""

    method: str
    code_dim: int
    precision: float
    recall: float


def check(
    documents: Sequence[Document], labels: Sequence[str], dimensions: Sequence[int] = (2, 10, 20)
) -> list[Precision]:
    """Rows for LSA and the deep autoencoder at each size; a quarter of the documents are queries.

    Both are fitted to the other three quarters alone, which are what is searched. Raises
    ValueError for fewer than 40 documents, or one label.
    """
    if len(documents) < 40 or len(set(labels)) < 2:
        raise ValueError(
            f"to compare codes takes at least 40 documents of two labels, got {len(documents)} of "
            f"{len(set(labels))}"
        )
    kinds = sorted(set(labels))
    label = torch.tensor([kinds.index(name) for name in labels])
    # by chance, since documents may come in the order of their labels
    order = torch.randperm(len(documents), generator=torch.Generator().manual_seed(0))
    asked = order % 4 == 3
    bag = BagOfWords([d.text for d, query in zip(documents, asked, strict=True) if not query])
    x = bag.weigh(bag.counts)
    queries = [d.text for d, query in zip(documents, asked, strict=True) if query]
    queries = bag.weigh(torch.stack([bag.count(text) for text in queries]))
    rows = []
    for code_dim in dimensions:
        for method in ("lsa", "codes"):
            encode = encoder(x, method, code_dim_for(len(x), code_dim))
            found = CodeIndex(encode(x)).search(encode(queries), 10).index
            precision, recall = (
                float(share(found, label[~asked], label[asked]).nanmean())
                for share in (precision_at, recall_at)
            )
            rows.append(Precision(method, code_dim, precision, recall))
    return rows


def train_autoencoder(x: Tensor, code_dim: int, n_steps: int = 400, seed: int = 0) -> Dense:
    """A deep autoencoder of tf-idf rows x (n, V), in eval mode; the same for the same seed.

    The error is one less the cosine: the length of a row says nothing. Leaves torch's global
    random numbers as they were.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Dense([x.shape[1]], code_dim, [128])
        optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
        for _ in range(n_steps):
            batch = x[torch.randint(len(x), (min(128, len(x)),))]
            # a fifth of the words is hidden, so that the code learns which words go together
            x_hat = network(mask(batch, 0.2))
            loss = 1 - torch.nn.functional.cosine_similarity(x_hat, batch).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network.eval().requires_grad_(False)


def screen(documents: Sequence[Document], rate: float = 0.05, code_dim: int = 10) -> list[Oddity]:
    """Every document, oddest first, by what the others do not explain of it.

    The error of a document is that of its tf-idf row outside the LSA plane of all the *other*
    tenths of the corpus, so nothing explains itself. The threshold is the one that ``rate`` of
    such documents exceed. Raises ValueError for fewer than 20 documents.
    """
    if len(documents) < 20:
        raise ValueError(f"screening needs at least 20 documents, got {len(documents)}")
    bag = BagOfWords([document.text for document in documents])
    x = bag.weigh(bag.counts)
    errors = torch.zeros(len(x))
    for part in range(10):
        held = torch.arange(len(x)) % 10 == part
        axes = LSA(x[~held], code_dim_for(int((~held).sum()), code_dim)).axes
        errors[held] = 1 - (x[held] @ axes.T).square().sum(1)
    odd = fit_threshold(errors, rate).is_odd(errors)
    order = errors.argsort(descending=True).tolist()
    return [Oddity(documents[i].name, float(errors[i]), bool(odd[i])) for i in order]


def write_map(documents: Sequence[Document], output: str | Path) -> Path:
    """The HTML file: documents in the two main directions of their LSA codes, by number.

    Raises ValueError for fewer than three documents.
    """
    if len(documents) < 3:
        raise ValueError(f"a map needs at least three documents, got {len(documents)}")
    bag = BagOfWords([document.text for document in documents])
    x = bag.weigh(bag.counts)
    codes = LSA(x, code_dim_for(len(x))).encode(x)
    codes = torch.nn.functional.pad(codes, (0, max(0, 2 - codes.shape[1])))
    plane = PCA([codes.shape[1]], 2).fit(codes).encode(codes)
    figure = code_map(plane, ["document"] * len(x))
    for number, (a, b) in enumerate(plane.tolist(), start=1):
        figure.axes[0].annotate(str(number), (a, b), (3, 3), textcoords="offset points", fontsize=6)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150)
    names = "".join(f"<li>{html.escape(document.name)}</li>" for document in documents)
    picture = base64.b64encode(stream.getvalue()).decode()
    output = Path(output)
    output.write_text(_PAGE.format(picture=picture, names=names), encoding="utf-8")
    return output
