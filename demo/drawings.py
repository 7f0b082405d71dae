"""Small pictures as inline SVG: maps whose points have names, bars, and digits.

Colours are classes that the style sheet gives, so that a picture fits a light and a dark page.
"""

import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import gradio as gr
from torch import Tensor

_WIDTH, _HEIGHT, _EDGE = 520.0, 380.0, 34.0
# An answer that is not there yet takes no room.
ANSWER = '<div class="answer">${value || ""}</div>'
_MAP_JS = """\
element.addEventListener('click', (event) => {
  const point = event.target.closest('[data-name]');
  if (point) trigger('select', { name: point.dataset.name });
});"""


class Point(NamedTuple):
    """A named place; ``kind`` (0 to 9) chooses its colour, ``title`` shows on hovering."""

    x: float
    y: float
    name: str
    kind: int = 0
    title: str = ""


class Bar(NamedTuple):
    """A named share (0 to 1) with what is written behind it; ``is_odd`` colours it as an alarm."""

    name: str
    share: float
    text: str
    is_odd: bool = False


def map_of(what: str, value: str, elem_id: str) -> gr.HTML:
    """The component for a `points_map`; its event ``select`` tells the name that was clicked."""
    return gr.HTML(value, js_on_load=_MAP_JS, elem_id=elem_id, label=what, padding=False)


def answer(what: str, value: str = "") -> gr.HTML:
    """The component for an answer in HTML; it takes no room before there is one."""
    return gr.HTML(value, html_template=ANSWER, label=what, elem_classes="answers", padding=False)


def points_map(
    points: Sequence[Point],
    picked: Sequence[str | None] = (),
    share: float | None = None,
    label: str = "Map",
    named: bool = True,
) -> str:
    """The points as SVG, those ``picked`` ringed and joined.

    With a ``share`` (0 to 1) a mark lies so far along the way between the first and the second
    that is picked. ``named`` writes all names beside the points, otherwise only those of the first
    and the last that are picked.
    """
    placed = _placed(points)
    found = [placed[name] for name in picked if name in placed]
    parts = []
    if len(found) > 1:
        corners = " ".join(f"{p.x:.1f},{p.y:.1f}" for p in found)
        parts.append(f'<polyline class="way" points="{corners}"/>')
    ends = (picked[0], picked[-1]) if picked else ()
    # names last, so that no point lies on one
    for point in sorted(placed.values(), key=lambda p: p.name in picked):
        is_picked = point.name in picked
        parts.append(_circle(point, is_picked))
    for point in placed.values():
        if named or point.name in ends:
            parts.append(_name(point, placed.values(), point.name in picked))
    if share is not None and len(found) == 2:
        x, y = (a + share * (b - a) for a, b in zip(found[0][:2], found[1][:2], strict=True))
        parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="7"/>')
    return _svg(_WIDTH, _HEIGHT, "map", label, parts)


def _placed(points: Sequence[Point]) -> dict[str, Point]:
    """The points by name, their coordinates those of the picture."""
    xs, ys = [p.x for p in points], [p.y for p in points]
    left, top = min(xs, default=0.0), max(ys, default=0.0)
    wide, high = max(max(xs, default=0.0) - left, 1e-9), max(top - min(ys, default=0.0), 1e-9)
    return {
        p.name: p._replace(
            x=_EDGE + (p.x - left) / wide * (_WIDTH - 3 * _EDGE),
            y=_EDGE + (top - p.y) / high * (_HEIGHT - 2 * _EDGE),
        )
        for p in points
    }


def _circle(point: Point, is_picked: bool) -> str:
    name, title = html.escape(point.name), html.escape(point.title or point.name)
    return (
        f'<g class="point kind-{point.kind % 10}{" picked" * is_picked}" data-name="{name}">'
        f'<title>{title}</title><circle cx="{point.x:.1f}" cy="{point.y:.1f}" r="8"/></g>'
    )


