"""What the map of documents can do, without the page."""

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from demo.drawings import Bar, Point, bars, points_map
from demo.reading import MAX_WORDS, read_all
from shared.autoencoders.linear import PCA
from shared.generation import interpolate
from shared.retrieval import CodeIndex
from summarize.bag_of_words import LSA, BagOfWords, code_dim_for
from summarize.documents import Document, read_documents
from summarize.search_documents import screen, search
from summarize.text import count_words

EXAMPLES = Path(__file__).parent / "assets" / "documents.jsonl"
METHODS = {
    "bm25": "Its words",
    "lsa": "Its topics",
    "codes": "Codes of an autoencoder",
}
MAX_DOCUMENTS = 500
_FEWEST = 3
# Stops on the way from one document to another, both ends included.
_STOPS = 9
_SHOWN = 5
_NAME = 40
_SNIPPET = 28  # words
_ROW = re.compile(r"^.*?\.(?:nd)?jsonl:")


class Shelf(NamedTuple):
    """Documents of different names, their codes (n, D), and those in the plane (n, 2)."""

    documents: tuple[Document, ...]
    codes: Tensor
    plane: Tensor

    @property
    def names(self) -> list[str]:
        return [document.name for document in self.documents]


def read_examples() -> Shelf:
    """The documents that come with the page."""
    return shelve(read_documents(EXAMPLES))


def read_shelf(files: Sequence[str] | None, text: str | None) -> Shelf:
    """The documents of the files, and the paragraphs of the text.

    Raises ValueError with one sentence for a file that cannot be read and for fewer than three.
    """
    documents = [document for file in files or [] for document in read_all(file)]
    paragraphs = [part.strip() for part in (text or "").split("\n\n") if part.strip()]
    documents += [Document(_opening(part)[:_NAME], part) for part in paragraphs]
    if not documents:
        raise ValueError(
            "There are no documents yet: upload some, or paste texts with an empty line between."
        )
    return shelve(documents)


def shelve(documents: Iterable[Document]) -> Shelf:
    """The documents with their codes (LSA), under names that differ."""
    named: dict[str, Document] = {}
    for document in documents:
        # of a row of a table its own name counts, not that of the table
        name = stem = _ROW.sub("", Path(document.name).name)[:_NAME] or "document"
        number = 1
        while name in named:
            number += 1
            name = f"{stem} ({number})"
        named[name] = Document(name, document.text)
        if len(named) > MAX_DOCUMENTS:
            raise ValueError(f"Please keep to {MAX_DOCUMENTS} documents.")
    if len(named) < _FEWEST:
        raise ValueError(f"A map needs at least {_FEWEST} documents, and here are {len(named)}.")
    if sum(count_words(document.text) for document in named.values()) > MAX_WORDS:
        raise ValueError(f"Please keep to {MAX_WORDS:,} words in all documents together.")
    bag = BagOfWords([document.text for document in named.values()])
    x = bag.weigh(bag.counts)
    codes = LSA(x, code_dim_for(len(x))).encode(x)
    codes = F.pad(codes, (0, max(0, 2 - codes.shape[1])))
    plane = PCA([codes.shape[1]], 2).fit(codes).encode(codes)
    return Shelf(tuple(named.values()), codes, plane)


def drawn(shelf: Shelf, way: Sequence[str] = ()) -> str:
    """The map as SVG; ``way`` are the names of documents to join."""
    points = [
        Point(x, y, document.name, 0, f"{document.name}: {_opening(document.text)}")
        for (x, y), document in zip(shelf.plane.tolist(), shelf.documents, strict=True)
    ]
    return points_map(points, way, label="Map of documents", named=len(points) <= 12)


def path(shelf: Shelf, first: str | None, second: str | None) -> tuple[list[str], str]:
    """(names, HTML) of the documents nearest to the way between the codes of two."""
    start, end = (_place(shelf, name) for name in (first, second))
    if start == end:
        raise ValueError("Please choose two different documents.")
    stops = interpolate(shelf.codes[start], shelf.codes[end], _STOPS)[1:-1]
    nearest = CodeIndex(shelf.codes, "euclidean").search(stops, 3).index.tolist()
    # between the ends, the nearest of the others; each once, where the way first comes by
    between = [next(i for i in row if i not in (start, end)) for row in nearest]
    way = [shelf.documents[i] for i in dict.fromkeys([start, *between, end])]
    items = "".join(
        f"<li><strong>{html.escape(document.name)}</strong> {html.escape(_opening(document.text))}"
        "</li>"
        for document in way
    )
    return [document.name for document in way], f'<ol class="stops">{items}</ol>'


def found(shelf: Shelf, query: str | None, method: str) -> str:
    """The documents nearest to a query or an example text, as bars."""
    if not (query or "").strip():
        raise ValueError("There is nothing to look for yet: type some words, or paste a text.")
    if method not in METHODS:
        raise ValueError(f"Compare by {', '.join(METHODS)}, not by {method}.")
    hits = search(query, shelf.documents, method, k=_SHOWN)
    if not hits:
        return "<p>No document is near to that.</p>"
    best = max(hit.score for hit in hits)
    rows = [Bar(hit.name, hit.score / best, f"{hit.score:.2f}") for hit in hits]
    return bars(rows, f"Nearest by {METHODS[method].lower()}")


def oddest(shelf: Shelf, rate: float) -> str:
    """The documents that the others explain least, as bars; ``rate`` percent are to be alarms."""
    found = screen(shelf.documents, min(max(rate, 1.0), 50.0) / 100)[:_SHOWN]
    rows = [
        Bar(name, error, f"{error:.0%}" + (" odd" if is_odd else ""), is_odd)
        for name, error, is_odd in found
    ]
    return bars(rows, "How much of it the other documents do not explain")


def _place(shelf: Shelf, name: str | None) -> int:
    if name not in shelf.names:
        raise ValueError("Please choose two documents on the map or from the lists.")
    return shelf.names.index(name)


def _opening(text: str) -> str:
    words = text.split()
    return " ".join(words[:_SNIPPET]) + (" …" if len(words) > _SNIPPET else "")
