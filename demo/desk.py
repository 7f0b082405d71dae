"""What the page can do with texts, without the page: summaries, and what was lost in them."""

import html
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from demo.reading import MAX_WORDS, read_file
from demo.wording import DONE
from summarize.coverage import Document
from summarize.inference import Summarizer, Summary
from summarize.text import normalise

# Of a longer document the page shows the sentences that count, and those around them.
SHOWN_WORDS = 3000
_AROUND = 2
UNITS = {"words": (3, 100), "sentences": (1, 20)}
EXAMPLES = {
    "A market that moved": """\
The covered market at the harbour will move to the old tram depot in spring, the town council \
decided on Monday evening. The hall has leaked since the storm of last winter, and repairing its \
roof would cost more than the new stalls, the mayor said. Forty traders sell fish, bread and \
flowers there. Most of them welcome the move, since the depot has heating and a car park, but the \
fishmongers fear that their customers will not walk uphill. The council promised a free bus from \
the harbour for the first two years. Work on the depot begins in January.""",
    "Owls at the station": """\
A pair of barn owls has nested in the clock tower of the railway station, and the clock has \
stopped for their sake. Engineers found four eggs behind the dial when they came to oil the hands. \
The birds are protected, so nobody may enter the tower until the young have flown, which takes \
about ten weeks. Travellers have put up with it kindly. A baker opposite the station now chalks \
the time on a board every quarter of an hour, and a camera in the tower shows the nest to anyone \
who is waiting for a train.""",
    "A single sentence": """\
After three days of heavy rain the river rose above its banks on Thursday night and flooded the \
cellars of the old town, but the new dam held and nobody was hurt.""",
}


class Sheet(NamedTuple):
    """What the page shows of a summary; ``document`` and ``lost`` are HTML, the rest is text."""

    message: str
    summary: str = ""
    document: str = ""
    rebuilt: str = ""
    lost: str = ""


class Desk:
    """What the tab can do, without the page. Nothing of a text is kept.

    Each of ``loads`` makes the summarizer of its preset. The first preset's is made at once, in a
    thread of its own, so that the page need not wait for it; the others when they are asked for.
    """

    def __init__(
        self, loads: Mapping[str, Callable[[], Summarizer]], folder: Path | None = None
    ) -> None:
        """``folder``: where the weights of the first preset lie, for their model card."""
        self.folder = folder
        self._loads = dict(loads)
        self._loaded: dict[str, Future[Summarizer]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="summaries")
        self._summarizer(self.presets[0])

    @property
    def presets(self) -> list[str]:
        """Their names, the usual one first."""
        return list(self._loads)

    def summarize(
        self,
        text: str | None,
        file: str | None,
        unit: str = "words",
        amount: float = 10,
        preset: str | None = None,
    ) -> Iterator[Sheet]:
        """What happens, as it happens; the last sheet holds the summary.

        A file counts before a text. Raises ValueError with one sentence for what cannot be used.
        """
        if unit not in UNITS:
            raise ValueError(f"The length is counted in {' or '.join(UNITS)}, not {unit}.")
        if not 1 <= amount <= MAX_WORDS:
            raise ValueError(f"Please ask for at least one of the {unit}.")
        preset = preset or self.presets[0]
        if preset not in self._loads:
            raise ValueError(f"Texts are {' or '.join(self.presets)}, not {preset}.")
        yield Sheet("Reading…")
        text, remark = read_file(file) if file else (text or "", "")
        document = Document(normalise(text))
        n_words = document.n_words
        if not n_words:
            raise ValueError("There is no text yet: paste some, upload a file, or try an example.")
        if n_words > MAX_WORDS:
            raise ValueError(
                f"This document has {n_words:,} words; please cut it to {MAX_WORDS:,} or fewer."
            )
        yield Sheet(f"Read {n_words:,} words in {len(document):,} sentences; choosing…")
        summary = self._summarizer(preset).result().summarize(text, **{unit: int(amount)})
        yield Sheet(
            _described(summary, n_words) + remark,
            summary.text,
            highlighted(document, kept_words(document, summary)),
            _rebuilding(summary),
            _lost(summary),
        )

    def _summarizer(self, preset: str) -> Future[Summarizer]:
        if preset not in self._loaded:
            self._loaded[preset] = self._thread.submit(_warm, self._loads[preset])
        return self._loaded[preset]


def kept_words(document: Document, summary: Summary) -> dict[int, set[int]]:
    """Places of the words that went into the code, by their sentence's place."""
    starts = [0]
    for length in document.lengths:
        starts.append(starts[-1] + length)
    # The sentences of a short text are coded as one, so that places may lie beyond the first.
    flat = {starts[code.sentence] + k for code in summary.codes for k in code.kept}
    kept = {
        i: {place - start for place in range(start, starts[i + 1]) if place in flat}
        for i, start in enumerate(starts[:-1])
    }
    return {i: places for i, places in kept.items() if places}


def highlighted(document: Document, kept: dict[int, set[int]]) -> str:
    """The document as HTML with the words at ``kept`` marked; of a long one, what is near them."""
    shown = range(len(document))
    if document.n_words > SHOWN_WORDS:
        near = {i + d for i in kept or {0: set()} for d in range(-_AROUND, _AROUND + 1)}
        shown = sorted(near & set(shown))
    parts, before = [], -1
    for i in shown:
        if i > before + 1:
            parts.append('<span class="gap">[…]</span>')
        parts.append(_marked(document.sentences[i], document, i, kept.get(i, set())))
        before = i
    if before < len(document) - 1:
        parts.append('<span class="gap">[…]</span>')
    return (
        '<div class="paper" tabindex="0" role="region" aria-label="The document">'
        f"{' '.join(parts)}</div>"
    )


def _marked(sentence: str, document: Document, i: int, places: set[int]) -> str:
    made, end = "", 0
    for place, word in enumerate(document.words(i)) if places else ():
        start = sentence.find(word.text, end)
        if start < 0:
            continue
        made += html.escape(sentence[end:start])
        end = start + len(word.text)
        text = html.escape(word.text)
        made += f"<mark>{text}</mark>" if place in places else text
    return made + html.escape(sentence[end:])


def _warm(load: Callable[[], Summarizer]) -> Summarizer:
    summarizer = load()
    summarizer.summarize(next(iter(EXAMPLES.values())))
    return summarizer


def _described(summary: Summary, n_words: int) -> str:
    if summary.is_whole:
        return f"{DONE}The text has no more than that ({n_words:,} words), so all of it is shown."
    return (
        f"{DONE}{n_words:,} words became {summary.n_words:,} in {summary.seconds:.1f} s; "
        f"{summary.reconstruction:.0%} of the content words can be found again."
    )


def _rebuilding(summary: Summary) -> str:
    if summary.is_whole:
        return "Nothing was left out, so there is nothing to rebuild."
    if not summary.rebuilt and summary.method == "search":
        return "These words were chosen by search alone, without the network that rebuilds."
    if not summary.rebuilt:
        return "Only whole sentences and long codes are left; the decoder rebuilds from short ones."
    return summary.rebuilt


def _lost(summary: Summary) -> str:
    if not summary.lost:
        return "<p>Nothing: every content word can be found again.</p>"
    words = "".join(f"<li>{html.escape(word)}</li>" for word in summary.lost)
    return f'<ul class="words">{words}</ul>'
