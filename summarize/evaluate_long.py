"""Judging summaries of several sentences, on whole articles and their titles.

The chooser (`summarize.coverage`) wants many telling words said, and none twice. So what a fresh
network rebuilds and what is repeated are near to what it optimises; the titles, which it never
sees, and where sentences end are not.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from summarize import metrics
from summarize.evaluate import Pair, Table, by_method, ranked_systems
from summarize.inference import Summarizer
from summarize.metrics import bootstrap
from summarize.rebuilding import reconstruction
from summarize.text import count_words, normalise, split_sentences, split_words

COLUMNS = (
    ("coverage", "title words covered %"),
    ("coverage_gain", "over lead"),
    ("recall", "rebuilt content words %"),
    ("recall_gain", "over lead"),
    ("nll", "NLL of content words"),
    ("repetition", "repeated %"),
    ("whole", "whole sentences %"),
    ("closed", "end where a clause does %"),
    ("words", "words"),
    ("sentences", "sentences"),
)
# Articles are few and long: the fresh reconstructor needs to see them more often.
N_EPOCHS = 30

Values = dict[str, np.ndarray]


def judge_long(pairs: Sequence[Pair], summarizer: Summarizer, n_words: int) -> Table:
    """The values in `COLUMNS` of the summarizer's methods, the lead, TextRank and LexRank, all cut
    at ``n_words``; the pairs are documents and their titles.

    A sentence counts as whole if it has an end mark, and before it no word that leaves it hanging;
    ours get their mark from us, so see `closed_sentences`, too. Gains over the lead are of the same
    articles. Raises ValueError if sumy is not installed or there are fewer than 6 documents.
    """
    documents = [normalise(pair.document) for pair in pairs]
    lead = f"lead-{n_words}"
    systems = by_method(summarizer, documents, n_words)
    systems[lead] = [metrics.cut(document, n_words) for document in documents]
    systems |= ranked_systems(pairs, n_words)
    values = {name: _values(rows, documents, pairs) for name, rows in systems.items()}
    return {name: _row(own, None if name == lead else values[lead]) for name, own in values.items()}


def closed_sentences(summary: str, document: str) -> tuple[int, int]:
    """(sentences whose last word stands before punctuation in the document, all sentences).

    What was cut or left out in the middle of a phrase ends on a word that goes on in the document.
    Where the last two words stand side by side in the document, it is these that count.
    """
    source = split_words(document)
    words = [word.text.lower() for word in source]
    pairs = list(itertools.pairwise(words))
    # the text's last word may have no mark
    is_end = [bool(word.after) for word in source[:-1]] + [True]
    ends = set(itertools.compress(words, is_end))
    pair_ends = set(itertools.compress(pairs, is_end[1:]))

    def closes(row: list[str]) -> bool:
        pair = tuple(row[-2:])
        return pair in pair_ends if pair in side_by_side else row[-1] in ends

    side_by_side = set(pairs)
    sentences = [
        row
        for sentence in split_sentences(normalise(summary))
        if (row := [word.text.lower() for word in split_words(sentence)])
    ]
    return sum(map(closes, sentences)), len(sentences)


def _values(summaries: Sequence[str], documents: Sequence[str], pairs: Sequence[Pair]) -> Values:
    """One value a document, or two whose quotient counts; of the rebuilt only the last third."""
    rebuilt = reconstruction(summaries, documents, n_epochs=N_EPOCHS)
    covered = [metrics.coverage(p.summary, s) for p, s in zip(pairs, summaries, strict=True)]
    closed = metrics.over_pairs(closed_sentences, summaries, documents)
    return {
        "coverage": np.multiply(covered, 100),
        "recall": np.multiply(rebuilt.recall, 100),
        "nll": np.array(rebuilt.nll),
        "repetition": np.array([100 * metrics.repetition(s) for s in summaries]),
        "whole": np.array([metrics.whole_sentences(s) for s in summaries]),
        "closed": np.array(closed),
        "words": np.array([count_words(s) for s in summaries]),
    }


def _row(own: Values, lead: Values | None) -> dict[str, metrics.Interval]:
    row = {name: bootstrap(own[name]) for name in ("coverage", "recall", "nll", "repetition")}
    row |= {name: _percent(own[name]) for name in ("whole", "closed")}
    row |= {"words": bootstrap(own["words"]), "sentences": bootstrap(own["whole"][:, 1])}
    if lead is not None:
        row |= {f"{k}_gain": bootstrap(own[k] - lead[k]) for k in ("coverage", "recall")}
    return row


def _percent(found_of: np.ndarray) -> metrics.Interval:
    """Percent of (found, all) pairs (N, 2), summed."""
    return metrics.resampled(
        lambda chosen: 100 * float(found_of[chosen, 0].sum() / found_of[chosen, 1].sum()),
        len(found_of),
    )
