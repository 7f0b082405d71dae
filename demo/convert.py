"""The tab that converts a voice: how it looks, and what its buttons call in `Studio`."""

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from demo.status import HEAVY, status_line, waveform_options
from demo.studio import EXAMPLES, Choice, Knobs, Studio, Voices
from demo.voice_picker import Keeper, Picker, voice_keeper, voice_picker
from demo.wording import DONE, file_name, friendly
from vc.voices import VoiceProfile

BUSY = "Converting…"
_CARDS = (
    ("source", "A · the sentence", "#0f766e"),
    ("target", "B · the voice", "#b45309"),
    ("result", "Result · A's sentence in B's voice", "#be185d"),
)


class _Card(NamedTuple):
    column: gr.Column
    sound: gr.Audio
    picture: gr.Image


class ConvertTab(NamedTuple):
    """The tab's components, for those who connect them."""

    source: gr.Audio
    picker: Picker
    knobs: list[gr.components.Component]
    go: gr.Button
    cancel: gr.Button
    message: gr.HTML
    results: gr.Column
    likeness: gr.HTML
    cards: list[_Card]
    keeper: Keeper


def convert_tab(studio: Studio) -> ConvertTab:
    """The tab, laid out inside the blocks that are open."""
    names = studio.voices()
    with gr.Row(equal_height=False, elem_classes="inputs"):
        with gr.Column(elem_classes="card", min_width=320):
            gr.Markdown("## A · the sentence\nRecord a few seconds, or upload a sound file.")
            source = gr.Audio(
                sources=["microphone", "upload"],
                type="filepath",
                label="Recording of A",
                buttons=["download"],
                elem_id="source",
                waveform_options=waveform_options("#0f766e"),
            )
        with gr.Column(elem_classes="card", min_width=320):
            gr.Markdown("## B · the voice\nWho should say it? Five seconds are enough.")
            picker = voice_picker(names)
    _examples(source, picker, names)
    knobs = _knobs()
    with gr.Row(elem_classes="go"):
        go = gr.Button("Convert", variant="primary", size="lg", elem_id="convert", scale=5)
        cancel = gr.Button("Cancel", size="lg", elem_id="cancel", scale=1, min_width=110)
    message = status_line("message")
    with gr.Column(visible=False, elem_id="results") as results:
        gr.Markdown("## Listen and compare\nAll at the same loudness.")
        with gr.Row(equal_height=False):
            cards = [_card(*texts) for texts in _CARDS]
        likeness = gr.HTML(
            "",
            html_template='<p role="status" class="verdict">${value || ""}</p>',
            elem_id="likeness",
            label="How close it is",
        )
    keeper = voice_keeper()
    return ConvertTab(source, picker, knobs, go, cancel, message, results, likeness, cards, keeper)


def _knobs() -> list[gr.components.Component]:
    """The knobs, in the order of `Knobs`."""
    with gr.Accordion("Fine tuning", open=False, elem_id="knobs"), gr.Row():
        shift = gr.Slider(-12, 12, 0, step=0.5, label="Pitch", info="Higher or lower, in semitones")
        lively = gr.Slider(
            0, 2, 1, step=0.05, label="Melody", info="0 is monotone, 1 as spoken, 2 is lively"
        )
        strength = gr.Slider(
            0, 1, 1, step=0.05, label="Strength", info="0 is A's own voice, 1 is B's"
        )
        keep = gr.Checkbox(
            False, label="Keep my melody", info="Leave the pitch where A spoke, or sang"
        )
    return [shift, lively, strength, keep]


def _card(elem_id: str, label: str, color: str) -> _Card:
    with gr.Column(elem_classes=["card", "sound", f"sound-{elem_id}"], min_width=300) as column:
        sound = gr.Audio(
            label=label,
            type="filepath",
            interactive=False,
            buttons=["download"],
            elem_id=f"{elem_id}-sound",
            waveform_options=waveform_options(color),
        )
        picture = gr.Image(
            show_label=False,
            label=f"Mel spectrogram: {label}",
            alt_text=f"Mel spectrogram over time with the pitch drawn in: {label}",
            type="filepath",
            interactive=False,
            buttons=[],
            elem_classes="picture",
        )
    return _Card(column, sound, picture)


