"""The tab that converts a voice: what its buttons do (`Studio`), and how it looks (`voice_tab`)."""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from torch import Tensor

from vc.audio import (
    AUDIO_SUFFIXES,
    LEVEL,
    SYNTHETIC_NOTE,
    LogMel,
    active_level,
    duration,
    read_audio,
    write_audio,
)
from vc.inference import VoiceConverter
from vc.pictures import mel_figure
from vc.pitch import track_pitch
from vc.voices import SUFFIX, VoiceProfile, blend, save_profile

ASSETS = Path(__file__).parent / "assets"
EXAMPLES = (ASSETS / "low-voice.flac", ASSETS / "high-voice.flac")
# The level that sounds are compared at (-20 dBFS), as far as their peaks allow.
LISTENING_LEVEL = 0.1
_PEAK = 0.97
# Seconds of B's own recording that the page plays beside the result.
_COMPARED_SECONDS = 15.0
_MAX_REFERENCES = 10
_PICTURE_INCHES = (3.7, 2.5)
# Heavy events share one place: two conversions at once would only slow each other down.
HEAVY = {"concurrency_id": "heavy", "concurrency_limit": 1}
DONE = "✓ "
BUSY = "Converting…"
ORIGINS = {
    "listed": "Choose",
    "recorded": "Record",
    "uploaded": "Upload",
    "blended": "Blend",
}

Voices = dict[str, VoiceProfile]


class Choice(NamedTuple):
    """Who B is, as it stands on the page; only the fields of its ``origin`` count.

    ``share`` is how much of a blend is its second voice, in percent.
    """

    origin: str = "listed"
    listed: str | None = None
    recording: str | None = None
    files: Sequence[str] | None = None
    first: str | None = None
    second: str | None = None
    share: float = 50.0

    @property
    def sounds(self) -> list[str]:
        """The recordings of B; none for a voice that comes without any."""
        if self.origin == "recorded" and self.recording:
            return [self.recording]
        return list(self.files or []) if self.origin == "uploaded" else []


class Knobs(NamedTuple):
    """Semitones, how lively the melody is, how much of B there is, and whether A's pitch stays."""

    pitch_shift: float = 0.0
    pitch_range: float = 1.0
    strength: float = 1.0
    keep_melody: bool = False

    def arguments(self) -> dict[str, Any]:
        """The same in the words of :class:`vc.inference.Knobs`."""
        mode = "shift" if self.keep_melody else "match"
        return {
            "pitch_shift": self.pitch_shift,
            "pitch_mode": mode,
            "pitch_range": self.pitch_range,
            "strength": self.strength,
        }


class Comparison(NamedTuple):
    """Sound files at equal loudness, and what there is to say about them."""

    source: Path
    target: Path | None
    result: Path
    message: str


