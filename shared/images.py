"""Images in memory: scikit-learn's digits, MNIST's IDX files, folders of pictures."""

import gzip
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}
_IDX_TYPES = {0x08: np.uint8, 0x09: np.int8, 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class Labelled(NamedTuple):
    """Examples (n, *shape) in [0, 1] or standardised, and a class (n,) of each; -1 = unknown."""

    x: Tensor
    label: Tensor


def read_digits() -> Labelled:
    """The 1,797 digits of scikit-learn's wheel: (n, 1, 8, 8), grey levels divided by 16."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = torch.from_numpy(bunch.images / 16).float()[:, None]
    return Labelled(x, torch.from_numpy(bunch.target).long())


def read_idx(path: str | Path) -> Tensor:
    """The array of an IDX file, gzipped or not (yann.lecun.com/exdb/mnist).

    Raises ValueError for a file that is not IDX or not as long as its header says.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise ValueError(f"{path} is not an IDX file (MNIST's format)")
    n_axes, kind = content[3], np.dtype(_IDX_TYPES[content[2]])
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise ValueError(f"{path} is cut off: its header is incomplete")
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    if len(content) - start != int(np.prod(shape)) * kind.itemsize:
        raise ValueError(f"{path} is damaged: {len(content) - start} bytes do not make {shape}")
    array = np.frombuffer(content, kind, offset=start).reshape(shape)
    return torch.from_numpy(array.astype(kind.newbyteorder("=")))


def read_idx_pair(folder: str | Path, prefix: str) -> Labelled | None:
    """Images (n, 1, h, w) in [0, 1] and labels of the files that begin so; None: no such images."""
    found = sorted(Path(folder).glob(f"{prefix}-images*idx3*"))
    if not found:
        return None
    x = read_idx(found[0]).float()[:, None] / 255
    named = sorted(Path(folder).glob(f"{prefix}-labels*idx1*"))
    label = read_idx(named[0]).long() if named else torch.full((len(x),), -1)
    if len(label) != len(x):
        raise ValueError(f"{named[0]} has {len(label)} labels for {len(x)} images")
    return Labelled(x, label)


def read_image_folder(folder: str | Path, size: int | None = None) -> Labelled:
    """Images (n, 3, h, w) in [0, 1] below the folder, sorted; a class is a subfolder.

    ``size`` makes them all size × size. Raises ValueError for a folder without images, an image
    that cannot be read, and, without ``size``, images of several sizes.
    """
    from PIL import Image, UnidentifiedImageError

    folder = Path(folder)
    paths = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES]
    if not paths:
        raise ValueError(f"{folder} holds no image ({', '.join(sorted(SUFFIXES))})")
    arrays = []
    for path in paths:
        try:
            image = Image.open(path).convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f"{path} cannot be read as an image ({error})") from error
        image = image.resize((size, size)) if size else image
        arrays.append(np.asarray(image))
        if arrays[-1].shape != arrays[0].shape:
            raise ValueError(
                f"images of several sizes: {paths[0].name} is {_size(arrays[0])}, {path.name} "
                f"{_size(arrays[-1])}; bring them to one with --data.image_size 32"
            )
    x = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 255
    kinds = sorted({path.parent for path in paths})
    return Labelled(x, torch.tensor([kinds.index(path.parent) for path in paths]))


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]} × {array.shape[0]}"
