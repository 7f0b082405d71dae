"""A voice as the decoder renders it, matched to the voice as it is.

Decoders trained on absolute errors play safe: their mels vary too little, and each voice comes out
a little off its mean spectrum. By how much is known as soon as a reference is there, since the
decoder can be asked to rebuild it. So the statistics that a decoder multiplies and adds (see
:class:`vc.decoder.Decoder`) are set such that the rebuilt reference has the mean and the deviation
of the real one in every band: variance scaling (Silén et al. 2012) for global variance (Toda et al.
2007), with the same words on both sides.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vc.encoders import Speaker
from vc.model import VoiceAutoencoder

# No band is stretched or shrunk by more than this factor.
_LARGEST = 2.0


class Piece(NamedTuple):
    """Part of a reference: its log-mel (1, M, T) as it is and relative to its recording's mean
    spectrum, F0 (1, T) in Hz (0 or less: unvoiced), and True (T,) for the frames that count."""

    mel: Tensor
    relative: Tensor
    f0: Tensor
    counts: Tensor


def matched(
    network: VoiceAutoencoder, speaker: Speaker, pieces: Sequence[Piece], emphasis: float
) -> Speaker:
    """The voice (batch of one), its mean and deviation (1, M) made to rebuild ``pieces`` as loud
    and as lively as they are in every band, when it is emphasised by ``emphasis``.

    ``speaker`` holds the statistics of the frames that count.
    """
    heard = network.emphasised(speaker, emphasis)
    made = torch.cat([_rebuilt(network, heard, piece) for piece in pieces], -1)
    mean = made.mean(-1)
    deviation = made.var(-1, correction=0).clamp_min(1e-4).sqrt()
    stretch = (speaker.deviation / deviation).clamp(1 / _LARGEST, _LARGEST)
    return speaker._replace(
        mean=speaker.mean + stretch * (speaker.mean - mean),
        deviation=stretch * speaker.deviation,
    )


def _rebuilt(network: VoiceAutoencoder, speaker: Speaker, piece: Piece) -> Tensor:
    """The log-mel (1, M, N) of the frames that count, decoded from their own code."""
    content = network.encode_content(piece.relative)
    return network.decode(content, speaker, piece.f0)[..., piece.counts]
