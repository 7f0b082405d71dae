"""Voices that nobody has, the space they are drawn from, and a map of those there are."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from shared.autoencoders.figures import code_map
from shared.autoencoders.linear import PCA
from shared.checkpoint import save_model
from shared.generation import GaussianPrior, MixturePrior
from vc.beside import load_beside
from vc.encoders import Speaker
from vc.voices import VoiceError, VoiceProfile, blend

if TYPE_CHECKING:
    from vc.inference import VoiceConverter

KIND = "vc-space"
FOLDER = "space"
# An invented voice is no nearer to a known one than this cosine around the mean voice.
NEAREST = 0.9
_TRIES = 100
# Deviation of the part that goes beyond mixtures, in those of the prior.
_BEYOND = 0.35
N_AXES = 32
# One bell does not fit voices: men, women and children, near and far from the microphone.
N_COMPONENTS = 4
# Samples less likely than all but this share of real speakers are drawn again.
_UNLIKELY = 0.05


class VoiceSpace:
    """Where the voices of many speakers lie: their main directions, and a mixture along them.

    ``prior`` is over whole voices as one code each (see `_flat`), ``mixture`` over coordinates on
    its axes; ``least_likely`` (nats) is what most of the speakers exceed. No speaker can be got
    back from it.
    """

    def __init__(self, prior: GaussianPrior, mixture: MixturePrior, least_likely: float) -> None:
        self.prior, self.mixture, self.least_likely = prior, mixture, least_likely

    @classmethod
    def fit(cls, voices: Sequence[VoiceProfile]) -> "VoiceSpace":
        """Fitted to the voices of at least 20 speakers; raises VoiceError for fewer."""
        if len(voices) < 20:
            raise VoiceError(f"a space of voices needs at least 20 speakers, got {len(voices)}")
        table = torch.stack([_flat(voice) for voice in voices])
        prior = GaussianPrior.fit(table, min(N_AXES, len(voices) // 4))
        coordinates = prior.coordinates(table)
        generator = torch.Generator().manual_seed(0)
        n_components = min(N_COMPONENTS, len(voices) // 20)
        mixture = MixturePrior.fit(coordinates, n_components, generator=generator)
        likely = mixture.log_probability(coordinates)
        return cls(prior, mixture, float(likely.quantile(_UNLIKELY)))

    def sample(self, like: VoiceProfile, generator: torch.Generator, name: str) -> VoiceProfile:
        """A voice of the space, as likely as real ones are; ``like`` gives the shapes.

        Raises VoiceError if no draw is.
        """
        for _ in range(_TRIES):
            coordinates = self.mixture.sample(1, generator=generator)
            if float(self.mixture.log_probability(coordinates)) >= self.least_likely:
                return _voice(self.prior.from_coordinates(coordinates)[0], like, name)
        raise VoiceError("the space of voices is damaged: every voice it gives is unlikely")

    def save(self, folder: str | Path, fingerprint: str, *, overwrite: bool = False) -> Path:
        """The folder, now holding the space for the weights with this fingerprint."""
        state = {f"prior.{k}": v for k, v in self.prior.state().items()}
        state |= {f"mixture.{k}": v for k, v in self.mixture.state().items()}
        config = {"fingerprint": fingerprint, "least_likely": self.least_likely}
        return save_model(folder, state, config, kind=KIND, half=True, overwrite=overwrite)

    @classmethod
    def of(cls, converter: "VoiceConverter") -> "VoiceSpace | None":
        """The space beside the converter's weights, None without one; raises as `load`."""
        folder = converter.folder and converter.folder / FOLDER
        return cls.load(folder, converter.fingerprint) if folder and folder.is_dir() else None

    @classmethod
    def load(cls, folder: str | Path, fingerprint: str) -> "VoiceSpace":
        """The space in the folder; raises ValueError when it is of other weights or not whole."""
        config, state = load_beside(folder, KIND, fingerprint)
        parts = {
            part: {k.partition(".")[2]: v for k, v in state.items() if k.startswith(f"{part}.")}
            for part in ("prior", "mixture")
        }
        prior = GaussianPrior.from_state(parts["prior"])
        mixture = MixturePrior.from_state(parts["mixture"])
        return cls(prior, mixture, float(config["least_likely"]))


