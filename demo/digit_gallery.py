"""What the gallery of digits can do, without the page: small autoencoders that one can poke."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from demo.drawings import code_bars, image, plane
from demo.wording import DONE
from shared.anomaly import Threshold, fit_threshold
from shared.autoencoders.base import Autoencoder
from shared.autoencoders.linear import PCA
from shared.autoencoders.recipes import load
from shared.checkpoint import load_model
from shared.corruption import corruption
from shared.penalties import squared_error

FOLDER = Path(__file__).parent / "assets" / "digits"
SIDE = 8
NETWORKS = {
    "deep": "Deep, 2 numbers",
    "variational": "Variational, 2 numbers",
    "pca": "Principal components, 2 numbers",
    "denoising": "Denoising, 30 numbers",
    "sparse": "Sparse, 128 numbers",
}
ABOUT = {
    "deep": "Squeezes each digit through two numbers, with three layers on either side.",
    "variational": "The same, but its codes are told to lie close together around 0, so that every "
    "place of the plane decodes to something.",
    "pca": "The best that straight lines can do with two numbers: blurred averages.",
    "denoising": "Learnt to undo noise; corrupt the digit and watch it being cleaned.",
    "sparse": "Has more numbers than the digit has pixels, but few may be awake at a time.",
}
CORRUPTIONS = {
    "gaussian": "Noise",
    "masking": "Missing pixels",
    "salt_and_pepper": "Salt and pepper",
}
# How many of a hundred digits that a network never saw it may call odd.
FALSE_ALARMS = 0.05


class Look(NamedTuple):
    """What an autoencoder makes of a digit: pictures as HTML, one sentence, and its place."""

    pictures: str
    verdict: str
    x: float
    y: float


class _Trained(NamedTuple):
    """A network, the two directions that wide codes are shown along, the held-out digits' codes
    in that plane (n, 2), and the alarm."""

    network: Autoencoder
    directions: PCA | None
    places: Tensor
    alarm: Threshold


class DigitGallery:
    """Packaged autoencoders of scikit-learn's digits, read when they are first asked for."""

    @functools.cached_property
    def digits(self) -> tuple[Tensor, Tensor]:
        """Digits (n, 1, 8, 8) in [0, 1] that no network was trained on, and their classes (n,)."""
        _config, state = load_model(FOLDER / "held_out", kind="digits")
        return state["x"].float() / 16, state["label"].long()

    def pick(self, kind: int, number: int = 0) -> str:
        """The ``number``-th digit of a class, counted around, as `read` takes it."""
        x, label = self.digits
        found = x[label == kind]
        if not len(found):
            raise ValueError(f"There are digits from 0 to 9, not {kind}.")
        return json.dumps([round(float(v), 4) for v in found[number % len(found)].flatten()])

    @torch.no_grad()
    def look(self, name: str, drawn: str, kind: str = "gaussian", level: float = 0.0) -> Look:
        """What the network makes of a digit that is corrupted first.

        ``level`` is the share of pixels that are replaced, for noise its deviation.
        """
        trained, x = self._trained(name), read(drawn)
        if kind not in CORRUPTIONS:
            raise ValueError(f"Corrupt by {', '.join(CORRUPTIONS)}, not by {kind}.")
        # the same noise each time, so that the slider makes it grow
        noise = torch.Generator().manual_seed(0)
        seen = corruption(kind, min(max(level, 0.0), 1.0), noise)(x).clamp(0, 1)
        code = trained.network.encode(seen)
        decoded = trained.network.decode(code)
        rebuilt = decoded.clamp(0, 1)
        pictures = _strip(
            ("What it sees", image(seen[0, 0], "the corrupted digit")),
            (f"The code: {code.shape[1]} numbers", code_bars(code[0], "the code as bars")),
            ("What it rebuilds", image(rebuilt[0, 0], "the digit rebuilt from the code")),
        )
        place = [round(value, 2) for value in _placed(trained, code)[0].tolist()]
        error = float(squared_error(decoded, seen))
        return Look(pictures, _verdict(error, trained.alarm), *place)

    @torch.no_grad()
    def decoded(self, name: str, x: float, y: float) -> str:
        """The picture that a place of the plane decodes to."""
        trained = self._trained(name)
        code = torch.tensor([[x, y]], dtype=torch.float32)
        if trained.directions is not None:
            code = trained.directions.decode(code)
        made = trained.network.decode(code).clamp(0, 1)
        return _strip((f"At {x:.2f}, {y:.2f}", image(made[0, 0], "the digit of this place")))

    def limits(self, name: str) -> tuple[float, float, float, float]:
        """(left, right, bottom, top) of the plane's codes."""
        places = self._trained(name).places[::2]
        low, high = 100 * places.amin(0), 100 * places.amax(0)
        # outwards to what a slider can say
        (left, bottom), (right, top) = (low.floor() / 100).tolist(), (high.ceil() / 100).tolist()
        return round(left, 2), round(right, 2), round(bottom, 2), round(top, 2)

    def map(self, name: str, x: float = 0.0, y: float = 0.0) -> str:
        """Where the held-out digits lie in the plane, as SVG, with a mark at (x, y)."""
        trained, (_, label) = self._trained(name), self.digits
        names = [str(kind) for kind in label.tolist()]
        # every second: more would hide one another
        return plane(trained.places[::2], names[::2], (x, y), "Codes of digits in the plane")

    @functools.cache  # noqa: B019 - one gallery lives as long as the program
    def _trained(self, name: str) -> _Trained:
        if name not in NETWORKS:
            raise ValueError(f"There is {', '.join(NETWORKS)}, not {name}.")
        network, (x, _) = load(FOLDER / name), self.digits
        with torch.no_grad():
            codes = network.encode(x)
            errors = squared_error(network.decode(codes), x)
        wide = codes.shape[1] > 2
        directions = PCA([codes.shape[1]], 2).fit(codes) if wide else None
        trained = _Trained(network, directions, codes, fit_threshold(errors, FALSE_ALARMS))
        return trained._replace(places=_placed(trained, codes))


def read(drawn: str) -> Tensor:
    """The digit (1, 1, 8, 8) of a JSON list of 64 numbers from 0 (paper) to 1 (ink), row by row.

    Raises ValueError, with a sentence for a person, for anything else.
    """
    try:
        values = json.loads(drawn or "")
        pixels = torch.tensor(values, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        pixels = torch.zeros(0)
    if pixels.shape != (SIDE * SIDE,) or not bool(torch.isfinite(pixels).all()):
        raise ValueError("There is no digit yet: draw one, or pick one.")
    if not pixels.any():
        raise ValueError("The sheet is empty: draw a digit, or pick one.")
    return pixels.clamp(0, 1).view(1, 1, SIDE, SIDE)


def _placed(trained: _Trained, codes: Tensor) -> Tensor:
    """Codes (n, D) in the plane (n, 2): themselves, or along their two main directions."""
    return codes if trained.directions is None else trained.directions.encode(codes)


def _verdict(error: float, alarm: Threshold) -> str:
    usual = f"{1 - alarm.rate:.0%} of digits stay below {alarm.value:.1f}"
    if error > alarm.value:
        return f"Odd for this network: its error is {error:.1f}, and {usual}."
    return f"{DONE}Usual for this network: its error is {error:.1f}, and {usual}."


def _strip(*figures: Sequence[str]) -> str:
    parts = (
        f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
        for caption, picture in figures
    )
    return f'<div class="strip">{"".join(parts)}</div>'