def _examples(source: gr.Audio, picker: Picker, names: list[str]) -> None:
    low, high = (str(path) for path in EXAMPLES)
    if names:
        rows = [
            [low, "listed", names[-1], None],
            [high, "listed", names[0], None],
            [low, "uploaded", names[0], [high]],
        ]
        labels = [
            f"A low computer voice as {names[-1]}",
            f"A high computer voice as {names[0]}",
            "The low one as the high one",
        ]
    else:
        rows = [[low, "uploaded", None, [high]], [high, "uploaded", None, [low]]]
        labels = ["A low computer voice as a high one", "A high computer voice as a low one"]
    gr.Examples(
        rows,
        [source, picker.origin, picker.listed, picker.files],
        example_labels=labels,
        label="No microphone at hand? Try one of these, then press Convert",
        api_visibility="private",
    )


# --- what happens --------------------------------------------------------------------------------


def connect_convert(studio: Studio, mine: gr.State, tab: ConvertTab) -> None:
    """Connect the buttons that convert and compare; ``mine`` holds the visitor's own voices."""
    picker, message, cards = tab.picker, tab.message, tab.cards
    hidden = gr.update(visible=False)
    # the voice of the last conversion, for what is said about it afterwards
    last = gr.State(None, time_to_live=3600)

    def on_origin(origin: str) -> list[dict]:
        return [gr.update(visible=name == origin) for name in picker.panels]

    # Spelt out, as other programs see the names; what defaults to None they may leave out.
    def on_convert(
        source: str | None,
        origin: str = "listed",
        listed: str | None = None,
        recording: str | None = None,
        files: list[str] | None = None,
        first: str | None = None,
        second: str | None = None,
        share: float = 50.0,
        pitch_shift: float = 0.0,
        pitch_range: float = 1.0,
        strength: float = 1.0,
        keep_melody: bool = False,
        mine: Voices | None = None,
        request: gr.Request | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio finds it
    ) -> tuple:
        """Say the sentence of one recording in another voice.

        Args:
            source: the recording whose sentence is said.
            origin: where the voice comes from: listed, recorded, uploaded or blended.
            listed: the name of a ready voice.
            recording: a recording of the voice.
            files: one or several recordings of the voice.
            first: the first voice of a blend.
            second: the second voice of a blend.
            share: how much of the blend is its second voice, in percent.
            pitch_shift: semitones.
            pitch_range: 0 is monotone, 1 as spoken, 2 lively.
            strength: 0 is the sentence's own voice, 1 the other.
            keep_melody: whether the pitch stays where it was.
        """
        choice = Choice(origin, listed, recording, files, first, second, share)
        dials = Knobs(pitch_shift, pitch_range, strength, keep_melody)
        try:
            made = studio.convert(
                source,
                choice,
                dials,
                mine,
                visitor_of(request),
                lambda done, total: progress(done / total, desc=BUSY),
            )
        except ValueError as error:
            return friendly(error), hidden, gr.update(), None, None, None, None
        shown = gr.update(visible=True), gr.update(visible=made.target is not None)
        return made.message, *shown, *_texts(made.source, made.target, made.result), made.voice

    def on_likeness(
        source: str | None, result: str | None, last: VoiceProfile | None = None
    ) -> str:
        """How close the last result of this client is to the voice, by the model's own ear."""
        if not source or not result or last is None:
            return ""
        return studio.likeness(source, result, last)

    def on_pictures(
        source: str | None = None, target: str | None = None, result: str | None = None
    ) -> list[str | None]:
        """Mel spectrograms of up to three recordings."""
        return _texts(*(studio.picture(path) for path in (source, target, result)))

    def on_cancel(request: gr.Request) -> str:
        studio.stop(visitor_of(request))
        return "Stopped. Change what you like and press Convert again."

    picker.origin.change(
        on_origin,
        picker.origin,
        list(picker.panels.values()),
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    tab.go.click(None, None, message, js=f"() => '{BUSY}'", queue=False, api_visibility="private")
    converting = tab.go.click(
        on_convert,
        [tab.source, *picker.choice, *tab.knobs, mine],
        [message, tab.results, cards[1].column, *(card.sound for card in cards), last],
        api_name="convert",
        show_progress_on=[message],
        **HEAVY,
    )
    judging = converting.then(
        on_likeness,
        [cards[0].sound, cards[2].sound, last],
        tab.likeness,
        api_name="likeness",
        show_progress="hidden",
        **HEAVY,
    )
    drawing = judging.then(
        on_pictures,
        [card.sound for card in cards],
        [card.picture for card in cards],
        api_name="pictures",
        **HEAVY,
    )
    tab.cancel.click(
        on_cancel,
        None,
        message,
        cancels=[converting, judging, drawing],
        queue=False,
        api_visibility="private",
    )


def connect_voices(
    studio: Studio, mine: gr.State, tab: ConvertTab, lists: list[gr.components.Component]
) -> None:
    """Connect what saves, loads and invents; ``lists`` are all that show names of voices."""
    picker, keeper = tab.picker, tab.keeper
    unchanged = [gr.update()] * len(lists)

    def on_save(
        name: str,
        origin: str = "listed",
        listed: str | None = None,
        recording: str | None = None,
        files: list[str] | None = None,
        first: str | None = None,
        second: str | None = None,
        share: float = 50.0,
        mine: Voices | None = None,
    ) -> tuple:
        """Keep a voice as a file, which vc convert --voice and /load_voice take."""
        choice = Choice(origin, listed, recording, files, first, second, share)
        try:
            path = studio.save(choice, name, mine)
            mine = studio.with_voice(mine, studio.load(path))
        except ValueError as error:
            return gr.update(visible=False), None, friendly(error), mine, *unchanged
        said = f'{DONE}Saved. "{path.stem}" is also in your list until you close this page.'
        return gr.update(visible=True), str(path), said, mine, *renamed(studio, mine, lists)

    def on_load(path: str | None, mine: Voices | None = None) -> tuple:
        """Load a voice file into this client's list."""
        try:
            return added(studio.load(path), mine)
        except ValueError as error:
            return friendly(error), mine, *unchanged

    def on_invent(seed: float | None = None, mine: Voices | None = None) -> tuple:
        """Invent a voice that nobody has; the same for the same seed."""
        try:
            return added(studio.invent(mine, None if seed is None else int(seed)), mine)
        except ValueError as error:
            return friendly(error), mine, *unchanged

    def added(profile: VoiceProfile, mine: Voices | None) -> tuple:
        mine, name = studio.with_voice(mine, profile), file_name(profile.name)
        listed, *others = renamed(studio, mine, lists)
        said = f'{DONE}"{name}" is in your list until you close this page.'
        return said, mine, listed | {"value": name}, *others

    keeper.save.click(
        on_save,
        [keeper.name, *picker.choice, mine],
        [keeper.saved, keeper.file, keeper.note, mine, *lists],
        api_name="save_voice",
        **HEAVY,
    )
    changed = [picker.note, mine, *lists]
    picker.load.upload(on_load, [picker.load, mine], changed, api_name="load_voice")
    seed = gr.Number(None, visible=False, label="Seed", precision=0)
    picker.invent.click(
        on_invent, [seed, mine], changed, api_name="invent_voice", show_progress="hidden"
    )


def renamed(studio: Studio, mine: Voices | None, lists: list) -> list[dict]:
    """Updates that show the visitor's voices in all lists."""
    names = studio.voices(mine)
    return [gr.update(choices=names) for _ in lists]


def visitor_of(request: gr.Request | None) -> str:
    """Who asks: one open page, or one client."""
    return (request.session_hash or "") if request is not None else ""


def _texts(*paths: Path | None) -> list[str | None]:
    """Paths as Gradio takes them."""
    return [str(path) if path else None for path in paths]
