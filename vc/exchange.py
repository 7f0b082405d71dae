"""Voices exchanged within a training batch: everyone's words in the next one's voice."""

from typing import NamedTuple

import torch
from torch import Tensor

from vc.encoders import Speaker
from vc.model import VoiceAutoencoder


class Exchange(NamedTuple):
    """Conversions of N examples: log-mel (N, M, T), the code (N, C, T') and F0 (N, T) in Hz that
    it was made from, and the voice that it is in."""

    mel: Tensor
    content: Tensor
    f0: Tensor
    voice: Speaker


def exchanged(
    network: VoiceAutoencoder,
    relative: Tensor,
    f0: Tensor,
    speaker: Speaker,
    part: slice = slice(None),
) -> Exchange:
    """``part`` of a batch said in the voices of its neighbours, at their register.

    ``relative`` (B, M, T) is what is heard (see :func:`vc.model.relative_mel`), ``f0`` (B, T) and
    ``speaker`` are those of the whole batch.
    """
    voice = Speaker(*(x.roll(1, 0)[part] for x in speaker))
    moved = match_pitch(f0[part], f0.roll(1, 0)[part])
    content = network.encode_content(relative[part])
    return Exchange(network.decode(content, voice, moved), content, moved, voice)


def match_pitch(f0: Tensor, f0_target: Tensor) -> Tensor:
    """``f0`` (B, T) moved to the median of ``f0_target`` (B, T'); unvoiced frames stay 0."""

    def log_median(x: Tensor) -> Tensor:
        return torch.where(x > 0, x.clamp_min(1).log(), torch.nan).nanmedian(1).values

    shift = (log_median(f0_target) - log_median(f0)).nan_to_num(0.0)
    return f0 * shift.exp()[:, None]
