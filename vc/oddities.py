"""Sounds that a screen must notice: what is not speech, and speech that something happened to.

Every kind takes a recording (S,) in [-1, 1] and gives another of the same length, at its level.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

_SCALE = (0, 2, 4, 5, 7, 9, 11)  # semitones of a major scale
_CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16))


def music(speech: Tensor, rate: int, generator: torch.Generator) -> Tensor:
    """Plucked notes of a melody over chords, at a steady beat."""
    beat = int(rate * 60 / float(torch.empty(()).uniform_(80, 160, generator=generator)))
    root = 110 * 2 ** float(torch.empty(()).uniform_(0, 1, generator=generator))
    brightness = float(torch.empty(()).uniform_(0.5, 2.0, generator=generator))
    sound = torch.zeros(len(speech) + 4 * beat)
    for number, start in enumerate(range(0, len(speech), beat)):
        notes = []
        if number % 4 == 0:
            chord = _CHORDS[int(torch.randint(len(_CHORDS), (), generator=generator))]
            notes = [(semitone, 4 * beat, 0.5) for semitone in chord]
        step = _SCALE[int(torch.randint(len(_SCALE), (), generator=generator))]
        notes.append((12 + step, beat, 1.0))
        for semitone, length, gain in notes:
            note = _pluck(root * 2 ** (semitone / 12), length, rate, brightness)
            sound[start : start + length] += gain * note
    return _as_loud(sound[: len(speech)], speech)


def noise(speech: Tensor, rate: int, generator: torch.Generator) -> Tensor:
    """Noise whose power falls by 0 to 6 dB an octave: white, pink, brown and between."""
    spectrum = torch.fft.rfft(torch.randn(len(speech), generator=generator))
    slope = float(torch.empty(()).uniform_(0, 1, generator=generator))
    frequency = torch.arange(len(spectrum)).clamp_min(1) * rate / len(speech)
    sound = torch.fft.irfft(spectrum / frequency.clamp_min(20) ** slope, len(speech))
    return _as_loud(sound, speech)


def tones(speech: Tensor, rate: int, generator: torch.Generator) -> Tensor:
    """One to three steady tones, keyed on and off in half of the cases, such as dialling."""
    count = 1 + int(torch.randint(3, (), generator=generator))
    frequencies = 10 ** torch.empty(count).uniform_(2.0, 3.5, generator=generator)
    time = torch.arange(len(speech)) / rate
    sound = torch.sin(2 * math.pi * frequencies[:, None] * time).sum(0)
    if float(torch.rand((), generator=generator)) < 0.5:
        period = float(torch.empty(()).uniform_(0.2, 1.0, generator=generator))
        sound = sound * ((time % period) < 0.5 * period)
    return _as_loud(sound + 1e-4 * torch.randn(len(speech), generator=generator), speech)


def clipped(speech: Tensor, rate: int, generator: torch.Generator) -> Tensor:
    """Speech recorded 12 to 30 dB too loud for the microphone's range."""
    gain = 10 ** (float(torch.empty(()).uniform_(12, 30, generator=generator)) / 20)
    limit = float(speech.abs().max()) / gain
    return _as_loud(speech.clamp(-limit, limit), speech)


def backwards(speech: Tensor, rate: int, generator: torch.Generator) -> Tensor:
    """Speech played from its end."""
    return speech.flip(0)


def narrow(speech: Tensor, rate: int, generator: torch.Generator) -> Tensor:
    """Speech through a channel of 500 to 2000 Hz, such as a bad radio."""
    spectrum = torch.fft.rfft(speech)
    frequency = torch.arange(len(spectrum)) * rate / len(speech)
    passed = (frequency > 500) & (frequency < 2000)
    return _as_loud(torch.fft.irfft(spectrum * torch.where(passed, 1.0, 1e-2), len(speech)), speech)


def hum(speech: Tensor, rate: int, generator: torch.Generator) -> Tensor:
    """Speech under a mains hum of its own level: 50 Hz and its odd harmonics."""
    time = torch.arange(len(speech)) / rate
    harmonics = torch.arange(1, 20, 2)
    sound = (torch.sin(2 * math.pi * 50 * harmonics[:, None] * time) / harmonics[:, None]).sum(0)
    return _as_loud(speech + _as_loud(sound, speech), speech)


KINDS: dict[str, Callable[[Tensor, int, torch.Generator], Tensor]] = {
    "music": music,
    "noise": noise,
    "tones": tones,
    "clipped": clipped,
    "backwards": backwards,
    "narrow band": narrow,
    "hum": hum,
}


def _pluck(frequency: float, length: int, rate: int, brightness: float) -> Tensor:
    time = torch.arange(length) / rate
    harmonics = torch.arange(1, 1 + max(1, min(10, int(0.45 * rate / frequency))))
    gains = harmonics.float() ** -brightness
    waves = torch.sin(2 * math.pi * frequency * harmonics[:, None] * time)
    rise, end = (200 * time).clamp_max(1), (100 * (length / rate - time)).clamp(0, 1)
    return (gains[:, None] * waves).sum(0) * torch.exp(-3 * time) * rise * end


def _as_loud(sound: Tensor, like: Tensor) -> Tensor:
    rms = sound.square().mean().sqrt().clamp_min(1e-9)
    return sound * (like.square().mean().sqrt() / rms)
