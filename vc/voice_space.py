"""Voices that nobody has, and a map of those there are."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from shared.autoencoders.figures import code_map
from shared.autoencoders.linear import PCA
from shared.generation import GaussianPrior
from vc.encoders import Speaker
from vc.voices import VoiceError, VoiceProfile, blend

# An invented voice is no nearer to a known one than this cosine around the mean voice.
NEAREST = 0.9
_TRIES = 100
# Deviation of the part that goes beyond mixtures, in those of the prior.
_BEYOND = 0.35


def invent(voices: Sequence[VoiceProfile], seed: int, name: str = "invented") -> VoiceProfile:
    """A voice between and a little beyond known ones, none of which it is; the same for one seed.

    A random mixture (Dirichlet) of the voices plus a sample of the normal prior fitted to their
    codes: vector, tokens, spectrum and pitch move together, since the prior is over all of them.
    Raises VoiceError for fewer than three voices, or of several weights, or if every try came too
    close to one of them.
    """
    if len(voices) < 3:
        raise VoiceError(f"inventing a voice needs at least three known ones, got {len(voices)}")
    generator = torch.Generator().manual_seed(seed)
    table = torch.stack([_flat(voice) for voice in voices])
    prior = GaussianPrior.fit(table)
    for _ in range(_TRIES):
        # exponential draws over their sum are uniform on the simplex; squared, they are uneven
        shares = torch.empty(len(voices)).exponential_(generator=generator) ** 2
        mixture = blend(voices, shares.tolist(), name)
        wander = prior.sample(1, spread=_BEYOND, generator=generator)[0] - prior.mean
        invented = _moved(mixture, wander)
        if nearest(invented, voices) < NEAREST:
            return invented
    raise VoiceError("every invented voice came too close to a known one; give more voices")


def nearest(voice: VoiceProfile, voices: Sequence[VoiceProfile]) -> float:
    """The largest cosine of the voice's vector with a known one's, around the known ones' mean."""
    vectors = torch.stack([known.vector for known in voices])
    mean = vectors.mean(0)
    return float(F.cosine_similarity((voice.vector - mean)[None], vectors - mean).max())


def voice_map(voices: Sequence[VoiceProfile]) -> Figure:
    """The voices' vectors in the plane of their two main directions, named, coloured by pitch."""
    if len(voices) < 3:
        raise VoiceError(f"a map needs at least three voices, got {len(voices)}")
    vectors = torch.stack([voice.vector for voice in voices])
    plane = PCA([vectors.shape[1]], 2).fit(vectors).encode(vectors)
    kinds = [_register(voice.f0_median) for voice in voices]
    figure = code_map(plane, kinds, "the space of voices")
    for (x, y), voice in zip(plane.tolist(), voices, strict=True):
        figure.axes[0].annotate(voice.name, (x, y), (3, 3), textcoords="offset points", fontsize=7)
    return figure


def save_map(voices: Sequence[VoiceProfile], path: str | Path) -> Path:
    """The picture's path (png, svg or pdf), written."""
    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"{path}: a map is a .png, .svg or .pdf")
    voice_map(voices).savefig(path, dpi=150)
    return path


def _flat(voice: VoiceProfile) -> torch.Tensor:
    """Everything that makes the voice, as one code; deviations and pitch as logarithms."""
    speaker = voice.speaker
    pitch = torch.tensor([math.log(voice.f0_median) if voice.f0_median > 0 else 5.0])
    parts = [speaker.vector, speaker.tokens.flatten(), speaker.mean, speaker.deviation.log(), pitch]
    return torch.cat([part.float() for part in parts])


def _moved(voice: VoiceProfile, by: torch.Tensor) -> VoiceProfile:
    speaker = voice.speaker
    flat = _flat(voice) + by
    sizes = [speaker.vector.numel(), speaker.tokens.numel(), speaker.mean.numel()]
    vector, tokens, mean, deviation, pitch = flat.split([*sizes, speaker.deviation.numel(), 1])
    moved = Speaker(vector, tokens.view_as(speaker.tokens), mean, deviation.exp())
    median = float(pitch.exp().clamp(60, 400)) if voice.f0_median > 0 else 0.0
    return VoiceProfile(moved, median, voice.f0_spread, voice.name, voice.fingerprint)


def _register(median: float) -> str:
    if median <= 0:
        return "no pitch"
    return "below 160 Hz" if median < 160 else "160 Hz and above"
