"""Pictures of what an autoencoder does, as matplotlib figures (no pyplot: it keeps them alive)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor


def reconstructions(x: Tensor, x_hat: Tensor, names: Sequence[str] = ("input", "output")) -> Figure:
    """Images x above their reconstructions (n, colours, h, w)."""
    return image_rows({names[0]: x, names[1]: x_hat})


def image_rows(rows: dict[str, Tensor], title: str = "") -> Figure:
    """One named row of images (n, colours, h, w) below the other, values in [0, 1]."""
    n = max(len(images) for images in rows.values())
    figure = Figure(figsize=(1.6 + 0.62 * n, 0.3 + 0.72 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), n, squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for cell in line:
            cell.axis("off")
        for cell, image in zip(line, images, strict=False):
            cell.imshow(picture(image), cmap="gray_r", vmin=0, vmax=1)
        line[0].text(
            -0.15, 0.5, name, ha="right", va="center", fontsize=8, transform=line[0].transAxes
        )
    if title:
        figure.suptitle(title, fontsize=9)
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
    """Images (n, colours, h, w) side by side without gaps, row by row."""
    n_rows = -(-len(images) // n_columns)
    figure = Figure(figsize=(0.45 * n_columns + 0.4, 0.45 * n_rows + 0.5), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for cell in axes.flat:
        cell.axis("off")
    for cell, image in zip(axes.flat, images, strict=False):
        cell.imshow(picture(image), cmap="gray_r", vmin=0, vmax=1)
    figure.suptitle(title, fontsize=9)
    return figure


def picture(image: Tensor) -> np.ndarray:
    """What matplotlib draws of an image (colours, h, w): (h, w) of one colour, else (h, w, 3)."""
    array = image.detach().float().cpu().clamp(0, 1).numpy()
    return array[0] if len(array) == 1 else array[:3].transpose(1, 2, 0)
