"""Images from IDX files and folders that the tests write, and one line for bad ones."""

import gzip
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from shared.images import read_digits, read_idx, read_idx_pair, read_image_folder


def idx(array: np.ndarray) -> bytes:
    """The IDX file of an array of bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_an_idx_file_gives_back_its_array_gzipped_or_not(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "a.idx").write_bytes(idx(array))
    (tmp_path / "a.idx.gz").write_bytes(gzip.compress(idx(array)))
    for name in ("a.idx", "a.idx.gz"):
        assert np.array_equal(read_idx(tmp_path / name).numpy(), array)


def test_a_pair_of_idx_files_is_scaled_and_labelled(tmp_path):
    images = np.full((5, 4, 4), 255, dtype=np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(5, dtype=np.uint8)))
    x, label = read_idx_pair(tmp_path, "train")
    assert x.shape == (5, 1, 4, 4)
    assert float(x.max()) == 1.0
    assert label.tolist() == [0, 1, 2, 3, 4]
    assert read_idx_pair(tmp_path, "t10k") is None


@pytest.mark.parametrize(
    "content", [b"", b"PNG!", idx(np.zeros((3, 3), np.uint8))[:-1], b"\0\0\x08\3"]
)
def test_a_file_that_is_not_whole_is_refused(content, tmp_path):
    (tmp_path / "x.idx").write_bytes(content)
    with pytest.raises(ValueError, match=r"IDX|damaged|cut off"):
        read_idx(tmp_path / "x.idx")


def test_a_folder_of_images_has_a_class_for_each_subfolder(tmp_path):
    for kind, grey in (("dark", 0), ("light", 255)):
        (tmp_path / kind).mkdir()
        Image.new("L", (8, 6), grey).save(tmp_path / kind / "one.png")
    x, label = read_image_folder(tmp_path)
    assert x.shape == (2, 3, 6, 8)
    assert x.mean((1, 2, 3)).tolist() == [0.0, 1.0]
    assert label.tolist() == [0, 1]


def test_images_of_several_sizes_need_one_to_be_brought_to(tmp_path):
    Image.new("L", (8, 6)).save(tmp_path / "a.png")
    Image.new("L", (9, 6)).save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"several sizes: a\.png is 8 × 6, b\.png 9 × 6"):
        read_image_folder(tmp_path)
    assert read_image_folder(tmp_path, 32).x.shape == (2, 3, 32, 32)


def test_a_folder_without_images_and_a_broken_image_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no image"):
        read_image_folder(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        read_image_folder(tmp_path)


def test_the_digits_are_those_of_the_anchors():
    x, label = read_digits()
    assert x.shape == (1797, 1, 8, 8)
    assert (float(x.min()), float(x.max())) == (0.0, 1.0)
    assert torch.equal(label.unique(), torch.arange(10))
