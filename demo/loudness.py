"""Sounds that are to be compared play at one loudness."""

from collections.abc import Sequence

from torch import Tensor

from vc.audio import active_level

# -20 dBFS, as far as the peaks allow.
LISTENING_LEVEL = 0.1
_PEAK = 0.97


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
