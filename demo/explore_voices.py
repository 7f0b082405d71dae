"""The map of voices: how it looks, and what its buttons call in `VoiceGallery`."""

from typing import NamedTuple

import gradio as gr

from demo.convert import renamed, visitor_of
from demo.drawings import answer, map_of
from demo.status import HEAVY, status_line, waveform_options
from demo.studio import Voices
from demo.voice_gallery import VoiceGallery
from demo.voice_picker import voice_list
from demo.wording import DONE, friendly
from vc.audio import AUDIO_SUFFIXES

_SENTENCES = {"low": "A low computer voice", "high": "A high one", "own": "My A from Convert"}
_LEGEND = (
    '<p class="legend"><span class="low">low</span><span class="high">high</span>'
    '<span class="own">yours</span></p>'
)


class VoicesTab(NamedTuple):
    """The part's components, for those who connect them."""

    map: gr.HTML
    first: gr.Dropdown
    second: gr.Dropdown
    share: gr.Slider
    sentence: gr.Radio
    hear: gr.Button
    sound: gr.Audio
    note: gr.HTML
    files: gr.File
    add: gr.Button
    wanted: gr.Dropdown
    similar: gr.Button
    found: gr.HTML
    odd: gr.Button
    odd_found: gr.HTML
    added_note: gr.HTML

    @property
    def lists(self) -> list[gr.components.Component]:
        """What shows names of voices."""
        return [self.first, self.second, self.wanted]


def voices_part(gallery: VoiceGallery) -> VoicesTab:
    """Laid out inside the blocks that are open."""
    names = gallery.studio.voices()
    start = [names[min(i, len(names) - 1)] if names else None for i in (0, 1)]
    with gr.Row(equal_height=False):
        with gr.Column(elem_classes="card", min_width=320, scale=3):
            gr.Markdown(
                "## The map of voices\nNear means alike to the model's ear. Click two of them, or "
                "choose them from the lists."
            )
            drawn = map_of("Map of voices", gallery.drawn(*start), "voice-map")
            gr.HTML(_LEGEND, padding=False)
        with gr.Column(elem_classes="card", min_width=300, scale=2):
            gr.Markdown("## Between two voices")
            with gr.Row():
                first = voice_list("From", names, 0)
                second = voice_list("To", names, 1)
            share = gr.Slider(0, 100, 50, step=5, label="How far, in percent", elem_id="how-far")
            sentence = gr.Radio(
                [(label, name) for name, label in _SENTENCES.items()],
                value="low",
                label="Who speaks the sentence",
            )
            hear = gr.Button("Hear it", variant="primary", elem_id="hear")
            note = status_line("between-note")
            sound = gr.Audio(
                label="The sentence in this voice",
                type="filepath",
                interactive=False,
                buttons=["download"],
                elem_id="between-sound",
                waveform_options=waveform_options("#be185d"),
            )
    with gr.Row(equal_height=False):
        with gr.Column(elem_classes="card", min_width=300):
            gr.Markdown(
                "## Your recordings\nPut them on the map: each becomes a voice of yours, until "
                "you close this page."
            )
            files = gr.File(
                file_count="multiple",
                file_types=["audio", *AUDIO_SUFFIXES],
                label="Recordings of voices",
                height=150,
                elem_id="voice-files",
            )
            with gr.Row():
                add = gr.Button("Put them on the map", min_width=140)
                odd = gr.Button("Is one of them odd?", min_width=140)
            added_note = status_line("added-note")
            odd_found = answer("How odd each recording is")
        with gr.Column(elem_classes="card", min_width=300):
            gr.Markdown("## Search by example\nWho sounds like this voice?")
            wanted = voice_list("A voice, or a recording you put on the map", names, 0)
            similar = gr.Button("Find the nearest")
            found = answer("The nearest voices")
    return VoicesTab(
        drawn, first, second, share, sentence, hear, sound, note,
        files, add, wanted, similar, found, odd, odd_found, added_note,
    )  # fmt: skip


def connect_voice_map(
    gallery: VoiceGallery,
    mine: gr.State,
    source: gr.Audio,
    tab: VoicesTab,
    lists: list[gr.components.Component],
) -> None:
    """Connect the part; ``source`` is the visitor's own sentence, ``lists`` all lists of voices."""
    place = [tab.first, tab.second, tab.share, mine]

    def on_pick(first: str | None, second: str | None, event: gr.EventData) -> list:
        # the two that were clicked last
        name = event._data["name"]
        return [first, second] if name == second else [second, name]

    def on_map(
        first: str | None = None,
        second: str | None = None,
        share: float = 50.0,
        mine: Voices | None = None,
    ) -> str:
        """The map of voices as SVG, with the way between two of them."""
        return gallery.drawn(first, second, share, mine)

    def on_hear(
        first: str | None,
        second: str | None,
        share: float = 50.0,
        sentence: str = "low",
        own: str | None = None,
        mine: Voices | None = None,
        request: gr.Request | None = None,
    ) -> tuple:
        """Hear a sentence (low, high, or own) in a voice between two others."""
        try:
            path, said = gallery.between(
                first, second, share, sentence, own, mine, visitor_of(request)
            )
        except ValueError as error:
            return None, friendly(error)
        return str(path), DONE + said

    def on_add(files: list[str] | None, mine: Voices | None = None) -> tuple:
        """Put recordings on this client's map: each becomes a voice named after its file."""
        try:
            mine, name = gallery.add(files, mine)
        except ValueError as error:
            return friendly(error), mine, *[gr.update()] * len(lists)
        updates = renamed(gallery.studio, mine, lists)
        for i, component in enumerate(lists):
            if component in (tab.second, tab.wanted):
                updates[i] |= {"value": name}
        return f'{DONE}"{name}" is on the map.', mine, *updates

    def on_similar(wanted: str | None, mine: Voices | None = None) -> str:
        """The voices nearest to this one, as an HTML table."""
        try:
            return gallery.similar(wanted, mine)
        except ValueError as error:
            return f"<p>{friendly(error)}</p>"

    def on_odd(files: list[str] | None) -> tuple[str, str]:
        """How odd each recording is, as an HTML table."""
        try:
            return "", gallery.odd(files)
        except ValueError as error:
            return friendly(error), ""

    private = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    tab.map.select(on_pick, [tab.first, tab.second], [tab.first, tab.second], **private)
    # in the queue: past it, Gradio forgets what came while it was busy
    tab.share.change(
        on_map,
        place,
        tab.map,
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
    gr.on(
        [tab.first.change, tab.second.change, mine.change],
        on_map,
        place,
        tab.map,
        api_name="voice_map",
        queue=False,
        show_progress="hidden",
    )
    tab.hear.click(
        on_hear,
        [tab.first, tab.second, tab.share, tab.sentence, source, mine],
        [tab.sound, tab.note],
        api_name="hear_between",
        show_progress_on=[tab.note],
        **HEAVY,
    )
    tab.add.click(
        on_add, [tab.files, mine], [tab.added_note, mine, *lists], api_name="add_voices", **HEAVY
    )
    tab.similar.click(
        on_similar, [tab.wanted, mine], tab.found, api_name="similar_voices", queue=False
    )
    tab.odd.click(
        on_odd, [tab.files], [tab.added_note, tab.odd_found], api_name="odd_recordings", **HEAVY
    )
