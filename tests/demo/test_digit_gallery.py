"""The gallery of digits, with the networks that are packaged."""

import json
import re

import pytest
import torch

from demo.digit_gallery import CORRUPTIONS, FOLDER, NETWORKS, DigitGallery, read
from shared.penalties import squared_error


@pytest.fixture(scope="module")
def gallery() -> DigitGallery:
    return DigitGallery()


def test_the_packaged_networks_are_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 250_000


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_rebuilds_digits_it_never_saw_better_than_their_mean(gallery, name):
    x, _ = gallery.digits
    network = gallery._trained(name).network
    with torch.no_grad():
        error = squared_error(network.decode(network.encode(x)), x).mean()
    assert error < 0.75 * squared_error(x.mean(0, keepdim=True).expand_as(x), x).mean()


def test_the_denoising_network_brings_a_noisy_digit_nearer_to_the_clean_one(gallery):
    x, _ = gallery.digits
    noisy = x + 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        cleaned = gallery._trained("denoising").network(noisy)
    assert squared_error(cleaned, x).mean() < 0.5 * squared_error(noisy, x).mean()


@pytest.mark.parametrize("name", NETWORKS)
def test_few_digits_are_called_odd_and_random_pixels_are(gallery, name):
    looks = [gallery.look(name, gallery.pick(i % 10, i // 10)) for i in range(40)]
    assert sum(look.verdict.startswith("Odd") for look in looks) <= 8
    rubbish = torch.rand(64, generator=torch.Generator().manual_seed(0)).round().tolist()
    if name != "sparse":  # wide enough to rebuild anything
        assert gallery.look(name, json.dumps(rubbish)).verdict.startswith("Odd")


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_corruption_changes_what_the_network_sees_and_none_does_not(gallery, kind):
    digit = gallery.pick(5)
    clean = gallery.look("deep", digit)
    assert gallery.look("deep", digit, kind, 0.0) == clean
    assert gallery.look("deep", digit, kind, 0.5).pictures != clean.pictures
    # the same each time, or the slider would make the picture flicker
    assert gallery.look("deep", digit, kind, 0.5) == gallery.look("deep", digit, kind, 0.5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_place_of_the_plane_decodes_to_a_picture(gallery, name):
    left, right, bottom, top = gallery.limits(name)
    made = {gallery.decoded(name, x, y) for x in (left, right) for y in (bottom, top)}
    assert len(made) == 4
    assert "mark" in gallery.map(name, left, top)


def test_the_place_of_a_digit_decodes_to_what_the_network_rebuilds_of_it(gallery):
    look = gallery.look("variational", gallery.pick(7))
    rebuilt, decoded = (
        [float(v) for v in re.findall(r'opacity="(.*?)"', picture.rsplit("<svg", 1)[1])]
        for picture in (look.pictures, gallery.decoded("variational", look.x, look.y))
    )
    # places are told to a hundredth
    assert sum(rebuilt) == pytest.approx(sum(decoded), rel=0.02)


def test_picking_on_gives_other_digits_and_comes_around(gallery):
    n_sevens = int((gallery.digits[1] == 7).sum())
    assert gallery.pick(7, 0) != gallery.pick(7, 1)
    assert gallery.pick(7, 0) == gallery.pick(7, n_sevens)


@pytest.mark.parametrize(
    "drawn", ["", None, "[]", "[1, 2]", "hello", "{}", "[[1]]", json.dumps([0] * 64), "[NaN]"]
)
def test_what_is_no_digit_is_asked_for_in_a_sentence(gallery, drawn):
    with pytest.raises(ValueError, match="draw"):
        gallery.look("deep", drawn)


@pytest.mark.parametrize(("name", "kind"), [("magic", "gaussian"), ("deep", "magic")])
def test_an_unknown_network_or_corruption_is_refused(gallery, name, kind):
    with pytest.raises(ValueError, match="magic"):
        gallery.look(name, gallery.pick(1), kind)


def test_ink_beyond_the_sheets_is_brought_back():
    assert read(json.dumps([7.0] * 64)).max() == 1.0
