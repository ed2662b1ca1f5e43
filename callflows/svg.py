"""A chart as an SVG picture: the boxes below one another, arrows past boxes in lanes to their right.

The boxes stand in the order of the flow, so every arrow leads down. Those to the same box share a lane, and lanes that
are not needed at the same height share a place.
"""

import unicodedata
from dataclasses import dataclass
from html import escape

from callflows.chart import Arrow, Box, Chart

_FONT = 13.0
_LINE = 18.0
_BOX_WIDTH = 340.0
_PAD = 12.0
_GAP = 46.0
"""Between two boxes."""
_MARGIN = 24.0
_TITLE_LINE = 24.0
_TITLE_WIDTH = 500.0
_TITLE_SIZE = 1.5
"""How much wider a title's signs are than those in boxes."""
_LANE = 22.0
"""Between two lanes."""
_LABEL_WIDTH = 190.0
_PORT = 26.0
"""Least height between two arrows that leave a box to its right."""

_COLOURS = {
    "say": ("#e8f1fc", "#4a83cf"),
    "ask": ("#fff5dc", "#d39a1c"),
    "comment": ("#f3ebfc", "#8a5cc9"),
    "branch": ("#eef0f3", "#6d7887"),
    "draw": ("#e5f6ec", "#2f9462"),
    "end": ("#fdeaea", "#cf5b5b"),
}


@dataclass(slots=True, kw_only=True)
class _Placed:
    box: Box
    top: float
    height: float
    lines: list[tuple[str, str]]
    """Class and text of each line."""

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(slots=True, kw_only=True)
class _Lane:
    target: int
    top: float
    bottom: float
    place: int = 0


def svg(chart: Chart) -> str:
    """The chart as one SVG document that needs nothing beside it."""
    past = [arrow for arrow in chart.arrows if arrow.target != arrow.source + 1 or arrow.is_exit]
    placed = _placed(chart, past)
    ports = _ports(placed, past)
    lanes = _lanes(placed, past, ports)
    wrapped = {id(arrow): _wrap(arrow.label, _LABEL_WIDTH) for arrow in past}
    label_width = max((_width(line) for lines in wrapped.values() for line in lines), default=0.0)
    first_lane = _MARGIN + _BOX_WIDTH + label_width + 20
    width = first_lane + (max((lane.place for lane in lanes.values()), default=-1) + 1) * _LANE + _MARGIN
    width = max(width, _MARGIN * 2 + max(map(_width, _title(chart))) * _TITLE_SIZE, _MARGIN * 2 + _BOX_WIDTH)
    height = placed[-1].bottom + _MARGIN
    parts = [_head(width, height, chart.title)]
    for i, line in enumerate(_title(chart)):
        y = _MARGIN + 16 + i * _TITLE_LINE
        parts.append(f'<text class="title" x="{_MARGIN:.1f}" y="{y:.1f}">{escape(line)}</text>')
    for arrow in past:
        lane = lanes[arrow.target]
        start, end = ports[id(arrow)], lane.bottom if ports[id(arrow)] == lane.top else None
        parts.append(_detour(arrow, start, first_lane + lane.place * _LANE, end))
        parts += _labels(wrapped[id(arrow)], _MARGIN + _BOX_WIDTH + 8, ports[id(arrow)] - 5, going_up=True)
    for arrow in chart.arrows:
        if arrow not in past:
            parts += _straight(arrow, placed)
    parts += [_drawn(one) for one in placed]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _placed(chart: Chart, past: list[Arrow]) -> list[_Placed]:
    top = _MARGIN + len(_title(chart)) * _TITLE_LINE + 20
    placed: list[_Placed] = []
    for number, box in enumerate(chart.boxes):
        lines = [("heading", line) for line in _wrap(box.heading, _BOX_WIDTH - 2 * _PAD - 70)]
        said = f"“{box.said}”" if box.said else ""
        lines += [("said", line) for line in _wrap(said, _BOX_WIDTH - 2 * _PAD)]
        for note in box.notes:
            lines += [("note", line) for line in _wrap(note, _BOX_WIDTH - 2 * _PAD)]
        leaving = [arrow for arrow in past if arrow.source == number]
        height = max(len(lines) * _LINE + 2 * _PAD - 4, sum(map(_port_height, leaving)) + _PAD)
        placed.append(_Placed(box=box, top=top, height=height, lines=lines))
        labels = [arrow.label for arrow in chart.arrows if arrow.source == number and arrow not in past]
        below = max((len(_wrap(label, _BOX_WIDTH / 2)) for label in labels), default=0)
        top += height + max(_GAP, below * _LINE + 24)
    return placed


def _ports(placed: list[_Placed], past: list[Arrow]) -> dict[int, float]:
    """The height at which each arrow leaves its box to the right; the one that leads furthest leaves highest."""
    ports: dict[int, float] = {}
    for number, one in enumerate(placed):
        leaving = sorted((arrow for arrow in past if arrow.source == number), key=lambda arrow: -arrow.target)
        port = one.top + (one.height - sum(map(_port_height, leaving))) / 2
        for arrow in leaving:
            port += _port_height(arrow)
            ports[id(arrow)] = port
    return ports


def _port_height(arrow: Arrow) -> float:
    """The room that an arrow takes where it leaves its box, with its label above it."""
    return max(_PORT, len(_wrap(arrow.label, _LABEL_WIDTH)) * _LINE + 8)


