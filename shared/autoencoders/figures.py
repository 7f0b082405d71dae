"""Pictures of what an autoencoder does, as matplotlib figures (no pyplot: it keeps them alive)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor


def reconstructions(x: Tensor, x_hat: Tensor, names: Sequence[str] = ("input", "output")) -> Figure:
    """Images x above their reconstructions (n, colours, h, w)."""
    return image_rows({names[0]: x, names[1]: x_hat})


def image_rows(rows: dict[str, Tensor], title: str = "") -> Figure:
    """One named row of images (n, colours, h, w) below the other, values in [0, 1]."""
    n = max(len(images) for images in rows.values())
    mosaic = _mosaic(list(rows.values()), n)
    figure = Figure(figsize=(1.6 + 0.62 * n, 0.3 + 0.72 * len(rows)), layout="constrained")
    axes = _drawn(figure, mosaic, title)
    height = len(mosaic) / len(rows)
    axes.set_yticks([height * (i + 0.5) - 0.5 for i in range(len(rows))], list(rows), fontsize=8)
    return figure


def code_map(codes: Tensor, labels: Sequence[object], title: str = "") -> Figure:
    """Codes (n, 2) as points, coloured by label."""
    points = codes.detach().cpu().numpy()
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    kinds = sorted(set(labels), key=str)
    for i, kind in enumerate(kinds):
        chosen = np.array([label == kind for label in labels])
        axes.scatter(*points[chosen].T, s=9, label=str(kind), color=f"C{i % 10}", alpha=0.75)
    if 1 < len(kinds) <= 20:
        axes.legend(fontsize=7, markerscale=1.5, ncols=2)
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
    return figure


def tiles(images: Tensor, n_columns: int, title: str = "") -> Figure:
    """Images (n, colours, h, w) side by side, row by row."""
    rows = list(images.split(n_columns))
    figure = Figure(figsize=(0.45 * n_columns + 0.4, 0.45 * len(rows) + 0.5), layout="constrained")
    _drawn(figure, _mosaic(rows, n_columns), title).set_yticks([])
    return figure


def _mosaic(rows: Sequence[Tensor], n_columns: int) -> np.ndarray:
    """The images of all rows in one, with a white gap around each; one to draw is soon drawn."""
    lines = []
    for images in rows:
        cells = [_framed(picture(image)) for image in images]
        # a short row ends in white
        cells += [np.full_like(cells[0], np.nan)] * (n_columns - len(cells))
        lines.append(np.concatenate(cells, axis=1))
    return np.concatenate(lines, axis=0)


def _framed(array: np.ndarray) -> np.ndarray:
    gap = max(1, len(array) // 16)
    widths = [(gap, gap), (gap, gap)] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, widths, constant_values=np.nan)


def _drawn(figure: Figure, mosaic: np.ndarray, title: str) -> Axes:
    axes = figure.subplots()
    # nan is drawn as nothing in grey, and has to be said in colour
    shown = mosaic if mosaic.ndim == 2 else np.nan_to_num(mosaic, nan=1.0)
    axes.imshow(shown, cmap="gray_r", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9)
    return axes


def picture(image: Tensor) -> np.ndarray:
    """What matplotlib draws of an image (colours, h, w): (h, w) of one colour, else (h, w, 3)."""
    array = image.detach().float().cpu().clamp(0, 1).numpy()
    return array[0] if len(array) == 1 else array[:3].transpose(1, 2, 0)
