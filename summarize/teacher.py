"""The search as a teacher: its codes for many documents and lengths, found once and kept.

Searching while training would cost as much as the training itself.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from summarize.search import Search
from summarize.text import LONGEST_SENTENCE, word_texts

SHORTEST_CODE, LONGEST_CODE = 4, 30  # words
FEWEST_LEFT_OUT = 2  # words; a document must be longer than its code
N_HUMAN, N_UNIFORM = 3, 2  # lengths of each document: as people write, and of every kind
FILE = "teacher.npz"


class Lessons:
    """Codes of documents: which words are kept, for several lengths each.

    ``starts`` (D + 1) says which codes belong to a document, ``ends`` (C + 1) which entries of
    ``kept`` belong to a code: places in the document, or -1 - v for a subword v that is generated.
    """

    def __init__(self, starts: np.ndarray, ends: np.ndarray, kept: np.ndarray) -> None:
        self.starts = starts
        self.ends = ends
        self.kept = kept

    @classmethod
    def of_actions(
        cls, actions: Mapping[int, Sequence[int]], n_documents: int, n_vocabulary: int
    ) -> "Lessons":
        """One code, without its end, for each of the documents that are named."""
        starts = np.cumsum([0] + [int(i in actions) for i in range(n_documents)])
        rows = [actions[i] for i in sorted(actions)]
        ends = np.cumsum([0] + [len(row) for row in rows])
        flat = np.array([action for row in rows for action in row], np.int32)
        kept = np.where(flat >= n_vocabulary, flat - n_vocabulary, -1 - flat)
        return cls(starts, ends, kept)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def is_searched(self) -> bool:
        """Whether the codes are the search's: places only."""
        return self.kept.dtype == np.uint8

    def n_codes(self, document: int) -> int:
        """How many lengths the document was searched for; 0 if it is too short for any."""
        return int(self.starts[document + 1] - self.starts[document])

    def code(self, document: int, index: int) -> np.ndarray:
        """One of its codes (L,)."""
        code = self.starts[document] + index
        return self.kept[self.ends[code] : self.ends[code + 1]].astype(np.int64)

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        aside = path.with_suffix(".part.npz")
        np.savez(aside, starts=self.starts, ends=self.ends, kept=self.kept)
        aside.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Lessons":
        """The lessons that `save` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["starts"], arrays["ends"], arrays["kept"])


def teach(
    folder: str | Path, documents: Sequence[str], human_lengths: Sequence[int], n_processes: int = 1
) -> Lessons:
    """The lessons of a prepared folder: those it keeps, or new ones, which it then keeps.

    Lengths are a function of the document's place, so the lessons are the same every time.
    """
    path = Path(folder) / FILE
    if path.is_file():
        lessons = Lessons.load(path)
        if len(lessons) == len(documents):
            return lessons
    jobs = [
        (text, _lengths(i, len(word_texts(text)), human_lengths))
        for i, text in enumerate(documents)
    ]
    starts, ends, kept = [0], [0], []
    for codes in _searched(Path(folder) / "search", jobs, n_processes):
        starts.append(starts[-1] + len(codes))
        for code in codes:
            kept.extend(code)
            ends.append(len(kept))
    lessons = Lessons(np.array(starts), np.array(ends), np.array(kept, np.uint8))
    lessons.save(path)
    return lessons


def _lengths(place: int, n_words: int, human_lengths: Sequence[int]) -> list[int]:
    """The distinct lengths to search a document of so many words for."""
    longest = min(LONGEST_CODE, min(n_words, LONGEST_SENTENCE) - FEWEST_LEFT_OUT)
    if longest < SHORTEST_CODE:
        return []
    generator = random.Random(f"lengths-{place}")
    drawn = [min(generator.choice(human_lengths), longest) for _ in range(N_HUMAN)]
    drawn += [generator.randint(SHORTEST_CODE, longest) for _ in range(N_UNIFORM)]
    return sorted({n for n in drawn if n >= SHORTEST_CODE})


def _searched(
    folder: Path, jobs: list[tuple[str, list[int]]], n_processes: int
) -> Iterator[list[tuple[int, ...]]]:
    if n_processes < 2:
        _open(folder)
        yield from map(_codes, jobs)
        return
    with get_context("spawn").Pool(n_processes, _open, (folder,)) as pool:
        yield from pool.imap(_codes, jobs, chunksize=500)


def _open(folder: Path) -> None:
    global _search
    _search = Search.load(folder)


def _codes(job: tuple[str, list[int]]) -> list[tuple[int, ...]]:
    text, lengths = job
    if not lengths:
        return []
    return [code.kept for code in _search.codes(word_texts(text)[:LONGEST_SENTENCE], lengths)]