def _name(point: Point, others: Iterable[Point], is_picked: bool) -> str:
    """The point's name, on its left where another point lies on its right, or the edge does."""
    width = 8.0 * len(point.name)
    is_taken = any(
        5 < other.x - point.x < width + 20 and abs(other.y - point.y) < 14 for other in others
    )
    is_left = point.x + width > _WIDTH or (is_taken and point.x > width)
    x, anchor = (point.x - 12, "end") if is_left else (point.x + 12, "start")
    return (
        f'<g class="{"picked" * is_picked}"><text x="{x:.1f}" y="{point.y + 4:.1f}" '
        f'text-anchor="{anchor}">{html.escape(point.name)}</text></g>'
    )


def bars(rows: Sequence[Bar], caption: str) -> str:
    """The rows as a table of bars, which can be read without seeing them."""
    lines = "".join(map(_row, rows))
    return f'<table class="bars"><caption>{html.escape(caption)}</caption>{lines}</table>'


def _row(bar: Bar) -> str:
    kind, width = "odd-one" if bar.is_odd else "", 100 * min(max(bar.share, 0.0), 1.0)
    return (
        f'<tr class="{kind}"><th scope="row">{html.escape(bar.name)}</th>'
        f'<td class="bar"><span style="width:{width:.0f}%"></span></td>'
        f"<td>{html.escape(bar.text)}</td></tr>"
    )


def image(x: Tensor, label: str) -> str:
    """An image (h, w) in [0, 1] as squares of ink."""
    cells = [
        f'<rect x="{column}" y="{row}" width="1.02" height="1.02" opacity="{value:.2f}"/>'
        for row, line in enumerate(x.tolist())
        for column, value in enumerate(line)
        if value > 0.02
    ]
    return _svg(x.shape[1], x.shape[0], "ink", label, cells)


def code_bars(code: Tensor, label: str) -> str:
    """A code (D,) as bars up and down from a line, by the largest of them."""
    values = code.tolist()
    largest = max(1e-9, *(abs(value) for value in values))
    width = 240 / len(values)
    parts = ['<line x1="0" x2="240" y1="50" y2="50"/>']
    for i, value in enumerate(values):
        high = 46 * abs(value) / largest
        top = 50 - high if value > 0 else 50
        parts.append(
            f'<rect x="{i * width + 0.1 * width:.2f}" y="{top:.1f}" width="{0.8 * width:.2f}" '
            f'height="{high:.1f}"><title>{value:.2f}</title></rect>'
        )
    return _svg(240, 100, "code", label, parts)


def _svg(width: float, height: float, kind: str, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{html.escape(label)}">{"".join(parts)}</svg>'
    )


def plane(
    places: Tensor, names: Sequence[str], mark: tuple[float, float], label: str = "Plane"
) -> str:
    """Places (n, 2) as their names, and a mark that can be dragged.

    The picture's data attributes say which part of the plane its frame shows.
    """
    (left, bottom), (right, top) = places.amin(0).tolist(), places.amax(0).tolist()
    wide, high = max(right - left, 1e-9), max(top - bottom, 1e-9)

    def at(x: float, y: float) -> tuple[float, float]:
        x = _EDGE + (min(max(x, left), right) - left) / wide * (_WIDTH - 2 * _EDGE)
        return x, _EDGE + (top - min(max(y, bottom), top)) / high * (_HEIGHT - 2 * _EDGE)

    parts = []
    for place, name in zip(places.tolist(), names, strict=True):
        x, y = at(*place)
        text = html.escape(name)
        parts.append(f'<text class="kind-{text[-1:]}" x="{x:.0f}" y="{y:.0f}">{text}</text>')
    x, y = at(*mark)
    parts.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="11"/>')
    picture = _svg(_WIDTH, _HEIGHT, "map plane", label, parts)
    box = f'data-box="{left:.4f} {right:.4f} {bottom:.4f} {top:.4f}" data-edge="{_EDGE:g}"'
    return picture.replace("<svg ", f"<svg {box} ", 1)
