"""The gallery of digits: how it looks, and what its controls call in `DigitGallery`."""

import gradio as gr

from demo.digit_gallery import ABOUT, CORRUPTIONS, NETWORKS, DigitGallery
from demo.drawings import answer
from demo.status import status_line
from demo.studio import ASSETS
from demo.wording import friendly

_SHEET = (
    '<canvas width="224" height="224" role="img" '
    'aria-label="A sheet to draw a digit on; the numbers below pick one instead"></canvas>'
)
_FIRST = "deep"


def digits_part(gallery: DigitGallery, tab: gr.Tab) -> None:
    """Lay the part out and connect it; nothing is read before ``tab`` is opened."""
    with gr.Row(equal_height=False):
        with gr.Column(elem_classes="card", min_width=250, scale=2):
            gr.Markdown("## A digit\nDraw one, or pick one.")
            sheet = gr.HTML(
                "",
                html_template=_SHEET,
                js_on_load=(ASSETS / "draw.js").read_text(encoding="utf-8"),
                elem_id="sheet-of-paper",
                label="The digit: 64 numbers from 0 to 1",
                padding=False,
            )
            kind = gr.Radio(
                [str(i) for i in range(10)], value="3", label="Pick", elem_classes="chips"
            )
            with gr.Row():
                another = gr.Button("Another one", size="sm", min_width=100)
                clear = gr.Button("Empty the sheet", size="sm", min_width=100)
        with gr.Column(elem_classes="card", min_width=300, scale=3):
            gr.Markdown("## An autoencoder")
            network = gr.Radio(
                [(label, name) for name, label in NETWORKS.items()],
                value=_FIRST,
                label="Which one",
                elem_classes=["chips", "all"],
            )
            about = gr.Markdown(ABOUT[_FIRST])
            corruption = gr.Radio(
                [(label, name) for name, label in CORRUPTIONS.items()],
                value="gaussian",
                label="Corrupt the digit by",
            )
            level = gr.Slider(0, 1, 0, step=0.05, label="How much", elem_id="corruption-level")
            looked = answer("What it sees, its code, what it rebuilds")
            verdict = status_line("digit-note")
    with gr.Row(equal_height=False):
        with gr.Column(elem_classes="card", min_width=320, scale=3):
            gr.Markdown(
                "## The plane of codes\nDrag the mark: every place is a code. Each figure is a "
                "digit the network never saw, where its code lies."
            )
            plane = gr.HTML(
                "",
                js_on_load=(ASSETS / "drag.js").read_text(encoding="utf-8"),
                elem_id="plane",
                label="The plane of codes",
                padding=False,
            )
        with gr.Column(elem_classes="card", min_width=250, scale=2):
            gr.Markdown("## What that place means")
            decoded = answer("The digit of this place")
            x = gr.Slider(-1, 1, 0, step=0.01, label="Across", elem_id="across")
            y = gr.Slider(-1, 1, 0, step=0.01, label="Up", elem_id="up")
    number = gr.State(0)

    def on_look(
        network: str = _FIRST,
        sheet: str = "",
        corruption: str = "gaussian",
        level: float = 0.0,
    ) -> tuple:
        """What an autoencoder makes of a corrupted digit (64 numbers from 0 to 1 as JSON)."""
        try:
            look = gallery.look(network, sheet, corruption, level)
        except ValueError as error:
            return "", friendly(error), *[gr.update()] * 4
        left, right, bottom, top = gallery.limits(network)
        return (
            look.pictures,
            look.verdict,
            gallery.map(network, look.x, look.y),
            gr.update(minimum=left, maximum=right, value=min(max(look.x, left), right)),
            gr.update(minimum=bottom, maximum=top, value=min(max(look.y, bottom), top)),
            gallery.decoded(network, look.x, look.y),
        )

    def on_pick(kind: str = "3", number: int = 0) -> str:
        """A digit of scikit-learn's that no network saw, as 64 numbers from 0 to 1."""
        try:
            return gallery.pick(int(kind), number)
        except ValueError:
            return ""

    def on_another(kind: str, number: int) -> tuple[str, int]:
        return gallery.pick(int(kind), number + 1), number + 1

    def on_place(network: str = _FIRST, x: float = 0.0, y: float = 0.0) -> tuple[str, str]:
        """What a place of the plane decodes to: the plane and the digit, as SVG."""
        try:
            return gallery.map(network, x, y), gallery.decoded(network, x, y)
        except ValueError as error:
            return "", f"<p>{friendly(error)}</p>"

    def on_drag(network: str, event: gr.EventData) -> tuple:
        x, y = (round(float(event._data[name]), 2) for name in ("x", "y"))
        return x, y, gallery.decoded(network, x, y)

    quiet = {"queue": False, "show_progress": "hidden"}
    private = {**quiet, "api_visibility": "private"}
    # past the queue, Gradio forgets what came while it was busy, so the last would not be shown
    last = {"show_progress": "hidden", "trigger_mode": "always_last"}
    seen = [network, sheet, corruption, level]
    shown = [looked, verdict, plane, x, y, decoded]
    look = {"fn": on_look, "inputs": seen, "outputs": shown}
    # the first look is the one that other programs see
    sheet.input(**look, api_name="digit", **quiet)
    for event in (network.input, corruption.input, level.input):
        event(**look, api_visibility="private", **last)
    network.input(lambda name: ABOUT[name], network, about, **private)
    gr.on([tab.select, kind.input], on_pick, [kind, number], sheet, api_name="pick_digit",
          **quiet).then(**look, **private)  # fmt: skip
    another.click(on_another, [kind, number], [sheet, number], **private).then(**look, **private)
    clear.click(lambda: "", None, sheet, **private)
    # where the mark is comes with the event, which is lost when only the last is kept
    plane.input(on_drag, network, [x, y, decoded], trigger_mode="multiple", **private)
    place = {"fn": on_place, "inputs": [network, x, y], "outputs": [plane, decoded]}
    x.input(**place, api_name="decode_place", **last)
    y.input(**place, api_visibility="private", **last)
