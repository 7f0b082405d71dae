"""What the map of voices can do, without the page."""

import functools
from pathlib import Path

import torch

from demo.drawings import Bar, Point, bars, points_map
from demo.studio import EXAMPLES, Choice, Studio, Voices
from demo.wording import file_name
from shared.autoencoders.linear import PCA
from shared.retrieval import CodeIndex
from vc.screen import Screen, screen
from vc.voices import VoiceProfile

# What is said with a voice that is tried out.
SENTENCES = dict(zip(("low", "high"), map(str, EXAMPLES), strict=True))
_NEAREST = 5
_REASONS = {
    "rebuilt": "it cannot be rebuilt well",
    "sounds": "its sounds are not those of speech",
    "colour": "its colour is unusual",
    "amplitudes": "it seems cut off at the peaks",
    "order": "it seems to run backwards",
}
# Median pitch in Hz that parts low voices from high ones on the map.
_HIGH = 160.0


class VoiceGallery:
    """The space of a studio's voices; ``mine`` are the visitor's own."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    @functools.cached_property
    def _ready(self) -> dict[str, VoiceProfile]:
        converter = self.studio.converter
        return {name: converter.profile(name) for name in converter.voices()}

    @functools.cached_property
    def _plane(self) -> PCA | None:
        """The two main directions of the ready voices; None for too few."""
        if len(self._ready) < 2:
            return None
        vectors = torch.stack([voice.vector for voice in self._ready.values()])
        return PCA([vectors.shape[1]], 2).fit(vectors)

    def drawn(
        self,
        first: str | None = None,
        second: str | None = None,
        share: float = 50.0,
        mine: Voices | None = None,
    ) -> str:
        """The map as SVG, with the way from the first voice to the second."""
        if self._plane is None:
            return "<p>A map needs at least two ready voices, and these weights have none.</p>"
        voices = {**self._ready, **(mine or {})}
        vectors = torch.stack([voice.vector for voice in voices.values()])
        points = [
            Point(x, y, name, self._kind(name, voice, mine), _title(name, voice))
            for (x, y), (name, voice) in zip(
                self._plane.encode(vectors).tolist(), voices.items(), strict=True
            )
        ]
        return points_map(points, (first, second), share / 100, "Map of voices")

    def _kind(self, name: str, voice: VoiceProfile, mine: Voices | None) -> int:
        if mine and name in mine:
            return 2
        return 1 if voice.f0_median >= _HIGH else 0

    def between(
        self,
        first: str | None,
        second: str | None,
        share: float,
        sentence: str,
        own: str | None = None,
        mine: Voices | None = None,
        visitor: str = "",
    ) -> tuple[Path, str]:
        """(a sentence said between two voices, what it is); ``own`` is the visitor's sentence."""
        if sentence == "own" and not own:
            raise ValueError("There is no recording of yours yet: make one on the tab Convert.")
        if sentence not in (*SENTENCES, "own"):
            raise ValueError(f"The sentence is low, high or own, not {sentence}.")
        source = own if sentence == "own" else SENTENCES[sentence]
        choice = Choice("blended", first=first, second=second, share=share)
        made = self.studio.convert(source, choice, mine=mine, visitor=visitor)
        pitch = f", around {made.voice.f0_median:.0f} Hz" if made.voice.f0_median else ""
        return made.result, f"{_mixture(first, second, share)}{pitch}."

    def add(self, files: list[str] | None, mine: Voices | None) -> tuple[Voices, str]:
        """(``mine`` and a voice of each recording, under its file's name; the last name)."""
        if not files:
            raise ValueError("There is no recording yet: record or upload one first.")
        name = ""
        for path in files:
            name = file_name(Path(path).stem)
            mine = self.studio.with_voice(mine, self.studio.heard([path], name))
        return mine or {}, name

    def similar(self, name: str | None, mine: Voices | None = None) -> str:
        """The voices nearest to the one of that name, as bars."""
        wanted = self.studio.named(name, mine)
        others = {n: v for n, v in {**self._ready, **(mine or {})}.items() if n != name}
        if len(others) < 2:
            raise ValueError("There are too few voices to compare with.")
        vectors = torch.stack([voice.vector for voice in others.values()])
        # around the mean, as vc search compares: all voices have much in common
        centre = vectors.mean(0)
        found = CodeIndex(vectors - centre).search((wanted.vector - centre)[None], _NEAREST)
        names = list(others)
        rows = [
            Bar(names[i], score, f"{score:.2f}")
            for score, i in zip(found.score[0].tolist(), found.index[0].tolist(), strict=True)
        ]
        return bars(rows, f"Nearest to {name}, by the model's ear (1 is the same voice)")

    def odd(self, files: list[str] | None) -> str:
        """How odd each recording is, as bars that fill at the alarm."""
        if not files:
            raise ValueError("There is no recording yet: record or upload one first.")
        failures: list[str] = []
        found = screen(
            self.studio.converter,
            self._screen,
            [self.studio.let_in(path) for path in files],
            failed=failures.append,
        )
        if failures:
            raise ValueError(failures[0])
        rows = [
            Bar(
                item.path.stem,
                item.score / 2,
                f"{item.score:.1f}" + (f", odd: {_REASONS[item.reason]}" if item.is_odd else ""),
                item.is_odd,
            )
            for item in found
        ]
        return bars(rows, "How odd the model finds each recording; above 1 is an alarm")

    @functools.cached_property
    def _screen(self) -> Screen:
        fitted = Screen.of(self.studio.converter)
        if fitted is None:
            raise ValueError("These weights have not learnt which recordings are odd.")
        return fitted


def _title(name: str, voice: VoiceProfile) -> str:
    pitch = f"around {voice.f0_median:.0f} Hz" if voice.f0_median else "no pitch heard"
    return f"{name}: {pitch}"


def _mixture(first: str | None, second: str | None, share: float) -> str:
    share = min(max(share, 0.0), 100.0)
    if share in (0.0, 100.0):
        return f"This is {first if share == 0.0 else second}"
    return f"This is {100 - share:.0f} % {first} and {share:.0f} % {second}"
