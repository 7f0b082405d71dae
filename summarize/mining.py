"""Pairs mined from two files that were never paired: documents and human sentences that happen to
say the same.

Where several outlets report one event, a headline of one says what the lead of another says. Such
pairs are found by likeness, as translations are mined from texts in two languages (Munteanu and
Marcu 2005; for summaries, the retrieved templates of Cao et al. 2018), and kept only if the
sentence says nothing that the document does not: every number and name of it must stand there.
What they teach is what no search can: how people put into words of their own what a document says.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from summarize.encoder import END
from summarize.metrics import FUNCTION_WORDS
from summarize.noising import usual_case
from summarize.teacher import FEWEST_LEFT_OUT, Lessons

CHUNK = 2000  # documents that are compared at once
N_CANDIDATES = 30  # sentences of each document that are looked at closely
FEWEST_WORDS = 5  # of a sentence that stands for a document
STEM = 4  # letters that two forms of a word share at least
FILE = "mined.npz"
# What begins with one of these asks, and does not tell.
QUESTIONS = """
    are can could did do does has have how is should what when where which who why will would
"""
ASKING = frozenset(QUESTIONS.split())


@dataclass(frozen=True)
class Likeness:
    """When a sentence may stand for a document. Words weigh by how rare they are."""

    coverage: float = 0.55  # share of the sentence's words that the document holds, by weight
    share: float = 0.2  # share of the document's words that the sentence holds, by weight
    n_shared: int = 3  # content words at least
    copied: float = 0.5  # share of the sentence's words at least
    added: float = 0.2  # share of its words at most that say what no word of the document does
    commonest: int = 3000  # a word in more lines than these finds no candidates
    most_documents: int = 3  # that one sentence may stand for


class NothingMinedError(ValueError):
    """No sentence says what a document says."""


class Pair(NamedTuple):
    """A document and a sentence, by place; for each of the sentence's words the place in the
    document, or the word as it is to be written; and how alike the two are, in [0, 1]."""

    document: int
    sentence: int
    target: list[int | str]
    likeness: float


def mined_pairs(
    documents: Sequence[Sequence[str]],
    sentences: Sequence[Sequence[str]],
    likeness: Likeness | None = None,
) -> list[Pair]:
    """The best sentence of every document that has one, best pairs first.

    Both are words. Linear in the number of lines but for words that many of them share, which are
    left out of the search for candidates (``commonest``).
    """
    likeness = likeness or Likeness()
    usual = usual_case(documents)
    terms = _Terms(documents, sentences)
    found: list[Pair] = []
    for document, candidates in terms.candidates(likeness):
        for sentence, alike in candidates:
            target = aligned(documents[document], sentences[sentence], usual)
            if target and _tells(target, documents[document], likeness):
                found.append(Pair(document, sentence, target, alike))
                break
    found.sort(key=lambda pair: (-pair.likeness, pair.document))
    n_of: Counter[int] = Counter()
    kept = []
    for pair in found:
        n_of[pair.sentence] += 1
        if n_of[pair.sentence] <= likeness.most_documents:
            kept.append(pair)
    return kept


def mine(
    folder: str | Path,
    documents: Sequence[Sequence[str]],
    sentences: Sequence[Sequence[str]],
    actions: Callable[[Sequence[int | str], int], list[int]],
    n_vocabulary: int,
) -> Lessons:
    """The mined pairs of a prepared folder as lessons: those it keeps, or new ones, which it then
    keeps. ``actions`` are those of a target for a document of so many words, or none if a word of
    it cannot be generated. Raises NothingMinedError if no pair is found."""
    path = Path(folder) / FILE
    if path.is_file():
        lessons = Lessons.load(path)
        if len(lessons) == len(documents):
            return lessons
    of_documents = {
        pair.document: [action for action in row if action != END]
        for pair in mined_pairs(documents, sentences)
        if (row := actions(pair.target, len(documents[pair.document])))
    }
    if not of_documents:
        raise NothingMinedError(
            f"{folder}: no sentence says what a document says, so there is nothing to mine; "
            "set data.mined to 0"
        )
    lessons = Lessons.of_actions(of_documents, len(documents), n_vocabulary)
    lessons.save(path)
    return lessons


def aligned(
    document: Sequence[str], sentence: Sequence[str], usual: Mapping[str, str]
) -> list[int | str]:
    """For each word of the sentence its place in the document, or the word in lower case.

    A word that comes several times is taken where the last one was left off, so that runs of words
    stay runs. Empty if the sentence has a number or a name (a word that ``usual`` writes with a
    capital, or does not know and the sentence capitalises) that the document lacks.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for i, word in enumerate(document):
        places[word.lower()].append(i)
    target: list[int | str] = []
    last = -1
    for word in sentence:
        free = places.get(word.lower())
        if free:
            last = next((p for p in free if p > last), free[0])
            free.remove(last)
            target.append(last)
            continue
        if _is_protected(usual.get(word.lower(), word)):
            return []
        target.append(word.lower())
    return target