class Studio:
    """What the page can do, without the page.

    Files are made in ``folder``, each in a folder of its own so that names cannot meet. Every
    method raises ValueError with one sentence, which `friendly` makes fit to be shown.
    """

    def __init__(self, converter: VoiceConverter, folder: Path, max_seconds: float = 120.0) -> None:
        self.converter = converter
        self.folder = folder
        self.max_seconds = max_seconds
        self.log_mel = LogMel()

    def convert(
        self,
        source: str | None,
        choice: Choice,
        knobs: Knobs | None = None,
        mine: Voices | None = None,
    ) -> Comparison:
        """A's sentence in B's voice, beside what it was made from."""
        if not source:
            raise ValueError("There is no sentence yet: record or upload A first.")
        self._check_length([source])
        started = time.perf_counter()
        voice = self.voice(choice, mine)
        waveform, rate = self.converter.convert(source, voice, **(knobs or Knobs()).arguments())
        elapsed = time.perf_counter() - started
        original = read_audio(source, rate)
        sounds = [original, waveform]
        if choice.sounds:
            sounds.append(read_audio(choice.sounds[0], rate)[: round(_COMPARED_SECONDS * rate)])
        original, waveform, *target = equally_loud(sounds)
        return Comparison(
            self._write("A.wav", original, rate),
            self._write("B.wav", target[0], rate) if target else None,
            self._write(f"A as {file_name(voice.name)}.wav", waveform, rate, SYNTHETIC_NOTE),
            describe(original, waveform, rate, voice, elapsed),
        )

    def voice(self, choice: Choice, mine: Voices | None = None) -> VoiceProfile:
        """The voice that was chosen; ``mine`` are those this visitor loaded or saved."""
        if choice.origin == "listed":
            return self._named(choice.listed, mine)
        if choice.origin == "blended":
            pair = [self._named(name, mine) for name in (choice.first, choice.second)]
            share = min(max(choice.share / 100, 0.0), 1.0)
            return blend(pair, [1 - share, share], name=f"{pair[0].name} + {pair[1].name}")
        if not choice.sounds:
            verb = "record" if choice.origin == "recorded" else "upload"
            raise ValueError(f"There is no voice yet: {verb} a few seconds of B first.")
        if len(choice.sounds) > _MAX_REFERENCES:
            raise ValueError(f"Please choose at most {_MAX_REFERENCES} recordings of B.")
        self._check_length(choice.sounds)
        return self.converter.profile(choice.sounds, name="B")

    def save(self, choice: Choice, name: str | None, mine: Voices | None = None) -> Path:
        """A voice file of the chosen voice, called ``name``."""
        name = file_name(name or "")
        profile = self.converter.profile(self.voice(choice, mine), name=name)
        return save_profile(profile, self._place(name + SUFFIX))

    def load(self, path: str | Path | None) -> VoiceProfile:
        """The voice in a voice file, if it belongs to these weights."""
        if not path:
            raise ValueError(f"Choose a voice file first: its name ends in {SUFFIX}.")
        if Path(path).suffix != SUFFIX:
            raise ValueError(f"{path} is not a voice file: those end in {SUFFIX}.")
        return self.converter.profile(path)

    def picture(self, path: str | Path | None) -> Path | None:
        """A picture (PNG) of the mel spectrogram with the pitch drawn in; None for no sound."""
        if not path:
            return None
        waveform = read_audio(path)
        level = active_level(waveform)
        waveform = waveform * (LEVEL / level if level else 1.0)
        mel, f0 = self.log_mel(waveform[None])[0], track_pitch(waveform)
        place = self._place("mel.png")
        figure = mel_figure({"": mel}, {"": f0})
        # narrow, so that its letters can be read in a third of the page and on a phone
        figure.set_size_inches(*_PICTURE_INCHES)
        figure.savefig(place, dpi=220)
        return place

    def voices(self, mine: Voices | None = None) -> list[str]:
        """Names to choose from: this visitor's own first."""
        own = list(mine or {})
        return own + [name for name in self.converter.voices() if name not in own]

    def _named(self, name: str | None, mine: Voices | None) -> VoiceProfile:
        if not name:
            raise ValueError("There is no voice yet: choose one, or record or upload B.")
        if mine and name in mine:
            return mine[name]
        # Only names: a text from outside must not be taken for the path of a file.
        if name not in self.converter.voices():
            raise ValueError(f"There is no voice called {name}: choose one from the list.")
        return self.converter.profile(name)

    def _check_length(self, paths: Iterable[str]) -> None:
        for path in paths:
            seconds = duration(path)
            if seconds > self.max_seconds:
                raise ValueError(
                    f"{path} lasts {spoken_time(seconds)}; please cut it to "
                    f"{spoken_time(self.max_seconds)} or less."
                )

    def _place(self, name: str) -> Path:
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir(parents=True)
        return folder / name

    def _write(self, name: str, waveform: Tensor, rate: int, note: str | None = None) -> Path:
        place = self._place(name)
        write_audio(place, waveform, rate, note=note)
        return place


def equally_loud(waveforms: Sequence[Tensor]) -> list[Tensor]:
    """The waveforms (S,) at one active level: LISTENING_LEVEL, or what the highest peak allows."""
    levels = [active_level(waveform) for waveform in waveforms]
    allowed = [
        _PEAK * level / float(waveform.abs().max())
        for waveform, level in zip(waveforms, levels, strict=True)
        if level
    ]
    common = min([LISTENING_LEVEL, *allowed])
    return [
        waveform * (common / level if level else 1.0)
        for waveform, level in zip(waveforms, levels, strict=True)
    ]


def describe(
    original: Tensor, waveform: Tensor, rate: int, voice: VoiceProfile, elapsed: float
) -> str:
    """What was done, in plain words; ``elapsed`` in seconds."""
    seconds = waveform.numel() / rate
    text = f"{DONE}{seconds:.1f} s of speech converted in {elapsed:.1f} s."
    before, after = (median_pitch(sound) for sound in (original, waveform))
    if before and after:
        text += f" Pitch: A speaks around {before:.0f} Hz, the result around {after:.0f} Hz"
        text += f", B around {voice.f0_median:.0f} Hz." if voice.f0_median else "."
    return text


