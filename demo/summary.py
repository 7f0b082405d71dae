"""The tab that summarises: what its button does (`Desk`), and how it looks (`summary_tab`)."""

import html
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from demo.voice import DONE, HEAVY, friendly, status_line
from summarize.coverage import Document
from summarize.documents import SUFFIXES, read_documents
from summarize.inference import Summarizer, Summary
from summarize.text import normalise

MAX_FILE_BYTES = 20_000_000
# Of a zipped document: a small file can hold a lot of nothing.
MAX_UNPACKED_BYTES = 200_000_000
MAX_WORDS = 200_000
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

    ``load`` makes the summarizer in a thread of its own, so that the page need not wait for it;
    only the first summary does, if it comes that early.
    """

    def __init__(self, load: Callable[[], Summarizer], folder: Path | None = None) -> None:
        """``folder``: where the weights lie, for their model card."""
        self.folder = folder
        thread = ThreadPoolExecutor(1, thread_name_prefix="summaries")
        self._summarizer: Future[Summarizer] = thread.submit(_warm, load)
        thread.shutdown(wait=False)

    def summarize(
        self, text: str | None, file: str | None, unit: str = "words", amount: float = 10
    ) -> Iterator[Sheet]:
        """What happens, as it happens; the last sheet holds the summary.

        A file counts before a text. Raises ValueError with one sentence for what cannot be used.
        """
        if unit not in UNITS:
            raise ValueError(f"The length is counted in {' or '.join(UNITS)}, not {unit}.")
        if not 1 <= amount <= MAX_WORDS:
            raise ValueError(f"Please ask for at least one of the {unit}.")
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
        summary = self._summarizer.result().summarize(text, **{unit: int(amount)})
        yield Sheet(
            _described(summary, n_words) + remark,
            summary.text,
            highlighted(document, kept_words(document, summary)),
            _rebuilding(summary),
            _lost(summary),
        )


def read_file(path: str) -> tuple[str, str]:
    """(the text of an upload, what there is to remark about it).

    Of a file of several documents it is the first. Raises ValueError if it is too large or cannot
    be read.
    """
    place = Path(path)
    if place.suffix.lower() not in SUFFIXES:
        kinds = ", ".join(sorted(set(SUFFIXES.values())))
        raise ValueError(f"{place} is of a kind that cannot be read; these can: {kinds}.")
    if place.stat().st_size > MAX_FILE_BYTES or _unpacked(place) > MAX_UNPACKED_BYTES:
        raise ValueError(f"{place} is too large; please keep to {MAX_FILE_BYTES // 10**6} MB.")
    try:
        documents = read_documents(place)
        first = next(documents)
        more = any(True for _ in documents)
    except ValueError as error:
        if isinstance(error.__cause__, UnicodeDecodeError) and "--encoding" in str(error):
            raise ValueError(f"{place} is not UTF-8 text; please save it as UTF-8.") from error
        raise
    return first.text, " The file holds several documents; this is the first." if more else ""


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
    return f'<div class="paper" tabindex="0">{" ".join(parts)}</div>'


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


def _unpacked(path: Path) -> int:
    """Bytes of what a zip file holds; 0 for any other file, and a broken one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        return 0


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
    if not summary.rebuilt:
        return "These weights choose words by search alone: they hold no decoder that rebuilds."
    return summary.rebuilt


def _lost(summary: Summary) -> str:
    if not summary.lost:
        return "<p>Nothing: every content word can be found again.</p>"
    words = "".join(f"<li>{html.escape(word)}</li>" for word in summary.lost)
    return f'<ul class="words">{words}</ul>'


# --- the page ------------------------------------------------------------------------------------


def summary_tab(desk: Desk) -> None:
    """Lay the tab out inside the blocks that are open, and connect it."""
    with gr.Row(equal_height=False, elem_classes="inputs"):
        with gr.Column(elem_classes="card", min_width=300, scale=3):
            gr.Markdown("## The text\nPaste it, or upload a document.")
            text = gr.Textbox(label="Text", lines=9, max_lines=14, elem_id="document-text")
        with gr.Column(elem_classes="card", min_width=300, scale=2):
            gr.Markdown("pdf, docx, html, txt, md or jsonl; a document counts before the text.")
            file = gr.File(
                label="Or a document",
                file_types=sorted(SUFFIXES),
                height=150,
            )
            unit = gr.Radio(
                [(name.capitalize(), name) for name in UNITS],
                value="words",
                label="Count the summary in",
            )
            amount = gr.Slider(*UNITS["words"], 10, step=1, label="Length of the summary")
    gr.Examples(
        [[example] for example in EXAMPLES.values()],
        [text],
        example_labels=list(EXAMPLES),
        label="No text at hand? Try one of these, then press Summarize",
        api_visibility="private",
    )
    go = gr.Button("Summarize", variant="primary", size="lg", elem_id="summarize")
    message = status_line("summary-note")
    with gr.Column(visible=False, elem_id="sheet") as results, gr.Row(equal_height=False):
        with gr.Column(elem_classes="card", min_width=300):
            summary = gr.Textbox(label="Summary", lines=3, buttons=["copy"], interactive=False)
            rebuilt = gr.Textbox(
                label="What the decoder rebuilds from it", lines=3, interactive=False
            )
            gr.Markdown("**What was lost**, most telling first")
            lost = gr.HTML(label="Lost words", padding=False)
        with gr.Column(elem_classes="card", min_width=300):
            gr.Markdown("**The document**, with the words that went into the code marked")
            document = gr.HTML(label="Document", padding=False)

    def on_unit(unit: str) -> dict:
        low, high = UNITS[unit]
        return gr.update(minimum=low, maximum=high, value=10 if unit == "words" else 3)

    # Spelt out, as other programs see the names.
    def on_summarize(
        text: str | None = None, file: str | None = None, unit: str = "words", amount: float = 10
    ) -> Iterator[tuple]:
        try:
            for sheet in desk.summarize(text, file, unit, amount):
                yield gr.update(visible=bool(sheet.summary)), *sheet
        except ValueError as error:
            yield gr.update(visible=False), *Sheet(friendly(error))

    unit.input(on_unit, unit, amount, queue=False, api_visibility="private")
    go.click(
        on_summarize,
        [text, file, unit, amount],
        [results, message, summary, document, rebuilt, lost],
        api_name="summarize",
        show_progress="hidden",
        **HEAVY,
    )
