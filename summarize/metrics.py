"""What is good and bad about summaries, as numbers: pure functions of texts."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from summarize.text import is_protected, normalise, split_sentences, split_words, word_texts

# English words that leave a line hanging when they end it.
ENDS_NOTHING = """
    a an the of to in for and or but with by from at as into than that which who whose its their
    his our my is are was were be been has have had will would could may might should if because
    while very on per between
"""
DANGLING = frozenset(ENDS_NOTHING.split())
# Words that say little about what a text is about.
SAYS_LITTLE = """
    it he she they we you i this these those there not no up out over about after before more most
    also s said says when what how can do does did so such him her them us
"""
END_MARK = re.compile(r"""[.!?…。！？।॥؟۔][\"')\]」』）]*$""")
FUNCTION_WORDS = DANGLING | frozenset(SAYS_LITTLE.split())


class Interval(NamedTuple):
    """A mean and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.1f} [{self.low:.1f}, {self.high:.1f}]"


def bootstrap(values: Sequence[float], n_samples: int = 1000, seed: int = 0) -> Interval:
    """The mean of the values, resampled ``n_samples`` times. Raises ValueError without values."""
    array = np.asarray(values, dtype=np.float64)
    return resampled(lambda chosen: float(array[chosen].mean()), array.size, n_samples, seed)


def resampled(
    statistic: Callable[[np.ndarray], float], n_items: int, n_samples: int = 1000, seed: int = 0
) -> Interval:
    """A statistic of all items, resampled ``n_samples`` times: it is given indices (n_items,).

    What compares two systems must be computed from the same indices. Raises ValueError for no item.
    """
    if n_items < 1:
        raise ValueError("an interval needs at least one value")
    generator = np.random.default_rng(seed)
    values = [statistic(generator.integers(0, n_items, n_items)) for _ in range(n_samples)]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(statistic(np.arange(n_items)), float(low), float(high))


def rouge(summaries: Sequence[str], references: Sequence[str]) -> dict[str, list[float]]:
    """F1 of ROUGE-1, -2 and -L with stemming, in percent, one value a pair."""
    names = ["rouge1", "rouge2", "rougeL"]
    scorer = _rouge_scorer(names)
    rows = [scorer.score(r, s) for s, r in zip(summaries, references, strict=True)]
    return {name: [100 * row[name].fmeasure for row in rows] for name in names}


def lead(document: str, n_words: int) -> str:
    """The first words of the document."""
    return " ".join(word_texts(document)[:n_words])


def cut(text: str, n_words: int) -> str:
    """The first words of the text with their punctuation."""
    line = ""
    for word in split_words(text)[:n_words]:
        line += " " * (word.spaced and bool(line)) + word.text + word.after
    return line


def novel(summary: str, document: str, order: int = 1) -> float:
    """The share, 0 to 1, of the summary's n-grams that the document lacks; case is ignored."""
    own = _ngrams(_lower(summary), order)
    source = set(_ngrams(_lower(document), order))
    return sum(gram not in source for gram in own) / len(own) if own else 0.0


def protected_words(summary: str, document: str) -> tuple[int, int]:
    """(numbers and names of the summary that the document holds, all of the summary's).

    The first word counts only if it has a digit or more than one capital: others are capital by
    position.
    """
    source = set(word_texts(document))
    found = total = 0
    for i, word in enumerate(word_texts(summary)):
        by_position = i == 0 and word[1:].islower() and not any(c.isdigit() for c in word)
        if is_protected(word) and not by_position:
            total += 1
            found += word in source
    return found, total


def repetition(summary: str) -> float:
    """The share of the summary's content words that it has already said."""
    words = content_words(summary)
    return 1 - len(set(words)) / len(words) if words else 0.0


def is_dangling(summary: str) -> bool:
    """Whether the summary ends in an English function word."""
    return _lower(summary)[-1:] != [] and _lower(summary)[-1] in DANGLING


def whole_sentences(summary: str) -> tuple[int, int]:
    """(sentences that end with an end mark after a word that may end one, all sentences)."""
    sentences = list(split_sentences(normalise(summary)))
    whole = sum(bool(END_MARK.search(s)) and not is_dangling(s) for s in sentences)
    return whole, len(sentences)


def coverage(title: str, summary: str) -> float:
    """The share of the title's content words that the summary has, stemmed; 1 without any."""
    wanted = " ".join(dict.fromkeys(content_words(title)))
    if not wanted:
        return 1.0
    return _rouge_scorer(["rouge1"]).score(wanted, summary)["rouge1"].recall


def lead_overlap(summary: str, document: str) -> float:
    """The share of the summary's words that are among the document's first of equal number."""
    own = Counter(_lower(summary))
    first = Counter(_lower(document)[: sum(own.values())])
    return sum((own & first).values()) / max(1, sum(own.values()))


def distinct(summaries: Sequence[str], order: int = 2) -> float:
    """Different n-grams over all n-grams of all summaries: near 0 if they are all alike."""
    grams = [gram for summary in summaries for gram in _ngrams(_lower(summary), order)]
    return len(set(grams)) / len(grams) if grams else 0.0


def self_bleu(summaries: Sequence[str], n_others: int = 50) -> float:
    """Mean BLEU-4 (0 to 1, smoothed) of a summary against ``n_others`` that follow it."""
    rows = [_lower(summary) for summary in summaries]
    values = []
    for i, row in enumerate(rows):
        others = [rows[(i + k) % len(rows)] for k in range(1, min(n_others + 1, len(rows)))]
        if row and others:
            values.append(_bleu(row, others))
    return float(np.mean(values)) if values else 0.0


def content_words(text: str) -> list[str]:
    """The words, lower case, that are not function words."""
    return [word for word in _lower(text) if word not in FUNCTION_WORDS]


def over_pairs(
    judge: Callable[[str, str], float], summaries: Sequence[str], documents: Sequence[str]
) -> list[float]:
    """The judge's value of every summary and its document."""
    return [judge(s, d) for s, d in zip(summaries, documents, strict=True)]


def _rouge_scorer(names: list[str]) -> Any:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise ValueError(f"ROUGE needs {error.name}: pip install 'bowtie-ae[eval]'") from error
    return RougeScorer(names, use_stemmer=True)


def _bleu(row: list[str], others: list[list[str]]) -> float:
    logs = []
    for order in range(1, 5):
        own = Counter(_ngrams(row, order))
        most: Counter = Counter()
        for other in others:
            most |= Counter(_ngrams(other, order))
        logs.append(math.log((sum((own & most).values()) + 0.1) / (sum(own.values()) + 0.1)))
    return math.exp(sum(logs) / 4)


def _lower(text: str) -> list[str]:
    return [word.lower() for word in word_texts(text)]


def _ngrams(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + order]) for i in range(len(words) - order + 1)]
