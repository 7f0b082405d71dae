"""Small synthetic speakers for the tests: harmonics under formants, fricatives and pauses.

A speaker is ``f0`` and ``formant_scale``; what is "said" (vowels, rhythm, intonation) follows from
``seed`` alone, so two speakers with one seed read the same sentence at the same pace.
"""

from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

SAMPLE_RATE = 16_000
HOP = 160
# First four formants in Hz (Peterson and Barney 1952, male means; the fourth is a round number).
_VOWELS = np.array(
    [
        [270, 2290, 3010, 3600],
        [530, 1840, 2480, 3500],
        [730, 1090, 2440, 3400],
        [570, 840, 2410, 3400],
        [300, 870, 2240, 3400],
        [490, 1350, 1690, 3300],
    ],
    dtype=np.float64,
)
_BANDWIDTHS = np.array([70.0, 100.0, 140.0, 200.0])


def voice(f0: float, formant_scale: float, seconds: float, seed: int) -> Tensor:
    """A speech-like waveform (S,) at 16 kHz with syllables, pauses and unvoiced parts."""
    return voice_and_pitch(f0, formant_scale, seconds, seed)[0]


def voice_and_pitch(
    f0: float, formant_scale: float, seconds: float, seed: int
) -> tuple[Tensor, Tensor]:
    """The waveform (S,) of `voice` and the F0 in Hz (T,) it was made with, 0 = unvoiced.

    T = 1 + S // 160, the frames of the mel.
    """
    n_samples = round(seconds * SAMPLE_RATE)
    n_frames = 1 + n_samples // HOP
    rng = np.random.default_rng(seed)
    formants, loudness, hiss, contour = _score(n_frames, rng)
    pitch = f0 * contour
    at = np.arange(n_samples) / HOP
    frames = np.arange(n_frames)
    phase = 2 * np.pi * np.cumsum(np.interp(at, frames, pitch)) / SAMPLE_RATE
    wave = np.zeros(n_samples)
    for harmonic in range(1, int(0.95 * SAMPLE_RATE / 2 / pitch.min()) + 1):
        frequency = harmonic * pitch
        gain = loudness * _envelope(frequency, formants * formant_scale) / harmonic
        gain *= frequency < 0.95 * SAMPLE_RATE / 2
        wave += np.interp(at, frames, gain) * np.cos(harmonic * phase)
    noise = np.diff(rng.standard_normal(n_samples + 1))
    wave /= np.abs(wave).max() + 1e-9
    wave = 0.3 * wave + 0.02 * np.interp(at, frames, hiss) * noise
    wave += 1e-4 * rng.standard_normal(n_samples)
    voiced = np.where(loudness > 0.05, pitch, 0.0)
    return torch.from_numpy(wave).float(), torch.from_numpy(voiced).float()


def write_corpus(
    folder: str | Path, n_speakers: int, n_utterances: int, seconds: float = 1.5
) -> list[Path]:
    """WAV files ``folder/<speaker>/<utterance>.wav``, sorted; utterance i is parallel throughout.

    Speakers alternate between low and high voices.
    """
    paths = []
    for speaker in range(n_speakers):
        f0 = (110.0 if speaker % 2 == 0 else 200.0) * 1.04 ** (speaker // 2)
        scale = (1.0 if speaker % 2 == 0 else 1.17) * 1.02 ** (speaker // 2)
        for utterance in range(n_utterances):
            path = Path(folder) / f"s{speaker:02d}" / f"u{utterance:02d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, voice(f0, scale, seconds, utterance).numpy(), SAMPLE_RATE)
            paths.append(path)
    return sorted(paths)


def _score(
    n_frames: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Formants (T, 4), loudness (T,), hiss (T,) and relative pitch (T,) of a made-up sentence."""
    formants = np.tile(_VOWELS.mean(0), (n_frames, 1))
    loudness, hiss = np.zeros(n_frames), np.zeros(n_frames)
    contour = np.ones(n_frames)
    t, syllable = 5, 0
    while t < n_frames - 20:
        if rng.random() < 0.5:
            length = int(rng.integers(6, 12))
            hiss[t : t + length] = np.hanning(length)[: n_frames - t]
            t += length
        length = min(int(rng.integers(14, 28)), n_frames - 5 - t)
        if length < 8:
            break
        start, end = _VOWELS[rng.integers(len(_VOWELS))], _VOWELS[rng.integers(len(_VOWELS))]
        way = np.linspace(0, 1, length)
        formants[t : t + length] = (1 - way)[:, None] * start + way[:, None] * end
        loudness[t : t + length] = np.sin(np.pi * np.linspace(0.02, 0.98, length)) ** 0.5
        loudness[t : t + length] *= rng.uniform(0.6, 1.0)
        contour[t : t + length] = 1 + 0.1 * np.sin(np.pi * way + rng.uniform(0, np.pi))
        t += length + 2
        syllable += 1
        if syllable % 4 == 0:
            t += int(rng.integers(12, 25))
    return formants, loudness, hiss, contour


def _envelope(frequency: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """Gain (T,) of the vocal tract with ``formants`` (T, 4) at ``frequency`` (T,)."""
    squared = (frequency[:, None] / formants) ** 2
    damping = (_BANDWIDTHS * frequency[:, None] / formants**2) ** 2
    return np.prod(1 / np.sqrt((1 - squared) ** 2 + damping), axis=1) * (1 + frequency / 1000)
