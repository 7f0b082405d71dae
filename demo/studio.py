"""What the page can do with voices, without the page: convert, compare, keep, invent."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from demo.likeness import described, likeness
from demo.loudness import equally_loud
from demo.wording import DONE, file_name, spoken_time
from vc.audio import LEVEL, SYNTHETIC_NOTE, LogMel, active_level, duration, read_audio, write_audio
from vc.inference import VoiceConverter
from vc.pictures import mel_figure
from vc.pitch import track_pitch
from vc.voice_space import invent_for
from vc.voices import SUFFIX, VoiceProfile, blend, save_profile

ASSETS = Path(__file__).parent / "assets"
EXAMPLES = (ASSETS / "low-voice.flac", ASSETS / "high-voice.flac")
# Seconds of B's own recording that the page plays beside the result.
_COMPARED_SECONDS = 15.0
_MAX_REFERENCES = 10
# Voices that one visitor may have made or loaded: each is some 30 kB of the server's memory.
MAX_OWN_VOICES = 50
_PICTURE_INCHES = (3.7, 2.5)

Voices = dict[str, VoiceProfile]
# Told how many seconds of how many are done.
Progress = Callable[[float, float], None]


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
    """Sound files at equal loudness, what there is to say about them, and the voice of B."""

    source: Path
    target: Path | None
    result: Path
    message: str
    voice: VoiceProfile


class StoppedError(ValueError):
    """The visitor asked for it; nothing was made."""


class Studio:
    """What the page can do with voices.

    Files are made in ``folder``, each in a folder of its own so that names cannot meet. Every
    method raises ValueError with one sentence, which `demo.wording.friendly` makes fit to be shown.
    """

    def __init__(self, converter: VoiceConverter, folder: Path, max_seconds: float = 120.0) -> None:
        self.converter = converter
        self.folder = folder
        self.max_seconds = max_seconds
        self.log_mel = LogMel()
        self._stops: dict[str, threading.Event] = {}

    # --- converting ------------------------------------------------------------------------------

    def convert(
        self,
        source: str | None,
        choice: Choice,
        knobs: Knobs | None = None,
        mine: Voices | None = None,
        visitor: str = "",
        progress: Progress = lambda done, total: None,
    ) -> Comparison:
        """A's sentence in B's voice, beside what it was made from.

        Raises StoppedError soon after `stop` was called for the same ``visitor``.
        """
        if not source:
            raise ValueError("There is no sentence yet: record or upload A first.")
        self._check_length([source])
        stop = self._stops[visitor] = threading.Event()

        def told(done: float, total: float) -> None:
            if stop.is_set():
                raise StoppedError("Stopped: nothing was converted, and nothing is kept.")
            progress(done, total)

        try:
            started = time.perf_counter()
            voice = self.voice(choice, mine)
            told(0.0, 1.0)
            place = self._place("converted.wav")
            self.converter.convert_file(
                source, place, voice, **(knobs or Knobs()).arguments(), progress=told
            )
            elapsed = time.perf_counter() - started
        finally:
            self._stops.pop(visitor, None)
        return self._compared(source, choice, place, voice, elapsed)

    def _compared(
        self, source: str, choice: Choice, converted: Path, voice: VoiceProfile, elapsed: float
    ) -> Comparison:
        rate = self.converter.spec.sample_rate
        sounds = [read_audio(source, rate), read_audio(converted, rate)]
        converted.unlink()
        if choice.sounds:
            sounds.append(read_audio(choice.sounds[0], rate)[: round(_COMPARED_SECONDS * rate)])
        seconds = sounds[1].numel() / rate
        original, waveform, *target = equally_loud(sounds)
        return Comparison(
            self._write("A.wav", original, rate),
            self._write("B.wav", target[0], rate) if target else None,
            self._write(f"A as {file_name(voice.name)}.wav", waveform, rate, SYNTHETIC_NOTE),
            f"{DONE}{seconds:.1f} s of speech converted in {elapsed:.1f} s.",
            voice,
        )

    def stop(self, visitor: str) -> bool:
        """Whether this visitor had a conversion going on; it ends with the piece it is at."""
        stop = self._stops.get(visitor)
        if stop is not None:
            stop.set()
        return stop is not None

    def likeness(self, source: str | Path, result: str | Path, voice: VoiceProfile) -> str:
        """How close the result is to the voice, how much of the source's is left, and the pitch."""
        try:
            own, made = (self.converter.profile(path) for path in (source, result))
        except ValueError:
            return "There is too little speech in it to say how close it is."
        known = self._known()
        text = described(likeness(own.vector, voice.vector, made.vector, known))
        pitches = [own.f0_median, made.f0_median, voice.f0_median]
        if all(pitches):
            a, result_, b = (f"{pitch:.0f} Hz" for pitch in pitches)
            text += f" Pitch: A speaks around {a}, the result around {result_}, B around {b}."
        return text

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

    # --- voices ----------------------------------------------------------------------------------

    def voice(self, choice: Choice, mine: Voices | None = None) -> VoiceProfile:
        """The voice that was chosen; ``mine`` are those this visitor loaded or made."""
        if choice.origin == "listed":
            return self.named(choice.listed, mine)
        if choice.origin == "blended":
            pair = [self.named(name, mine) for name in (choice.first, choice.second)]
            share = min(max(choice.share / 100, 0.0), 1.0)
            return blend(pair, [1 - share, share], name=f"{pair[0].name} + {pair[1].name}")
        if not choice.sounds:
            verb = "record" if choice.origin == "recorded" else "upload"
            raise ValueError(f"There is no voice yet: {verb} a few seconds of B first.")
        return self.heard(choice.sounds, "B")

    def heard(self, sounds: Sequence[str], name: str) -> VoiceProfile:
        """The voice of the recordings."""
        if len(sounds) > _MAX_REFERENCES:
            raise ValueError(f"Please choose at most {_MAX_REFERENCES} recordings of a voice.")
        self._check_length(sounds)
        return self.converter.profile(list(sounds), name=name)

    def named(self, name: str | None, mine: Voices | None = None) -> VoiceProfile:
        """The ready voice of that name, or this visitor's own."""
        if not name:
            raise ValueError("There is no voice yet: choose one, or record or upload B.")
        if mine and name in mine:
            return mine[name]
        # Only names: a text from outside must not be taken for the path of a file.
        if name not in self.converter.voices():
            raise ValueError(f"There is no voice called {name}: choose one from the list.")
        return self.converter.profile(name)

    def voices(self, mine: Voices | None = None) -> list[str]:
        """Names to choose from: this visitor's own first."""
        own = list(mine or {})
        return own + [name for name in self.converter.voices() if name not in own]

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

    def invent(self, mine: Voices | None = None, seed: int | None = None) -> VoiceProfile:
        """A voice that nobody has, as `vc voice invent` makes it: the same for the same seed;
        without one, always another."""
        numbers = [re.fullmatch(r"invented (\d+)", name) for name in mine or {}]
        number = max([0, *(int(found[1]) for found in numbers if found)]) + 1
        seed = secrets.randbelow(2**31) if seed is None else int(seed)
        return invent_for(self.converter, seed, f"invented {number}")

    def with_voice(self, mine: Voices | None, profile: VoiceProfile) -> Voices:
        """``mine`` and one more, under its name."""
        mine = mine or {}
        name = file_name(profile.name)
        if name not in mine and len(mine) >= MAX_OWN_VOICES:
            raise ValueError(
                f"You have {MAX_OWN_VOICES} voices of your own already; open the page anew to "
                "start again."
            )
        return mine | {name: profile}

    def _known(self) -> Tensor:
        """Codes (n, E) of the ready voices."""
        vectors = [self.converter.profile(name).vector for name in self.converter.voices()]
        return torch.stack(vectors) if vectors else torch.zeros(0, 1)

    # --- files -----------------------------------------------------------------------------------

    def let_in(self, path: str) -> Path:
        """The path of a recording that is not too long."""
        self._check_length([path])
        return Path(path)

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