class _Terms:
    """Content words of documents and sentences as sparse matrices, weighed by rarity."""

    def __init__(
        self, documents: Sequence[Sequence[str]], sentences: Sequence[Sequence[str]]
    ) -> None:
        rows = [_content(words) for words in documents]
        others = [_content(words) for words in sentences]
        self.in_documents = Counter(term for row in rows for term in row)
        self.in_sentences = Counter(term for row in others for term in row)
        self.n_lines = len(rows) + len(others)
        shared = sorted(self.in_documents.keys() & self.in_sentences.keys())
        self.number = {term: i for i, term in enumerate(shared)}
        self.weights = np.array([self._weight(term) for term in shared], np.float32)
        self.documents = self._matrix(rows)
        self.sentences = self._matrix(others)
        self.document_weights = self._totals(rows)
        self.sentence_weights = self._totals(others)

    def candidates(self, likeness: Likeness):
        """(document, [(sentence, likeness), ...] from the best) of every document with any."""
        rare = np.array(
            [
                max(self.in_documents[term], self.in_sentences[term]) <= likeness.commonest
                for term in self.number
            ],
            dtype=bool,
        )
        weighed = self.documents @ sparse.diags(self.weights * rare)
        sentences = self.sentences.T.tocsr()
        exact = self.documents @ sparse.diags(self.weights)
        for start in range(0, weighed.shape[0], CHUNK):
            products = (weighed[start : start + CHUNK] @ sentences).tocsr()
            for i in range(products.shape[0]):
                row = slice(products.indptr[i], products.indptr[i + 1])
                best = _largest(products.indices[row], products.data[row])
                if len(best):
                    document = start + i
                    yield document, self._weighed(document, best, exact, likeness)

    def _weighed(self, document: int, sentences: np.ndarray, exact, likeness: Likeness):
        rows = self.sentences[sentences]
        shared = (rows @ exact[document].T).toarray().ravel()
        n_shared = (rows @ self.documents[document].T).toarray().ravel()
        coverage = shared / np.maximum(self.sentence_weights[sentences], 1e-6)
        share = shared / max(self.document_weights[document], 1e-6)
        good = (
            (n_shared >= likeness.n_shared)
            & (coverage >= likeness.coverage)
            & (share >= likeness.share)
        )
        alike = 2 * coverage * share / np.maximum(coverage + share, 1e-6)
        order = np.argsort(-alike[good], kind="stable")
        pairs = zip(sentences[good][order], alike[good][order], strict=True)
        return [(int(s), float(a)) for s, a in pairs]

    def _weight(self, term: str) -> float:
        return float(np.log(self.n_lines / (self.in_documents[term] + self.in_sentences[term])))

    def _totals(self, rows: Sequence[set[str]]) -> np.ndarray:
        return np.array([sum(map(self._weight, row)) for row in rows], np.float32)

    def _matrix(self, rows: Sequence[set[str]]) -> sparse.csr_matrix:
        known = [sorted(self.number[term] for term in row & self.number.keys()) for row in rows]
        starts = np.cumsum([0, *map(len, known)])
        places = np.array([place for row in known for place in row], np.int32)
        shape = (len(rows), len(self.number))
        return sparse.csr_matrix((np.ones(len(places), np.float32), places, starts), shape)


def _content(words: Sequence[str]) -> set[str]:
    terms = (word.lower().removesuffix("'s") for word in words)
    return {term for term in terms if term not in FUNCTION_WORDS}


def _largest(indices: np.ndarray, values: np.ndarray) -> np.ndarray:
    if len(values) <= N_CANDIDATES:
        return indices
    return indices[np.argpartition(-values, N_CANDIDATES)[:N_CANDIDATES]]


def _is_protected(word: str) -> bool:
    return not word.isascii() or word != word.lower() or any(c.isdigit() for c in word)


def _tells(target: Sequence[int | str], document: Sequence[str], likeness: Likeness) -> bool:
    """Whether the sentence is one that may be learned: it says little that is not in the document,
    is shorter than that, and asks nothing."""
    n = len(target)
    if not FEWEST_WORDS <= n <= len(document) - FEWEST_LEFT_OUT:
        return False
    first = target[0] if isinstance(target[0], str) else document[target[0]].lower()
    written = [word for word in target if isinstance(word, str)]
    if first in ASKING or n - len(written) < likeness.copied * n:
        return False
    forms = {word.lower() for word in document}
    added = [word for word in written if word not in FUNCTION_WORDS and not _has_kin(word, forms)]
    return len(added) <= max(1, likeness.added * n)


def _has_kin(word: str, others: set[str]) -> bool:
    """Whether one of the others begins as the word does, but for two letters at most."""
    return any(
        word[:n] == other[:n]
        for other in others
        if min(len(word), len(other)) >= STEM
        for n in (max(STEM, min(len(word), len(other)) - 2),)
    )
