"""Pictures show every image once, in its place."""

import numpy as np
import pytest
import torch

from shared.autoencoders.figures import code_map, image_rows, tiles


@pytest.mark.parametrize("colours", [1, 3])
def test_rows_of_images_stand_below_one_another_with_their_names(colours):
    rows = {"dark": torch.ones(3, colours, 8, 8), "light": torch.zeros(2, colours, 8, 8)}
    axes = image_rows(rows, "two rows").axes[0]
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert shown.shape[:2] == (20, 30)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["dark", "light"]
    dark, light = shown[1:9, 1:9], shown[11:19, 11:19]
    assert (dark == 1).all()
    assert (light == 0).all()
    # the shorter row ends in white, which grey pictures leave undrawn
    missing = shown[11:19, 21:29]
    assert (missing == 1).all() if colours == 3 else np.isnan(missing).all()


def test_tiles_run_row_by_row():
    images = torch.linspace(0, 1, 5)[:, None, None, None].expand(5, 1, 4, 4)
    shown = np.ma.filled(tiles(images, 3).axes[0].images[0].get_array(), np.nan)
    assert shown.shape == (12, 18)
    np.testing.assert_allclose(shown[7:11, 1:5], 0.75)


def test_a_map_has_a_point_for_each_code_and_a_name_for_each_kind():
    axes = code_map(torch.randn(7, 2), ["a", "b", "a", "b", "c", "a", "a"]).axes[0]
    assert sorted(len(points.get_offsets()) for points in axes.collections) == [1, 2, 4]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