def median_pitch(waveform: Tensor) -> float:
    """Median F0 in Hz of a waveform (S,) at 16 kHz; 0.0 when nothing is voiced."""
    f0 = track_pitch(waveform)
    voiced = f0[f0 > 0]
    return float(voiced.median()) if voiced.numel() else 0.0


def spoken_time(seconds: float) -> str:
    """Seconds as people say them: "45 seconds", "30 minutes", "2:05 minutes"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} seconds"
    if rest == 0:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"{minutes}:{rest:02d} minutes"


def file_name(name: str) -> str:
    """``name`` without what a file's name cannot hold anywhere; "voice" when nothing is left."""
    return " ".join(re.sub(r"[^\w +-]", " ", name).split())[:40].strip() or "voice"


def friendly(error: ValueError) -> str:
    """The error's sentence without the folders of this server, as a sentence."""
    original = str(error).strip()
    text = re.sub(r"(?:[A-Za-z]:)?[/\\](?:[^/\\\n]+[/\\])+(?=[^/\\\s])", "", original)
    # A sentence that began with a path now begins with the name of a file, which stays as it is.
    if text[:1] == original[:1]:
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


# --- the page ------------------------------------------------------------------------------------


def voice_tab(studio: Studio) -> None:
    """Lay the tab out inside the blocks that are open, and connect it."""
    names = studio.voices()
    mine = gr.State({}, time_to_live=3600)
    with gr.Row(equal_height=False, elem_classes="inputs"):
        with gr.Column(elem_classes="card", min_width=320):
            gr.Markdown("## A · the sentence\nRecord a few seconds, or upload a sound file.")
            source = gr.Audio(
                sources=["microphone", "upload"],
                type="filepath",
                label="Recording of A",
                buttons=["download"],
                elem_id="source",
                waveform_options=_waveform("#0f766e"),
            )
        with gr.Column(elem_classes="card", min_width=320):
            gr.Markdown("## B · the voice\nWho should say it? Five seconds are enough.")
            picker = _voice_picker(names)
    _examples(source, picker, names)
    knobs = _knobs()
    go = gr.Button("Convert", variant="primary", size="lg", elem_id="convert")
    message = status_line("message")
    with gr.Column(visible=False, elem_id="results") as results:
        gr.Markdown("## Listen and compare\nAll at the same loudness.")
        with gr.Row(equal_height=False):
            cards = [_card(*texts) for texts in _CARDS]
    saving = _voice_keeper()
    _connect(studio, mine, source, picker, go, knobs, message, results, cards, saving)


class _Picker(NamedTuple):
    """The components that say who B is, in the order of `Choice`."""

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
    load_note: gr.HTML

    @property
    def choice(self) -> list[gr.components.Component]:
        return list(self[: len(Choice._fields)])


class _Card(NamedTuple):
    column: gr.Column
    sound: gr.Audio
    picture: gr.Image


class _Keeper(NamedTuple):
    name: gr.Textbox
    save: gr.Button
    saved: gr.Column
    file: gr.File
    note: gr.HTML


_CARDS = (
    ("source", "A · the sentence", "#0f766e"),
    ("target", "B · the voice", "#b45309"),
    ("result", "Result · A's sentence in B's voice", "#be185d"),
)


def _waveform(color: str) -> gr.WaveformOptions:
    return gr.WaveformOptions(
        waveform_color="#a8a29e", waveform_progress_color=color, sample_rate=16_000
    )


def status_line(elem_id: str) -> gr.HTML:
    """A line for what happened, which screen readers speak; plain text for other programs."""
    template = (
        '<p role="status" class="note ${!value ? "" : value.startsWith("✓") ? "done" '
        ': value.endsWith("…") ? "busy" : "error"}">'
        '${(value || "").replace(/&/g, "&amp;").replace(/</g, "&lt;")}</p>'
    )
    return gr.HTML("", html_template=template, elem_id=elem_id, label="What happened")


