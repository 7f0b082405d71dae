"""Judging summaries of several sentences, on whole articles and their titles."""

from collections.abc import Sequence

import numpy as np

from summarize import metrics
from summarize.evaluate import Pair, Table, by_method, ranked_systems
from summarize.inference import Summarizer
from summarize.metrics import bootstrap
from summarize.rebuilding import reconstruction
from summarize.text import count_words, normalise

COLUMNS = (
    ("coverage", "title words covered %"),
    ("recall", "rebuilt content words %"),
    ("nll", "NLL of content words"),
    ("repetition", "repeated %"),
    ("whole", "whole sentences %"),
    ("words", "words"),
    ("sentences", "sentences"),
)
# Articles are few and long: the fresh reconstructor needs to see them more often.
N_EPOCHS = 30


def judge_long(pairs: Sequence[Pair], summarizer: Summarizer, n_words: int) -> Table:
    """The values in `COLUMNS` of the summarizer's methods, the lead, TextRank and LexRank, all cut
    at ``n_words``; the pairs are documents and their titles.

    A sentence counts as whole if it has an end mark, and before it no word that leaves it hanging.
    Raises ValueError if sumy is not installed or there are fewer than 6 documents.
    """
    documents = [normalise(pair.document) for pair in pairs]
    systems = by_method(summarizer, documents, n_words)
    systems[f"lead-{n_words}"] = [metrics.cut(document, n_words) for document in documents]
    systems |= ranked_systems(pairs, n_words)
    return {name: _row(rows, documents, pairs) for name, rows in systems.items()}


def _row(
    summaries: Sequence[str], documents: Sequence[str], pairs: Sequence[Pair]
) -> dict[str, metrics.Interval]:
    covered = [metrics.coverage(p.summary, s) for p, s in zip(pairs, summaries, strict=True)]
    whole = np.array([metrics.whole_sentences(summary) for summary in summaries])
    rebuilt = reconstruction(summaries, documents, n_epochs=N_EPOCHS)
    return {
        "coverage": bootstrap(np.multiply(covered, 100)),
        "recall": bootstrap(np.multiply(rebuilt.recall, 100)),
        "nll": bootstrap(rebuilt.nll),
        "repetition": bootstrap([100 * metrics.repetition(s) for s in summaries]),
        "whole": metrics.resampled(
            lambda chosen: 100 * float(whole[chosen, 0].sum() / whole[chosen, 1].sum()), len(whole)
        ),
        "words": bootstrap([count_words(s) for s in summaries]),
        "sentences": bootstrap(whole[:, 1]),
    }
