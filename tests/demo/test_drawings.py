"""Maps, bars and digits as inline pictures."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
import torch

from demo.drawings import Bar, Point, bars, code_bars, image, plane, points_map

POINTS = [Point(0, 0, "low"), Point(1, 1, "high & dry"), Point(0.5, 0.5, "<b>")]


def parsed(svg: str) -> ElementTree.Element:
    """The picture, if it is well-formed."""
    return ElementTree.fromstring(svg)


def test_every_point_can_be_hovered_and_clicked_under_its_name():
    groups = [g for g in parsed(points_map(POINTS)).iter("g") if g.get("data-name")]
    assert {g.get("data-name") for g in groups} == {"low", "high & dry", "<b>"}
    assert all(g.find("title").text for g in groups)


def test_two_picked_points_are_joined_and_the_mark_lies_between():
    drawn = parsed(points_map(POINTS, ("low", "high & dry"), share=0.5))
    (way,) = drawn.iter("polyline")
    ends = [[float(v) for v in pair.split(",")] for pair in way.get("points").split()]
    (mark,) = (c for c in drawn.iter("circle") if c.get("class") == "mark")
    middle = [(a + b) / 2 for a, b in zip(*ends, strict=True)]
    assert [float(mark.get("cx")), float(mark.get("cy"))] == pytest.approx(middle, abs=0.2)


def test_a_larger_second_coordinate_is_higher_up():
    heights = {
        g.get("data-name"): float(g.find("circle").get("cy"))
        for g in parsed(points_map(POINTS)).iter("g")
        if g.get("data-name")
    }
    assert heights["high & dry"] < heights["<b>"] < heights["low"]


def test_points_in_one_place_and_no_points_can_be_drawn():
    assert parsed(points_map([Point(1, 1, "a"), Point(1, 1, "b")])) is not None
    assert parsed(points_map([])) is not None


def test_a_bar_is_as_long_as_its_share_and_never_longer_than_the_table():
    table = bars([Bar("a", 0.25, "x"), Bar("b", 7, "y"), Bar("c", -1, "z")], "shares")
    assert re.findall(r"width:(\d+)%", table) == ["25", "100", "0"]
    assert "<caption>shares</caption>" in table


def test_an_image_has_as_much_ink_as_its_values():
    x = torch.tensor([[0.0, 0.5], [1.0, 0.0]])
    cells = list(parsed(image(x, "two by two")).iter("rect"))
    assert [float(cell.get("opacity")) for cell in cells] == [0.5, 1.0]


def test_a_code_of_zeros_can_be_drawn():
    assert len(list(parsed(code_bars(torch.zeros(3), "nothing")).iter("rect"))) == 3


def test_a_planes_mark_outside_is_drawn_at_its_edge():
    places = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    marks = [
        next(c for c in parsed(plane(places, ["1", "2"], at)).iter("circle")).attrib
        for at in ((1.0, 2.0), (9.0, 9.0))
    ]
    assert marks[0] == marks[1]
