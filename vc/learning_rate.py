"""The learning rate over a training run."""

import math


def share_of_rate(step: int, n_warmup_steps: int, n_steps: int | None, last: float) -> float:
    """Of the full rate, at batch ``step``: linear warm-up, then half a cosine down to ``last``.

    After ``n_steps`` batches it stays there; with None it never falls.
    """
    rising = min(1.0, (step + 1) / max(1, n_warmup_steps))
    if n_steps is None:
        return rising
    done = min(1.0, step / max(1, n_steps))
    return rising * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * done)))
