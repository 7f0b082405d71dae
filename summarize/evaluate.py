"""Judging: systems side by side on pairs of document and human summary.

No judge here is part of a training loss. Every number comes with a 95 % bootstrap interval.
"""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from summarize import metrics
from summarize.documents import DocumentError
from summarize.inference import Summarizer
from summarize.metrics import Interval, bootstrap
from summarize.ngrams import NgramModel
from summarize.rankers import first_sentences, rankers
from summarize.rebuilding import reconstruction
from summarize.text import normalise, word_texts

Table = dict[str, dict[str, Interval]]
Columns = Sequence[tuple[str, str]]

LIKENESS = (
    ("rouge1", "R-1"),
    ("rouge2", "R-2"),
    ("rougeL", "R-L"),
    ("over_lead", "R-1 over a lead as long"),
    ("words", "words"),
    ("empty", "empty %"),
)
QUALITY = (
    ("novel", "novel words %"),
    ("novel2", "novel 2-grams %"),
    ("perplexity", "perplexity / human"),
    ("protected", "digits, names in source %"),
    ("dangling", "dangling %"),
    ("repetition", "repeated %"),
    ("lead_overlap", "of lead %"),
    ("distinct", "distinct 2-grams %"),
)
PROOF = (
    ("recall", "rebuilt content words %"),
    ("nll", "NLL of content words"),
    ("code_gain", "NLL lost by shuffling codes"),
)


class Pair(NamedTuple):
    """A document and the summary that a person wrote for it."""

    document: str
    summary: str


def read_pairs(path: str | Path, limit: int | None = None, answer: str = "summary") -> list[Pair]:
    """The pairs in a jsonl file (or .jsonl.gz) of objects with ``document`` and ``answer``.

    Raises DocumentError for a file that cannot be read or a line without one of the two.
    """
    path = Path(path)
    opened = gzip.open if path.suffix == ".gz" else open
    pairs: list[Pair] = []
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if limit is not None and len(pairs) >= limit:
                    break
                if line.strip():
                    pairs.append(_pair(path, number, line, answer))
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path} cannot be read: {error}") from error
    if not pairs:
        raise DocumentError(f"{path} holds no pair")
    return pairs


