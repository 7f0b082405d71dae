"""Summaries for people: any text in, exactly so many words out.

A paragraph of up to `LONGEST_SENTENCE` words is coded as a whole. A longer text is taken apart into
sentences; those that together say most of the document within the budget are put in its order
(`summarize.coverage`): whole where several fit, the last one coded to what is left. The cost is
linear in the document: every sentence is weighed, few are coded.
"""

import copy
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from summarize.coders import BestCoder, Coded, Coder, NetworkCoder, SearchCoder
from summarize.coverage import USUAL_CODE, Document, filled
from summarize.metrics import END_MARK
from summarize.model import TextAutoencoder
from summarize.ngrams import form
from summarize.packaged import find, load
from summarize.search import Search
from summarize.subwords import Subwords
from summarize.text import (
    LONGEST_SENTENCE,
    Word,
    capitalise,
    is_spaceless,
    normalise,
    word_texts,
)

METHODS = ("best", "network", "search")
DEFAULT_WORDS = 10
LONGEST_CODE = 30  # words of a code that is one sentence
# Words from which on it pays to choose sentences that fit: with fewer, the best one seldom does.
FEWEST_FITTING = 35
MOST_COMPARED = 30  # sentences of which one is wanted
MOST_LOST = 20  # words that a result names


class SentenceCode(NamedTuple):
    """The code of one sentence: its text, the sentence's place in the document, the places of the
    words that were copied or replaced, the score (nats: of the search, or of an action of the
    network in the mean), and what the decoder rebuilds from the code, if there is a network."""

    text: str
    sentence: int
    kept: tuple[int, ...]
    score: float
    rebuilt: str


class Summary(NamedTuple):
    """What `Summarizer.summarize` gives for one text.

    ``rebuilt`` is what the decoder makes of the codes (not of sentences kept whole, nor of codes of
    more than `LONGEST_CODE` words), ``reconstruction`` the share (0 to 1) of
    the source's content words that codes and rebuilt text hold, ``lost`` those that neither does,
    most telling first. ``is_whole`` says that the text had no more words than were asked for and
    is returned whole. ``seconds`` is the text's share of the call's time.
    """

    text: str
    n_words: int
    codes: tuple[SentenceCode, ...]
    rebuilt: str
    reconstruction: float
    lost: tuple[str, ...]
    is_whole: bool
    method: str
    seconds: float


class _Plan(NamedTuple):
    """A document, and which of its sentences (their words in ``rows``) to code to how many words;
    no sentence but the text itself where nothing is to be left out."""

    document: Document
    rows: list[list[Word]]
    chosen: list[int]
    lengths: list[int]
    whole: str = ""


