"""The map of documents: how it looks, and what its buttons call in `demo.library`."""

import gradio as gr

from demo import library
from demo.drawings import answer, map_of
from demo.library import METHODS, Shelf
from demo.status import HEAVY, status_line
from demo.wording import DONE, friendly
from summarize.documents import SUFFIXES

_QUERY = "planets seen through a telescope"


def documents_part(shelf: Shelf) -> None:
    """Lay the part out with the documents of ``shelf``, and connect it."""
    start = [shelf.names[0], shelf.names[min(6, len(shelf.names) - 1)]]
    way, text = library.path(shelf, *start)
    kept = gr.State(shelf, time_to_live=3600)
    with gr.Accordion("Map documents of your own", open=False), gr.Row(equal_height=False):
        files = gr.File(
            file_count="multiple",
            label="Documents (pdf, docx, html, txt, md, jsonl)",
            file_types=sorted(SUFFIXES),
            height=150,
        )
        with gr.Column(min_width=300):
            pasted = gr.Textbox(label="Or texts, with an empty line between them", lines=4)
            go = gr.Button("Map these", variant="primary")
    note = status_line("shelf-note")
    with gr.Row(equal_height=False):
        with gr.Column(elem_classes="card", min_width=320, scale=3):
            gr.Markdown(
                "## The map of documents\nNear means about the same things. Hover to see what "
                "they are, click two to join them."
            )
            drawn = map_of("Map of documents", library.drawn(shelf, way), "document-map")
        with gr.Column(elem_classes="card", min_width=300, scale=2):
            gr.Markdown("## From one to another\nWhat lies on the way between their codes.")
            with gr.Row():
                first = _document_list("From", shelf.names, start[0])
                second = _document_list("To", shelf.names, start[1])
            path = answer("The documents on the way", text)
    with gr.Row(equal_height=False):
        with gr.Column(elem_classes="card", min_width=300):
            gr.Markdown("## Search by example")
            query = gr.Textbox(_QUERY, label="Words, or a text like those you want", lines=2)
            method = gr.Radio(
                [(label, name) for name, label in METHODS.items()],
                value="bm25",
                label="Compare by",
            )
            search = gr.Button("Search")
            found = answer("What was found")
        with gr.Column(elem_classes="card", min_width=300):
            gr.Markdown("## The odd one out\nWhich document do the others explain least?")
            rate = gr.Slider(1, 50, 10, step=1, label="How many to call odd, in percent")
            meter = gr.Button("Measure")
            odd = answer("How odd each is")

    def on_shelve(files: list[str] | None = None, pasted: str | None = None) -> tuple:
        """Map documents of this client's own: files, and texts with empty lines between."""
        try:
            made = library.read_shelf(files, pasted)
        except ValueError as error:
            return friendly(error), *[gr.update()] * 7
        ends = made.names[0], made.names[-1]
        way, text = library.path(made, *ends)
        updates = [gr.update(choices=made.names, value=end) for end in ends]
        said = f"{DONE}{len(made.names)} documents are on the map."
        return said, made, library.drawn(made, way), *updates, text, "", ""

    def on_path(
        first: str | None = None, second: str | None = None, kept: Shelf | None = None
    ) -> tuple[str, str]:
        """The documents on the way between two: the map as SVG, and a list as HTML."""
        kept = kept or shelf
        try:
            way, text = library.path(kept, first, second)
        except ValueError as error:
            return library.drawn(kept, (first, second)), f"<p>{friendly(error)}</p>"
        return library.drawn(kept, way), text

    def on_pick(first: str | None, second: str | None, event: gr.EventData) -> list:
        name = event._data["name"]
        return [first, second] if name == second else [second, name]

    def on_search(query: str, method: str = "bm25", kept: Shelf | None = None) -> str:
        """The documents nearest to words or a text (method: bm25, lsa or codes), as HTML."""
        try:
            return library.found(kept or shelf, query, method)
        except ValueError as error:
            return f"<p>{friendly(error)}</p>"

    def on_odd(rate: float = 10, kept: Shelf | None = None) -> str:
        """The documents that the others explain least, as an HTML table."""
        try:
            return library.oddest(kept or shelf, rate)
        except ValueError as error:
            return f"<p>{friendly(error)}</p>"

    private = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    go.click(
        on_shelve,
        [files, pasted],
        [note, kept, drawn, first, second, path, found, odd],
        api_name="map_documents",
        **HEAVY,
    )
    drawn.select(on_pick, [first, second], [first, second], **private)
    gr.on(
        [first.change, second.change],
        on_path,
        [first, second, kept],
        [drawn, path],
        api_name="document_path",
        queue=False,
        show_progress="hidden",
    )
    search.click(on_search, [query, method, kept], found, api_name="search_documents", **HEAVY)
    meter.click(on_odd, [rate, kept], odd, api_name="odd_documents", **HEAVY)


def _document_list(label: str, names: list[str], value: str) -> gr.Dropdown:
    return gr.Dropdown(names, value=value, label=label, filterable=False, min_width=200)
