"""Charts as inline SVG: bars and columns, sized by attributes and coloured by classes, without style or script.

Each says in a `<title>` what it shows; pages have the numbers as text beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT = 720, 180
_LEFT, _BOTTOM, _TOP = 44, 24, 14
_GAP = 0.25  # of a column's room


def bar(parts: Sequence[tuple[str, int]], of: int | None = None, label: str = "") -> Markup:
    """Return one bar cut into parts (a class and a number each), as long as its share of `of`."""
    total = max(1, of if of is not None else sum(number for _, number in parts))
    pieces, at = [], 0.0
    for kind, number in parts:
        if number:
            width = max(number / total * 100, 0.6)  # what there is, is seen
            pieces.append(Markup('<rect class="{}" x="{}" width="{}" height="8"/>').format(kind, _n(at), _n(width)))
            at += width
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="empty" width="100" height="8"/>{}</svg>'
    ).format(label or ", ".join(f"{number:,} {kind}" for kind, number in parts), Markup("").join(pieces))


def columns(labels: Sequence[str], series: Sequence[tuple[str, Sequence[int]]], title: str) -> Markup:
    """Return stacked columns, one a label; each of the series has a class and a number for every label."""
    totals = [sum(numbers[place] for _, numbers in series) for place in range(len(labels))]
    top = _round_up(max([1, *totals]))
    room = (_WIDTH - _LEFT) / max(1, len(labels))
    width = min(room * (1 - _GAP), 56)
    height = _HEIGHT - _BOTTOM - _TOP
    drawn = [_grid(top, height)]
    every = max(1, -(-len(labels) // 7))
    for place, label in enumerate(labels):
        left, base = _LEFT + room * (place + 0.5) - width / 2, float(_TOP + height)
        pieces = []
        for kind, numbers in series:
            tall = numbers[place] / top * height
            if tall:
                base -= tall
                pieces.append(
                    Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        kind, _n(left), _n(base), _n(width), _n(tall)
                    )
                )
        told = ", ".join(f"{numbers[place]:,} {kind}" for kind, numbers in series if numbers[place])
        drawn.append(Markup("<g><title>{}: {}</title>{}</g>").format(label, told or "0", Markup("").join(pieces)))
        if (len(labels) - 1 - place) % every == 0:
            drawn.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    _n(left + width / 2), _HEIGHT - 6, label
                )
            )
    return Markup('<svg class="columns" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, title, Markup("").join(drawn)
    )


def spark(numbers: Sequence[float], label: str) -> Markup:
    """Return a small line through numbers, the last of them marked."""
    if len(numbers) < 2:
        return Markup("")
    low, high = min(numbers), max(numbers)
    span = (high - low) or 1
    points = [
        (2 + place / (len(numbers) - 1) * 76, 18 - (number - low) / span * 14) for place, number in enumerate(numbers)
    ]
    line = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    x, y = points[-1]
    return Markup(
        '<svg class="spark" viewBox="0 0 82 22" role="img" aria-label="{}"><polyline points="{}"/>'
        '<circle cx="{}" cy="{}" r="2"/></svg>'
    ).format(label, line, _n(x), _n(y))


def _grid(top: int, height: int) -> Markup:
    lines = []
    for part in (0.0, 0.5, 1.0):
        y = _TOP + height * (1 - part)
        lines.append(
            Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>').format(
                _LEFT, _WIDTH, _n(y), _n(y), _LEFT - 6, _n(y + 4), _compact(top * part)
            )
        )
    return Markup("").join(lines)


def _round_up(number: int) -> int:
    """Return the next number of the row 2, 4, 6, 8, 10, 20, 40 and so on."""
    scale = 1
    while True:
        for step in (2, 4, 6, 8, 10):
            if number <= step * scale:
                return step * scale
        scale *= 10


def _compact(number: float) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