class Summarizer:
    """Summarises texts with a trained network, or by search where there is none."""

    def __init__(
        self,
        search: Search,
        network: TextAutoencoder | None = None,
        subwords: Subwords | None = None,
        method: str | None = None,
    ) -> None:
        """``method``: best (of network and search; the default where there is a network), network
        (greedy, the fastest) or search (needs no network)."""
        self.search = search
        self.coders: dict[str, Coder] = {"search": SearchCoder(search)}
        if network is not None:
            self.coders["network"] = NetworkCoder(network, subwords)
            self.coders["best"] = BestCoder(self.coders["network"])
        self.method = "search" if network is None else "best"
        if method is not None:
            self._coder(method)
            self.method = method

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, preset: str = "news", method: str | None = None
    ) -> "Summarizer":
        """The summarizer with packaged weights, those of a folder, or those of a Hub id.

        Only a Hub id touches the network. Raises ValueError if there are no such weights, they are
        damaged or of another version, or they do not have the method.
        """
        return cls(*load(find(source, preset)), method=method)

    def by(self, method: str) -> "Summarizer":
        """The same weights with another method. Raises ValueError if they do not have it."""
        self._coder(method)
        other = copy.copy(self)
        other.method = method
        return other

    def summarize(
        self,
        text: str | Sequence[str],
        words: int | None = None,
        *,
        sentences: int | None = None,
        ratio: float | None = None,
        method: str | None = None,
        rebuild: bool = True,
    ) -> Summary | list[Summary]:
        """The summary of a text; of several texts, a list, coded in batches.

        At most one budget: ``words`` (exactly so many, default 10), ``sentences`` (so many codes of
        `USUAL_CODE` words, or all of a shorter sentence), or ``ratio`` (that share of the text's
        words). ``method`` is best (the default where there is a network), network or search.
        Without ``rebuild`` nothing is decoded, which saves time. Raises ValueError for an empty
        text, two budgets, one that is not positive, or a method that these weights do not have.
        """
        check_budget(words, sentences, ratio)
        coder = self._coder(method)
        start = time.perf_counter()
        texts = [text] if isinstance(text, str) else text
        plans = [self._plan(normalise(t), words, sentences, ratio) for t in texts]
        rows = [row for plan in plans for row in plan.rows]
        lengths = [n for plan in plans for n in plan.lengths]
        said = [s for plan in plans for s in [self._said(plan.document)] * len(plan.chosen)]
        coded = iter(coder.codes(rows, lengths, rebuild, said))
        codes = [[next(coded) for _ in plan.chosen] for plan in plans]
        seconds = (time.perf_counter() - start) / max(1, len(plans))
        name = method or self.method
        summaries = [self._summary(*pair, name, seconds) for pair in zip(plans, codes, strict=True)]
        return summaries[0] if isinstance(text, str) else summaries

    def _coder(self, method: str | None) -> Coder:
        if method is not None and method not in METHODS:
            raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
        if method is not None and method not in self.coders:
            raise ValueError(f"these weights hold no {method}; the method must be search")
        return self.coders[method or self.method]

    def _plan(
        self, text: str, words: int | None, sentences: int | None, ratio: float | None
    ) -> _Plan:
        if not text:
            raise ValueError("the text is empty; there is nothing to summarise")
        document = Document(text)
        n_source = document.n_words
        if ratio is not None:
            words = max(1, round(ratio * n_source))
        elif sentences is None and words is None:
            words = DEFAULT_WORDS
        if n_source <= (words or 1) or (sentences or 0) >= n_source:
            return _Plan(document, [], [], [], " ".join(text.split()))
        is_short = n_source <= LONGEST_SENTENCE and "\n\n" not in text
        if words is not None and is_short and words <= LONGEST_CODE:
            # sentences of one paragraph are coded together: the code may draw on all of them, but
            # not on a heading and what stands below it as if they were one sentence
            row = [word for i in range(len(document)) for word in document.words(i)]
            return _Plan(document, [row], [0], [words])
        if sentences is not None:
            first = itertools.islice(document.ranked(self.search), sentences)
            kept = {i: min(USUAL_CODE, document.lengths[i]) for i in first}
        else:
            kept = filled(self._ranked(document, words), document.lengths, words)
        chosen = sorted(kept)
        rows = [document.words(i) for i in chosen]
        return _Plan(document, rows, chosen, [kept[i] for i in chosen])

    def _said(self, document: Document) -> dict[str, int]:
        """How often the document says each content word, if these weights ask for it."""
        if not self.search.weights.repeated:
            return {}
        return dict(zip(document.forms, document.said.tolist(), strict=True))

    def _ranked(self, document: Document, words: int) -> Iterable[int]:
        """The document's sentences, those first that ``words`` should be spent on."""
        if words >= FEWEST_FITTING:
            return document.fitting(self.search, words)
        ranked = document.ranked(self.search)
        if self.search.weights.repeated:
            return self._best_alone(document, ranked, words)
        return ranked

    def _best_alone(self, document: Document, ranked: Iterable[int], n_words: int) -> Iterator[int]:
        """The sentences again, first the one whose code of ``n_words`` the search likes most.

        Only the first of ``ranked`` that are long enough are compared.
        """
        said = self._said(document)
        long_enough = (i for i in ranked if document.lengths[i] > n_words)
        scores = {}
        for i in itertools.islice(long_enough, MOST_COMPARED):
            words = [word.text for word in document.words(i)]
            scores[i] = self.search.code(words, n_words, said).score
        yield from sorted(scores, key=scores.__getitem__, reverse=True)
        yield from (i for i in range(len(document)) if i not in scores)

    def _summary(self, plan: _Plan, codes: list[Coded], method: str, seconds: float) -> Summary:
        document = plan.document
        if plan.whole:
            return Summary(plan.whole, document.n_words, (), "", 1.0, (), True, method, seconds)
        line = codes[0].text
        if len(codes) > 1 or sum(plan.lengths) > LONGEST_CODE:
            # what is kept whole is kept as it was written
            codes = [
                code._replace(text=capitalise(document.sentences[place]))
                if len(code.kept) == document.lengths[place]
                else code
                for place, code in zip(plan.chosen, codes, strict=True)
            ]
            line = " ".join(_closed(code.text) for code in codes)
        rebuilt = " ".join(code.rebuilt for code in codes if code.rebuilt)
        held = {form(word) for text in (line, rebuilt) for word in word_texts(text)}
        lost = document.lost(held, self.search)
        return Summary(
            line,
            sum(plan.lengths),
            tuple(
                SentenceCode(code.text, place, code.kept, code.score, code.rebuilt)
                for place, code in zip(plan.chosen, codes, strict=True)
            ),
            rebuilt,
            1 - len(lost) / max(1, len(document.forms)),
            tuple(document.surfaces[i] for i in lost[:MOST_LOST]),
            False,
            method,
            seconds,
        )


def check_budget(words: int | None, sentences: int | None, ratio: float | None) -> None:
    """Raise ValueError unless at most one of the budgets is given and it is positive."""
    given = {"words": words, "sentences": sentences, "ratio": ratio}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        raise ValueError(f"give one budget, not {' and '.join(given)}")
    for name, value in given.items():
        if value <= 0 or (name == "ratio" and value > 1):
            allowed = "above 0 and at most 1" if name == "ratio" else "at least 1"
            raise ValueError(f"{name} is {value}; it must be {allowed}")


def _closed(code: str) -> str:
    """The code as a sentence with an end mark."""
    if END_MARK.search(code):
        return code
    code = code.rstrip(",;:–—- ")
    return code + ("。" if is_spaceless(code[-1:]) else ".")
