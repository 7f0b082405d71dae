"""Who B is: the part of the page that asks for a voice, and the one that keeps it."""

from typing import NamedTuple

import gradio as gr

from demo.status import status_line, waveform_options
from demo.studio import Choice
from vc.audio import AUDIO_SUFFIXES
from vc.voices import SUFFIX

ORIGINS = {
    "listed": "Choose",
    "recorded": "Record",
    "uploaded": "Upload",
    "blended": "Blend",
}


class Picker(NamedTuple):
    """The components that say who B is, in the order of `Choice`, and those around them."""

    origin: gr.Radio
    listed: gr.Radio
    recording: gr.Audio
    files: gr.File
    first: gr.Dropdown
    second: gr.Dropdown
    share: gr.Slider
    # not part of the choice
    panels: dict[str, gr.Column]
    load: gr.UploadButton
    invent: gr.Button
    note: gr.HTML

    @property
    def choice(self) -> list[gr.components.Component]:
        """What makes a `Choice`."""
        return list(self[: len(Choice._fields)])

    @property
    def lists(self) -> list[gr.components.Component]:
        """What shows names of voices."""
        return [self.listed, self.first, self.second]


class Keeper(NamedTuple):
    """The components that save B as a file."""

    name: gr.Textbox
    save: gr.Button
    saved: gr.Column
    file: gr.File
    note: gr.HTML


def voice_picker(names: list[str]) -> Picker:
    """Laid out inside the blocks that are open; ``names`` are the ready voices."""
    start = "listed" if names else "recorded"
    origin = gr.Radio(
        [(label, value) for value, label in ORIGINS.items()],
        value=start,
        label="Take the voice",
        show_label=False,
        elem_id="origin",
        elem_classes="segments",
    )
    panels = {}
    with gr.Column(visible=start == "listed") as panels["listed"]:
        # not a dropdown: one tap instead of two, and all voices to be seen
        listed = gr.Radio(
            names, value=names[0] if names else None, label="Voice", elem_classes="chips"
        )
        with gr.Row():
            load = gr.UploadButton(
                "Load a voice file", file_types=[SUFFIX], size="sm", min_width=130
            )
            invent = gr.Button("Invent a voice", size="sm", min_width=130, elem_id="invent")
        note = status_line("voices-note")
    with gr.Column(visible=start == "recorded") as panels["recorded"]:
        recording = gr.Audio(
            sources=["microphone"],
            type="filepath",
            label="Recording of B",
            buttons=["download"],
            waveform_options=waveform_options("#b45309"),
        )
    with gr.Column(visible=False) as panels["uploaded"]:
        files = gr.File(
            file_count="multiple",
            file_types=["audio", *AUDIO_SUFFIXES],
            label="One or several recordings of B",
            height=150,
        )
    with gr.Column(visible=False) as panels["blended"], gr.Group():
        with gr.Row():
            first = voice_list("First voice", names, 0)
            second = voice_list("Second voice", names, 1)
        share = gr.Slider(0, 100, 50, step=1, label="How much of the second, in percent")
    return Picker(
        origin, listed, recording, files, first, second, share, panels, load, invent, note
    )


def voice_list(label: str, names: list[str], at: int, **options: object) -> gr.Dropdown:
    """A list of voices with the one ``at`` that place chosen, if there are so many."""
    value = names[min(at, len(names) - 1)] if names else None
    return gr.Dropdown(names, value=value, label=label, filterable=False, min_width=130, **options)


def voice_keeper() -> Keeper:
    """Laid out inside the blocks that are open."""
    with gr.Accordion("Keep this voice", open=False):
        gr.Markdown(
            "A voice file holds a few thousand numbers about B and no sound. "
            "Load it here another day, or pass it to `vc convert --voice`."
        )
        with gr.Row(equal_height=False, elem_classes="keep"):
            name = gr.Textbox("my voice", label="Name of the voice", max_length=40, scale=3)
            save = gr.Button("Save B as a voice file", scale=1, min_width=200)
        with gr.Column(visible=False) as saved:
            file = gr.File(label="Voice file", interactive=False)
        note = status_line("save-note")
    return Keeper(name, save, saved, file, note)
