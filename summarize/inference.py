"""Summaries for people: any text in, exactly so many words out.

A text of up to `LONGEST_SENTENCE` words is coded as a whole. A longer one is taken apart into
sentences; those that together say most of the document within the budget are coded and put in the
document's order. The cost is linear in the document: every sentence is weighed, few are coded.
"""

import heapq
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from shared.checkpoint import resolve
from summarize.metrics import FUNCTION_WORDS
from summarize.ngrams import form
from summarize.search import Search
from summarize.text import (
    LONGEST_SENTENCE,
    Word,
    detokenise,
    is_spaceless,
    normalise,
    split_sentences,
    split_words,
)

WEIGHTS = Path(__file__).parent / "weights"
PRESETS = ("news",)
DEFAULT_WORDS = 10
SHORTEST_CODE, LONGEST_CODE = 4, 30  # words of one sentence's code
USUAL_CODE = 12  # words, where a budget is shared by several sentences
# A sentence that repeats what is said adds this share of a word's worth for each further time.
REDUNDANCY = 0.1


class SentenceCode(NamedTuple):
    """The code of one sentence: its text, the sentence's place, the words kept, and the score."""

    text: str
    sentence: int
    kept: tuple[int, ...]
    score: float


class Summary(NamedTuple):
    """What `Summarizer.summarize` gives for one text.

    ``lost`` are the content words of the source that the summary lacks, most telling first.
    ``is_whole`` says that the text had no more words than were asked for and is returned whole.
    """

    text: str
    n_words: int
    codes: tuple[SentenceCode, ...]
    lost: tuple[str, ...]
    is_whole: bool
    seconds: float


