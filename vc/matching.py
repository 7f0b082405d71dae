"""A voice as the decoder renders it, matched to the voice as it is.

Decoders trained on absolute errors play safe: their mels vary too little, and each voice comes out
a little off. By how much is known as soon as a reference is there, since the decoder can be asked
to rebuild it: the same words on both sides. What is rendered is then moved such that the rebuilt
reference has the mean and the covariance of the real one, by the linear map that changes least on
the way (optimal transport between Gaussians, e.g. Peyré & Cuturi 2019, remark 2.31). Of variances
alone this is known as variance scaling (Silén et al. 2012) for global variance (Toda et al. 2007).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vc.encoders import Speaker, dct_basis
from vc.model import VoiceAutoencoder

# No direction is stretched or shrunk by more than this factor.
_LARGEST = 2.0
# Covariances are shrunk as if so many frames had been heard in which cepstra are uncorrelated.
_UNCORRELATED_FRAMES = 300.0


class Piece(NamedTuple):
    """Part of a reference: its log-mel (1, M, T) as it is and relative to its recording's mean
    spectrum, F0 (1, T) in Hz (0 or less: unvoiced), and True (T,) for the frames that count."""

    mel: Tensor
    relative: Tensor
    f0: Tensor
    counts: Tensor


class Match(NamedTuple):
    """``offset`` (M,): how far the mean of a voice's renderings is off its own mean spectrum;
    ``transform`` (M, M) brings departures from the one to departures from the other."""

    offset: Tensor
    transform: Tensor


def match_rendering(
    network: VoiceAutoencoder, speaker: Speaker, pieces: Sequence[Piece], emphasis: float
) -> Match:
    """What makes ``pieces``, rebuilt in the voice emphasised so, like the real ones.

    ``speaker`` is a batch of one.
    """
    heard = network.emphasised(speaker, emphasis)
    made = torch.cat([_rebuilt(network, heard, piece) for piece in pieces], -1)[0].double()
    real = torch.cat([piece.mel[..., piece.counts] for piece in pieces], -1)[0].double()
    basis = dct_basis(*[len(made)] * 2).to(made)
    there, here = (_shrunk_covariance(basis @ mel) for mel in (real, made))
    transform = basis.T @ _transport(here, there) @ basis
    # rounded as in a voice file, so that a saved voice is the same
    return Match(*(x.half().float() for x in (made.mean(1) - real.mean(1), transform)))


def matched(mel: Tensor, mean: Tensor, match: Match) -> Tensor:
    """The rendered log-mel (B, M, T) as it would be in the voice with that mean (B, M)."""
    departure = mel - (mean + match.offset.to(mel))[..., None]
    return torch.einsum("mn,bnt->bmt", match.transform.to(mel), departure) + mean[..., None]


def _rebuilt(network: VoiceAutoencoder, speaker: Speaker, piece: Piece) -> Tensor:
    """The log-mel (1, M, N) of the frames that count, decoded from their own code."""
    content = network.encode_content(piece.relative)
    return network.decode(content, speaker, piece.f0)[..., piece.counts]


def _shrunk_covariance(cepstra: Tensor) -> Tensor:
    """Covariance (K, K) of cepstra (K, N), drawn towards none between different orders."""
    n_frames = cepstra.shape[1]
    covariance = torch.cov(cepstra, correction=0)
    share = n_frames / (n_frames + _UNCORRELATED_FRAMES)
    return share * covariance + (1 - share) * covariance.diagonal().diag()


def _transport(here: Tensor, there: Tensor) -> Tensor:
    """The symmetric map (K, K) that gives what has covariance ``here`` the covariance ``there``."""
    root = _power(here, 0.5)
    inverse = _power(here, -0.5)
    transport = inverse @ _power(root @ there @ root, 0.5) @ inverse
    return _of_eigenvalues(transport, lambda x: x.clamp(1 / _LARGEST, _LARGEST))


def _power(covariance: Tensor, exponent: float) -> Tensor:
    floor = 1e-6 * covariance.diagonal().mean().clamp_min(1e-6)
    return _of_eigenvalues(covariance, lambda x: x.clamp_min(floor) ** exponent)


def _of_eigenvalues(symmetric: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    values, vectors = torch.linalg.eigh(symmetric)
    return (vectors * change(values)) @ vectors.T