def _lanes(placed: list[_Placed], past: list[Arrow], ports: dict[int, float]) -> dict[int, _Lane]:
    """One lane for each box that arrows come to from further up; the shorter ones further left."""
    lanes: dict[int, _Lane] = {}
    for arrow in past:
        top, bottom = ports[id(arrow)], _entry(placed[arrow.target])
        lane = lanes.setdefault(arrow.target, _Lane(target=arrow.target, top=top, bottom=bottom))
        lane.top = min(lane.top, top)
    taken: list[list[_Lane]] = []
    for lane in sorted(lanes.values(), key=lambda lane: lane.bottom - lane.top):
        free = (i for i, others in enumerate(taken) if all(lane.top > o.bottom or lane.bottom < o.top for o in others))
        lane.place = next(free, len(taken))
        if lane.place == len(taken):
            taken.append([])
        taken[lane.place].append(lane)
    return lanes


def _entry(one: _Placed) -> float:
    return one.top + 14


def _detour(arrow: Arrow, start: float, lane: float, end: float | None) -> str:
    """An arrow along its lane down to `end`; without an end it only joins one that comes from further up."""
    right, bend = _MARGIN + _BOX_WIDTH, 7
    kind = "exit" if arrow.is_exit else "way"
    if end is None:
        return f'<path class="{kind}" d="M{right:.1f} {start:.1f} H{lane:.1f}"/>'
    down = f"H{lane - bend:.1f} q{bend} 0 {bend} {bend} V{end - bend:.1f}"
    way = f"M{right:.1f} {start:.1f} {down} q0 {bend} -{bend} {bend} H{right + 1:.1f}"
    return f'<path class="{kind}" d="{way}" marker-end="url(#tip)"/>'


def _straight(arrow: Arrow, placed: list[_Placed]) -> list[str]:
    middle = _MARGIN + _BOX_WIDTH / 2
    top, bottom = placed[arrow.source].bottom, placed[arrow.target].top
    line = f'<path class="way" d="M{middle:.1f} {top:.1f} V{bottom - 1:.1f}" marker-end="url(#tip)"/>'
    lines = _wrap(arrow.label, _BOX_WIDTH / 2)
    first = (top + bottom) / 2 - (len(lines) - 1) * _LINE / 2 + 1
    return [line, *_labels(lines, middle + 8, first, going_up=False)]


def _labels(lines: list[str], x: float, y: float, *, going_up: bool) -> list[str]:
    first = y - (len(lines) - 1) * _LINE if going_up else y
    return [
        f'<text class="label" x="{x:.1f}" y="{first + i * _LINE:.1f}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    ]


def _drawn(one: _Placed) -> str:
    fill, stroke = _COLOURS[one.box.kind]
    radius = {"end": 18, "say": 12, "branch": 2}.get(one.box.kind, 6)
    shape = f'width="{_BOX_WIDTH:.1f}" height="{one.height:.1f}" rx="{radius}" fill="{fill}" stroke="{stroke}"'
    parts = [f'<rect x="{_MARGIN:.1f}" y="{one.top:.1f}" {shape}/>']
    text_height = len(one.lines) * _LINE
    first = one.top + (one.height - text_height) / 2 + _FONT
    right = _MARGIN + _BOX_WIDTH - _PAD
    parts.append(f'<text class="kind" fill="{stroke}" x="{right:.1f}" y="{first:.1f}">{one.box.kind}</text>')
    for i, (kind, line) in enumerate(one.lines):
        colour = f' fill="{stroke}"' if kind == "heading" else ""
        y = first + i * _LINE
        parts.append(f'<text class="{kind}"{colour} x="{_MARGIN + _PAD:.1f}" y="{y:.1f}">{escape(line)}</text>')
    return "\n".join(parts)


def _head(width: float, height: float, title: str) -> str:
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" \
viewBox="0 0 {width:.0f} {height:.0f}" role="img">
<title>{escape(title)}</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path d="M0 0 L8 4 L0 8 z" fill="#55606e"/></marker></defs>
<style>
text {{ font-family: "Noto Sans", "Noto Sans CJK SC", system-ui, sans-serif; font-size: {_FONT:g}px; }}
.title, .said {{ fill: #1d2733; }}
.title {{ font-size: 17px; font-weight: 600; }}
.heading {{ font-weight: 600; }}
.note {{ fill: #55606e; }}
.kind {{ font-size: 11px; text-anchor: end; }}
.label {{ fill: #333f4d; stroke: #fff; stroke-width: 4px; paint-order: stroke; }}
.way, .exit {{ fill: none; stroke: #55606e; stroke-width: 1.4; }}
.exit {{ stroke-dasharray: 5 4; }}
rect {{ stroke-width: 1.4; }}
</style>
<rect width="100%" height="100%" fill="#fff"/>"""


def _title(chart: Chart) -> list[str]:
    return _wrap(chart.title, _TITLE_WIDTH / _TITLE_SIZE)


def _width(text: str) -> float:
    """About how wide a text is: fonts differ."""
    return sum(_FONT if unicodedata.east_asian_width(char) in "WF" else _FONT * 0.56 for char in text)


def _wrap(text: str, width: float) -> list[str]:
    """The text in lines of at most `width`; broken between words, and between signs that need no blanks."""
    lines: list[str] = []
    line = ""
    for word in _pieces(text):
        if line and _width(line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += word if line else word.lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for char in text:
        wide = unicodedata.east_asian_width(char) in "WF"
        starts = not pieces or pieces[-1].endswith(" ") or (wide and not _closes(char))
        starts = starts or (unicodedata.east_asian_width(pieces[-1][-1]) in "WF" and not _closes(char))
        if starts:
            pieces.append(char)
        else:
            pieces[-1] += char
    return pieces


def _closes(char: str) -> bool:
    """Whether a sign must not begin a line."""
    return unicodedata.category(char) in ("Pe", "Pf", "Po", "Zs")
