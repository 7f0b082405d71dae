"""The tab that summarises: how it looks, and what its button calls in `Desk`."""

from collections.abc import Iterator

import gradio as gr

from demo.desk import EXAMPLES, UNITS, Desk, Sheet
from demo.status import HEAVY, status_line
from demo.wording import friendly
from summarize.documents import SUFFIXES

# How the presets are called on the page; others go by their own names.
_PRESETS = {"news": "News and other prose", "papers": "A research paper"}


def summary_tab(desk: Desk) -> None:
    """Lay the tab out inside the blocks that are open, and connect it."""
    with gr.Row(equal_height=False, elem_classes="inputs"):
        with gr.Column(elem_classes="card", min_width=300, scale=3):
            gr.Markdown("## The text\nPaste it, or upload a document.")
            text = gr.Textbox(label="Text", lines=15, max_lines=15, elem_id="document-text")
        with gr.Column(elem_classes="card", min_width=300, scale=2):
            gr.Markdown("pdf, docx, html, txt, md or jsonl; a document counts before the text.")
            file = gr.File(
                label="Or a document", file_types=sorted(SUFFIXES), height=150, elem_id="document"
            )
            preset = gr.Radio(
                [(_PRESETS.get(name, name), name) for name in desk.presets],
                value=desk.presets[0],
                label="It is",
                visible=len(desk.presets) > 1,
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
    with gr.Row(elem_classes="go"):
        go = gr.Button("Summarize", variant="primary", size="lg", elem_id="summarize", scale=5)
        cancel = gr.Button("Cancel", size="lg", elem_id="cancel-summary", scale=1, min_width=110)
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
        text: str | None = None,
        file: str | None = None,
        unit: str = "words",
        amount: float = 10,
        preset: str = desk.presets[0],
    ) -> Iterator[tuple]:
        """Summarise a text, or a file before it, in so many words or sentences."""
        try:
            for sheet in desk.summarize(text, file, unit, amount, preset):
                yield gr.update(visible=bool(sheet.summary)), *sheet
        except ValueError as error:
            yield gr.update(visible=False), *Sheet(friendly(error))

    unit.input(on_unit, unit, amount, queue=False, api_visibility="private")
    working = go.click(
        on_summarize,
        [text, file, unit, amount, preset],
        [results, message, summary, document, rebuilt, lost],
        api_name="summarize",
        show_progress_on=[message],
        **HEAVY,
    )
    cancel.click(
        lambda: "Stopped. Change what you like and press Summarize again.",
        None,
        message,
        cancels=[working],
        queue=False,
        api_visibility="private",
    )