class Summarizer:
    """Summarises texts by search: exact lengths, every word copied from the source."""

    def __init__(self, search: Search) -> None:
        self.search = search

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, preset: str = "news"
    ) -> "Summarizer":
        """The summarizer with packaged weights, those of a folder, or those of a Hub id.

        Only a Hub id touches the network. Raises ValueError if there are no such weights or they
        are damaged or of another version.
        """
        if preset not in PRESETS:
            raise ValueError(f"no preset {preset!r}; there is {', '.join(PRESETS)}")
        if source is not None and (Path(source) / "search").is_dir():
            source = Path(source) / "search"
        return cls(Search.load(resolve(source, WEIGHTS / preset / "search", "summarize")))

    def summarize(
        self,
        text: str | Sequence[str],
        words: int | None = None,
        *,
        sentences: int | None = None,
        ratio: float | None = None,
    ) -> Summary | list[Summary]:
        """The summary of a text; of several texts, a list.

        At most one budget: ``words`` (exactly so many, default 10), ``sentences`` (so many codes of
        about 12 words), or ``ratio`` (that share of the text's words). Raises ValueError for an
        empty text, two budgets, or one that is not positive.
        """
        check_budget(words, sentences, ratio)
        if not isinstance(text, str):
            return [self.summarize(t, words, sentences=sentences, ratio=ratio) for t in text]
        start = time.perf_counter()
        text = normalise(text)
        if not text:
            raise ValueError("the text is empty; there is nothing to summarise")
        rows = [row for s in split_sentences(text) if (row := split_words(s))]
        n_source = sum(map(len, rows))
        if ratio is not None:
            words = max(1, round(ratio * n_source))
        elif sentences is None and words is None:
            words = DEFAULT_WORDS
        if n_source <= (words or 1) or (sentences or 0) >= n_source:
            return Summary(" ".join(text.split()), n_source, (), (), True, _since(start))
        if words is not None and n_source <= LONGEST_SENTENCE and words <= LONGEST_CODE:
            # sentences of one short text are coded together: the code may draw on all of them
            rows = [[word for row in rows for word in row]]
        codes = self._codes(rows, words, sentences)
        line = _line(codes)
        kept = [rows[code.sentence][k].text for code in codes for k in code.kept]
        lost = self._lost(rows, kept)
        return Summary(line, len(kept), tuple(codes), lost, False, _since(start))

    def _codes(
        self, rows: list[list[Word]], words: int | None, sentences: int | None
    ) -> list[SentenceCode]:
        """The codes, in the document's order, of the sentences that say most."""
        if sentences is not None:
            chosen = sorted(self._chosen(rows, sentences))
            lengths = [min(USUAL_CODE, len(rows[i])) for i in chosen]
        else:
            n_wanted = max(1, round(words / USUAL_CODE))
            chosen, lengths = _shared_out(self._chosen(rows, len(rows)), rows, words, n_wanted)
        return [self._code(rows[i], i, n) for i, n in zip(chosen, lengths, strict=True)]

    def _code(self, row: list[Word], index: int, n_words: int) -> SentenceCode:
        code = self.search.code([word.text for word in row], n_words)
        return SentenceCode(detokenise(row, code.kept), index, code.kept, code.score)

    def _chosen(self, rows: list[list[Word]], n_wanted: int) -> Iterable[int]:
        """Sentences, the one that adds most to those before it first (lazy greedy).

        What a sentence adds is the worth of its content words, a word's worth falling with every
        time it has been said: so the first few rebuild most of the document, and nothing twice.
        """
        said = Counter(form(word.text) for row in rows for word in row)
        worth = self._worths(said)
        contents = [{f for word in row if (f := form(word.text)) in worth} for row in rows]
        times: Counter[str] = Counter()

        def gain(i: int) -> float:
            value = sum(worth[f] * REDUNDANCY ** times[f] for f in contents[i])
            # per word, so that long sentences do not win by length alone
            return value / (len(rows[i]) + USUAL_CODE) / (1 + i) ** 0.1

        queue = [(-gain(i), i) for i in range(len(rows))]
        heapq.heapify(queue)
        n_given = 0
        while queue and n_given < n_wanted:
            _, i = heapq.heappop(queue)
            now = gain(i)
            if queue and now < -queue[0][0] - 1e-9:
                heapq.heappush(queue, (-now, i))
                continue
            times.update(contents[i])
            n_given += 1
            yield i

    def _worths(self, said: Counter[str]) -> dict[str, float]:
        """How telling each content word is here: how surprising, and how often it returns."""
        numbers = self.search.language_model.numbers(list(said))
        surprisal = self.search.surprisal[numbers]
        cap = self.search.weights.surprisal_cap
        return {
            word: min(float(s), cap) * (1 + n) ** 0.5
            for (word, n), s in zip(said.items(), surprisal, strict=True)
            if word not in FUNCTION_WORDS
        }

    def _lost(self, rows: list[list[Word]], kept: list[str], n_most: int = 20) -> tuple[str, ...]:
        said = Counter(form(word.text) for row in rows for word in row)
        for word in kept:
            said.pop(form(word), None)
        worth = self._worths(said)
        surface = {form(word.text): word.text for row in reversed(rows) for word in row}
        return tuple(surface[w] for w in heapq.nlargest(n_most, worth, key=worth.__getitem__))


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


def _shared_out(
    ranked: Iterable[int], rows: list[list[Word]], words: int, n_wanted: int
) -> tuple[list[int], list[int]]:
    """(sentences in the document's order, words of each): exactly ``words`` in all."""
    chosen: list[int] = []
    room = 0
    for i in ranked:
        # a code that is too short says nothing, unless all are
        chosen.append(i)
        room += min(len(rows[i]), LONGEST_CODE)
        if len(chosen) >= n_wanted and room >= words:
            break
    limits = {i: min(len(rows[i]), LONGEST_CODE) for i in chosen}
    if sum(limits.values()) < words:  # the budget is nearly the document
        limits = {i: len(rows[i]) for i in chosen}
    lengths: dict[int, int] = {}
    left = words
    # the shortest first, so that what they leave goes to the longer ones
    for place, i in enumerate(sorted(chosen, key=limits.__getitem__)):
        lengths[i] = min(limits[i], max(1, left // (len(chosen) - place)))
        left -= lengths[i]
    chosen = sorted(chosen)
    return chosen, [lengths[i] for i in chosen]


def _line(codes: list[SentenceCode]) -> str:
    """The codes as one text: several are sentences, with full stops."""
    if len(codes) == 1:
        return codes[0].text
    return " ".join(
        code.text + ("。" if is_spaceless(code.text[-1:]) else "." * (code.text[-1:] != "."))
        for code in codes
    )


def _since(start: float) -> float:
    return time.perf_counter() - start