def read_outputs(path: str | Path, n_pairs: int) -> list[str]:
    """Another system's summaries, one a line, in the order of the pairs.

    Lines of a .jsonl file are objects with ``summary``, as `summarize -o` writes them. Raises
    DocumentError if there are not ``n_pairs`` of them or the file cannot be read.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path} cannot be read: {error}") from error
    if len(lines) < n_pairs:
        raise DocumentError(f"{path} has {len(lines)} lines; {n_pairs} pairs need one each")
    if path.suffix == ".jsonl":
        lines = [_summary(path, i, line) for i, line in enumerate(lines[:n_pairs], start=1)]
    return [line.strip() for line in lines[:n_pairs]]


def own_systems(
    summarizer: Summarizer, pairs: Sequence[Pair], n_words: int
) -> dict[str, list[str]]:
    """The lead of so many words, and what the summarizer makes by each of its methods."""
    documents = [pair.document for pair in pairs]
    systems = {f"lead-{n_words}": [metrics.lead(normalise(d), n_words) for d in documents]}
    return systems | by_method(summarizer, documents, n_words)


def by_method(
    summarizer: Summarizer, documents: Sequence[str], n_words: int
) -> dict[str, list[str]]:
    """The summaries of so many words, by search and, if there is one, by the network."""
    return {
        f"{method}-{n_words}": [
            summary.text
            for summary in summarizer.summarize(
                documents, words=n_words, method=method, rebuild=False
            )
        ]
        for method in summarizer.coders
    }


def ranked_systems(pairs: Sequence[Pair], n_words: int) -> dict[str, list[str]]:
    """The first words of what TextRank and LexRank (sumy) choose.

    Raises ValueError if sumy is not installed.
    """
    documents = [normalise(pair.document) for pair in pairs]
    return {
        f"{name}-{n_words}": [
            metrics.cut(first_sentences(rank, document, n_words), n_words) for document in documents
        ]
        for name, rank in rankers().items()
    }


def judge(
    pairs: Sequence[Pair],
    systems: dict[str, list[str]],
    language_model: NgramModel | None = None,
) -> Table:
    """Every system's values in `LIKENESS` and `QUALITY` that can be had, and those of the humans.

    ``language_model`` must not have been part of any training; perplexity is relative to that of
    the human summaries.
    """
    documents = [normalise(pair.document) for pair in pairs]
    humans = [pair.summary for pair in pairs]
    table: Table = {}
    for name, summaries in {**systems, "human": humans}.items():
        row = _quality(summaries, documents)
        if name != "human":
            row |= _likeness(summaries, documents, humans)
        if language_model is not None:
            row["perplexity"] = _perplexity(language_model, summaries, humans)
        table[name] = row
    return table


def prove(pairs: Sequence[Pair], systems: dict[str, list[str]]) -> Table:
    """Every system's values in `PROOF`, and those of random words as many as the first one has.

    A fresh reconstructor learns from the codes of the first two thirds of the documents and is
    judged on the others: see `summarize.rebuilding`.
    """
    documents = [normalise(pair.document) for pair in pairs]
    like = next(iter(systems.values()))
    systems = {
        **systems,
        "random words": _random_words(documents, like),
        "human": [pair.summary for pair in pairs],
    }
    table: Table = {}
    for name, codes in systems.items():
        rebuilt = reconstruction(codes, documents)
        lost = np.subtract(rebuilt.shuffled_nll, rebuilt.nll)
        table[name] = {
            "recall": bootstrap(np.multiply(rebuilt.recall, 100)),
            "nll": bootstrap(rebuilt.nll),
            "code_gain": bootstrap(lost),
        }
    return table


def shown(table: Table, columns: Columns) -> str:
    """The columns of the table that have a value, in Markdown; rows without one are left out."""
    columns = [c for c in columns if any(c[0] in row for row in table.values())]
    lines = ["| system | " + " | ".join(title for _, title in columns) + " |"]
    lines.append("|---|" + "---|" * len(columns))
    for name, row in table.items():
        cells = [_cell(row.get(key)) for key, _ in columns]
        if set(cells) != {"–"}:
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _pair(path: Path, number: int, line: str, answer: str) -> Pair:
    try:
        row = json.loads(line)
        pair = Pair(row["document"], row[answer])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise DocumentError(
            f"{path}, line {number}: an object with document and {answer} is needed"
        ) from error
    if not all(isinstance(x, str) and x.strip() for x in pair):
        raise DocumentError(f"{path}, line {number}: document or {answer} is empty")
    return pair


def _summary(path: Path, number: int, line: str) -> str:
    try:
        summary = json.loads(line)["summary"]
    except (json.JSONDecodeError, KeyError, TypeError):
        summary = None
    if not isinstance(summary, str):
        raise DocumentError(f"{path}, line {number}: an object with summary is needed")
    return summary


def _likeness(
    summaries: Sequence[str], documents: Sequence[str], humans: Sequence[str]
) -> dict[str, Interval]:
    scores = metrics.rouge(summaries, humans)
    n_words = [len(word_texts(summary)) for summary in summaries]
    leads = [metrics.lead(d, n) for d, n in zip(documents, n_words, strict=True)]
    over = np.subtract(scores["rouge1"], metrics.rouge(leads, humans)["rouge1"])
    row = {name: bootstrap(values) for name, values in scores.items()}
    row["over_lead"] = bootstrap(over)
    row["words"] = bootstrap(n_words)
    row["empty"] = bootstrap([100.0 * (n == 0) for n in n_words])
    return row


def _quality(summaries: Sequence[str], documents: Sequence[str]) -> dict[str, Interval]:
    def share(values: Sequence[float]) -> Interval:
        return bootstrap(100 * np.asarray(values, float))

    def over_pairs(measure) -> Interval:
        return share([measure(s, d) for s, d in zip(summaries, documents, strict=True)])

    protected = np.array(
        [metrics.protected_words(s, d) for s, d in zip(summaries, documents, strict=True)]
    )
    distinct = 100 * metrics.distinct(summaries)
    return {
        "novel": over_pairs(metrics.novel),
        "novel2": over_pairs(lambda s, d: metrics.novel(s, d, 2)),
        "protected": metrics.resampled(lambda i: _percent(protected[i]), len(protected)),
        "dangling": share([metrics.is_dangling(s) for s in summaries]),
        "repetition": share([metrics.repetition(s) for s in summaries]),
        "lead_overlap": over_pairs(metrics.lead_overlap),
        # of all summaries together: a resample would hold some twice and seem less distinct
        "distinct": Interval(distinct, distinct, distinct),
    }


def _percent(found_of: np.ndarray) -> float:
    """Percent of (found, all) pairs (N, 2), summed; 100 if there is nothing to find."""
    found, total = found_of.sum(axis=0)
    return 100 * float(found / total) if total else 100.0


def _perplexity(model: NgramModel, summaries: Sequence[str], humans: Sequence[str]) -> Interval:
    def sums(lines: Sequence[str]) -> np.ndarray:
        rows = [model.line_log_probs(word_texts(line)) for line in lines]
        return np.array([(row.sum(), len(row)) for row in rows], np.float64)

    own, human = sums(summaries), sums(humans)

    def ratio(chosen: np.ndarray) -> float:
        own_sum, own_count = own[chosen].sum(axis=0)
        human_sum, human_count = human[chosen].sum(axis=0)
        return float(np.exp(human_sum / human_count - own_sum / own_count))

    return metrics.resampled(ratio, len(own))


def _random_words(documents: Sequence[str], like: Sequence[str]) -> list[str]:
    """As many words of each document as the summary ``like`` has, at random, in order."""
    generator = np.random.default_rng(0)
    lines = []
    for document, model in zip(documents, like, strict=True):
        words = word_texts(document)
        n = min(len(words), len(word_texts(model)))
        lines.append(" ".join(words[i] for i in sorted(generator.permutation(len(words))[:n])))
    return lines


def _cell(value: Interval | None) -> str:
    if value is None:
        return "–"
    if value.low == value.high:
        return f"{value.mean:.1f}"
    digits = 2 if max(abs(value.low), abs(value.high)) < 10 else 1
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"