def _voice_picker(names: list[str]) -> _Picker:
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
        load = gr.UploadButton("Load a voice file", file_types=[SUFFIX], size="sm")
        load_note = status_line("load-note")
    with gr.Column(visible=start == "recorded") as panels["recorded"]:
        recording = gr.Audio(
            sources=["microphone"],
            type="filepath",
            label="Recording of B",
            buttons=["download"],
            waveform_options=_waveform("#b45309"),
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
            first = _voice_list("First voice", names, 0)
            second = _voice_list("Second voice", names, 1)
        share = gr.Slider(0, 100, 50, step=1, label="How much of the second, in percent")
    return _Picker(origin, listed, recording, files, first, second, share, panels, load, load_note)


def _voice_list(label: str, names: list[str], at: int) -> gr.Dropdown:
    value = names[min(at, len(names) - 1)] if names else None
    return gr.Dropdown(names, value=value, label=label, filterable=False, min_width=130)


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
            waveform_options=_waveform(color),
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


def _examples(source: gr.Audio, picker: _Picker, names: list[str]) -> None:
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


def _voice_keeper() -> _Keeper:
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
    return _Keeper(name, save, saved, file, note)


def _connect(
    studio: Studio,
    mine: gr.State,
    source: gr.Audio,
    picker: _Picker,
    go: gr.Button,
    knobs: list[gr.components.Component],
    message: gr.HTML,
    results: gr.Column,
    cards: list[_Card],
    keeper: _Keeper,
) -> None:
    lists = [picker.listed, picker.first, picker.second]
    hidden = gr.update(visible=False)

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
    ) -> tuple:
        choice = Choice(origin, listed, recording, files, first, second, share)
        dials = Knobs(pitch_shift, pitch_range, strength, keep_melody)
        try:
            made = studio.convert(source, choice, dials, mine)
        except ValueError as error:
            return friendly(error), hidden, gr.update(), None, None, None
        shown = gr.update(visible=True), gr.update(visible=made.target is not None)
        return made.message, *shown, *_texts(made.source, made.target, made.result)

    def on_pictures(
        source: str | None = None, target: str | None = None, result: str | None = None
    ) -> list[str | None]:
        return _texts(*(studio.picture(path) for path in (source, target, result)))

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
        choice = Choice(origin, listed, recording, files, first, second, share)
        try:
            path = studio.save(choice, name, mine)
        except ValueError as error:
            return hidden, None, friendly(error), mine, *[gr.update()] * len(lists)
        mine = (mine or {}) | {path.stem: studio.load(path)}
        said = f'{DONE}Saved. "{path.stem}" is also in your list until you close this page.'
        return gr.update(visible=True), str(path), said, mine, *_choices(studio, mine)

    def on_load(path: str | None, mine: Voices) -> tuple:
        try:
            profile = studio.load(path)
        except ValueError as error:
            return friendly(error), mine, *[gr.update()] * len(lists)
        name = file_name(profile.name)
        mine = mine | {name: profile}
        listed, *others = _choices(studio, mine)
        said = f'{DONE}"{name}" is in your list until you close this page.'
        return said, mine, listed | {"value": name}, *others

    picker.origin.change(
        on_origin,
        picker.origin,
        list(picker.panels.values()),
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    go.click(None, None, message, js=f"() => '{BUSY}'", queue=False, api_visibility="private")
    _heavy(
        go.click,
        on_convert,
        [source, *picker.choice, *knobs, mine],
        [message, results, cards[1].column, *(card.sound for card in cards)],
        api_name="convert",
        show_progress_on=[message],
    ).then(
        on_pictures,
        [card.sound for card in cards],
        [card.picture for card in cards],
        api_name="pictures",
        **HEAVY,
    )
    _heavy(
        keeper.save.click,
        on_save,
        [keeper.name, *picker.choice, mine],
        [keeper.saved, keeper.file, keeper.note, mine, *lists],
        api_name="save_voice",
    )
    picker.load.upload(
        on_load, [picker.load, mine], [picker.load_note, mine, *lists], api_name="load_voice"
    )


def _heavy(event: Callable, *args: Any, **kwargs: Any) -> Any:
    return event(*args, **HEAVY, **kwargs)


def _texts(*paths: Path | None) -> list[str | None]:
    """Paths as Gradio takes them."""
    return [str(path) if path else None for path in paths]


def _choices(studio: Studio, mine: Voices) -> list[dict]:
    names = studio.voices(mine)
    return [gr.update(choices=names) for _ in range(3)]
