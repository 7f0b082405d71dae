"""How far a conversion got from A to B, as the model itself hears it, in plain words."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# Above this cosine around the mean voice two voices are hardly told apart by the model's ear.
_ALIKE = 0.95
# Fewer known voices do not say where the middle of all voices is.
_ENOUGH = 3


class Likeness(NamedTuple):
    """Where the result's code lies; 1.0 is all of it.

    ``towards`` is how far along the straight way from A's code to B's (0 is A, 1 is B); ``left``
    how much of what sets A apart from the average voice is still in it (None where that average is
    not known); ``apart`` the cosine of A and B around it, 1.0 for the same voice.
    """

    towards: float
    left: float | None
    apart: float


def likeness(source: Tensor, target: Tensor, result: Tensor, known: Tensor) -> Likeness:
    """The likeness of speaker codes (E,); ``known`` (n, E) are the codes of known voices.

    ``towards`` is the projection on the way from A to B. ``left`` is A's share where the result is
    written as a mixture of A and B around the mean of the known voices (least squares).
    """
    way = target - source
    towards = float((result - source) @ way / (way @ way).clamp_min(1e-12))
    mean = known.mean(0) if len(known) >= _ENOUGH else torch.zeros_like(source)
    a, b, r = source - mean, target - mean, result - mean
    apart = float(F.cosine_similarity(a, b, dim=0))
    if len(known) < _ENOUGH:
        return Likeness(towards, None, apart)
    shares = torch.linalg.lstsq(torch.stack([a, b], 1), r[:, None], driver="gelsd").solution
    return Likeness(towards, float(shares[0]), apart)


def described(found: Likeness) -> str:
    """One or two sentences for a person."""
    if found.apart > _ALIKE:
        return (
            "By the model's own ear A and B are nearly the same voice, so there was little to "
            "change."
        )
    towards, percent = found.towards, f"{_percent(found.towards)} of the way from A to B"
    if towards >= 0.85:
        text = f"very close to B ({percent})"
    elif towards >= 0.6:
        text = f"close to B ({percent})"
    elif towards >= 0.4:
        text = f"about halfway between A and B ({percent})"
    elif towards >= 0.15:
        text = f"still nearer to A than to B ({percent})"
    else:
        text = f"hardly different from A ({percent})"
    text = f"By the model's own ear the result is {text}"
    if found.left is not None:
        text += f", and {_rest(found.left)}"
    return text + ". It judges its own work: trust your ears more."


def _rest(left: float) -> str:
    if left < 0.05:
        return "next to nothing of A is left"
    if left < 0.25:
        return f"a little of A is left ({_percent(left)})"
    if left < 0.5:
        return f"some of A is left ({_percent(left)})"
    return f"much of A is left ({_percent(left)})"


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.0f} %"