def invent(
    voices: Sequence[VoiceProfile],
    seed: int,
    name: str = "invented",
    space: VoiceSpace | None = None,
) -> VoiceProfile:
    """A voice that none of the known ones is; the same for one seed.

    Drawn from ``space``; without one, a random mixture (Dirichlet) of the voices plus a sample of
    the normal prior fitted to their codes. Vector, tokens, spectrum and pitch move together, since
    the priors are over all of them. Raises VoiceError for too few voices (one with a space, three
    without), for voices of several weights, or if every try came too close to one of them.
    """
    needed = 1 if space is not None else 3
    if len(voices) < needed:
        raise VoiceError(
            f"inventing a voice needs at least {'one known' if space else 'three known ones'}, "
            f"got {len(voices)}"
        )
    generator, usual = torch.Generator().manual_seed(seed), blend(voices)
    for _ in range(_TRIES):
        if space is not None:
            invented = space.sample(usual, generator, name)
        else:
            invented = _between_and_beyond(voices, generator, name)
        if len(voices) < 3 or nearest(invented, voices) < NEAREST:
            return invented
    raise VoiceError("every invented voice came too close to a known one; give more voices")


def invent_for(converter: "VoiceConverter", seed: int, name: str = "invented") -> VoiceProfile:
    """A voice that nobody has, for the converter's weights; the same for one seed.

    Drawn from the space that lies beside the weights; where there is none, between their ready
    voices and beyond. Raises as `invent`, and ValueError for a space of other weights.
    """
    known = [converter.profile(voice) for voice in converter.voices()]
    return invent(known, seed, name, VoiceSpace.of(converter))


def _between_and_beyond(
    voices: Sequence[VoiceProfile], generator: torch.Generator, name: str
) -> VoiceProfile:
    prior = GaussianPrior.fit(torch.stack([_flat(voice) for voice in voices]))
    # exponential draws over their sum are uniform on the simplex; squared, they are uneven
    shares = torch.empty(len(voices)).exponential_(generator=generator) ** 2
    mixture = blend(voices, shares.tolist(), name)
    wander = prior.sample(1, spread=_BEYOND, generator=generator)[0] - prior.mean
    return _voice(_flat(mixture) + wander, mixture, name)


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


def _flat(voice: VoiceProfile) -> Tensor:
    """Everything that makes the voice, as one code; deviations and pitch as logarithms."""
    speaker = voice.speaker
    has_pitch = voice.f0_median > 0
    # a whisper has no register of its own: an ordinary one
    pitch = [math.log(voice.f0_median), voice.f0_spread] if has_pitch else [5.0, 0.2]
    parts = [speaker.vector, speaker.tokens.flatten(), speaker.mean, speaker.deviation.log()]
    return torch.cat([*(part.float() for part in parts), torch.tensor(pitch)])


def _voice(flat: Tensor, like: VoiceProfile, name: str) -> VoiceProfile:
    """The voice whose `_flat` this is, with the shapes, the weights and the match of ``like``."""
    speaker = like.speaker
    vector, tokens, mean, deviation, pitch = flat.split([*(x.numel() for x in speaker), 2])
    made = Speaker(vector, tokens.view_as(speaker.tokens), mean, deviation.exp())
    median = float(pitch[0].exp().clamp(60, 400)) if like.f0_median > 0 else 0.0
    spread = float(pitch[1].clamp(0.03, 0.5))
    return VoiceProfile(made, median, spread, name, like.fingerprint, like.match)


def _register(median: float) -> str:
    if median <= 0:
        return "no pitch"
    return "below 160 Hz" if median < 160 else "160 Hz and above"
