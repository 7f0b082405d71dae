"""Any corpus into a folder that training reads: two files of unpaired lines go in."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from summarize.documents import DocumentError, read_lines
from summarize.search import Weights, train_search
from summarize.text import normalise, train_subwords, word_texts

FORMAT = 1
HOLD_OUT = 10  # every tenth human sentence is kept for judges
FEWEST_WORDS, MOST_WORDS = 3, 30  # of a human sentence that teaches what a code looks like


class Prepared(NamedTuple):
    """How many lines of each kind came through."""

    n_documents: int
    n_sentences: int
    n_held_out: int


def prepare(
    documents: str | Path,
    sentences: str | Path,
    folder: str | Path,
    n_vocabulary: int = 8000,
    min_count: int = 3,
    weights: Weights | None = None,
) -> Prepared:
    """Write ``folder`` from two files of lines (txt or jsonl, gzipped or not), and say how many.

    It holds ``documents.txt``, ``sentences.txt`` and ``held_out.txt`` (every tenth sentence, which
    nothing that is trained may read), normalised, without repetitions; ``tokenizer.json``;
    ``search/``, the tables of the search; and ``config.json``. All is written aside and renamed
    when whole. Raises ValueError if a file cannot be read or holds too little, or if the folder
    has something in it. ``weights`` are the search's, by default those for single sentences.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty; give another folder")
    texts = list(_distinct(read_lines(documents)))
    humans = [
        line
        for line in _distinct(read_lines(sentences))
        if FEWEST_WORDS <= len(line.split()) <= MOST_WORDS
    ]
    held_out, taught = humans[::HOLD_OUT], [x for i, x in enumerate(humans) if i % HOLD_OUT]
    if not texts or not taught:
        path = documents if not texts else sentences
        raise DocumentError(f"{path} holds no usable line ({FEWEST_WORDS} words or more)")

    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        search = train_search(map(word_texts, texts), map(word_texts, taught), min_count, weights)
        search.save(aside / "search")
        train_subwords([*texts, *taught], n_vocabulary).save(str(aside / "tokenizer.json"))
        for name, lines in (("documents", texts), ("sentences", taught), ("held_out", held_out)):
            (aside / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        counts = Prepared(len(texts), len(taught), len(held_out))
        config = {"format": FORMAT, "min_count": min_count, **counts._asdict()}
        (aside / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        aside.chmod(0o755)  # mkdtemp's folders are closed to others
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return counts


def _distinct(lines: Iterator[str]) -> Iterator[str]:
    """The lines, normalised to one line each, the first of equal ones, three words or more."""
    seen: set[str] = set()
    for line in lines:
        line = " ".join(normalise(line).split())
        key = line.lower()
        if key not in seen and len(line.split()) >= FEWEST_WORDS:
            seen.add(key)
            yield line
