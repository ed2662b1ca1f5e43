"""The charts of the pages, as Vega-Lite specifications (https://vega.github.io/vega-lite/docs/); nothing is drawn here.

Shares are from 0 to 1. Whatever is plotted has its interval with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ivr.scores.drivers import Quadrant
from ivr.web.pages.chart_axes import (
    ONE_PERCENT,
    PERCENT,
    Spec,
    day_labels,
    marks,
    row_axis,
    share_axis,
    share_domain,
    text_width,
)
from ivr.web.pages.chart_style import ChartStyle

ROW = 24
"""Height of a row of an interval plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One row of an interval plot."""

    label: str
    share: float | None
    """None when nothing is known."""
    low: float
    high: float
    kind: Literal["", "good", "poor", "few"] = ""
    """Better or worse than the others beyond doubt, or too few ratings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One point of a trend."""

    day: date
    share: float | None
    """None when there was no rating."""
    low: float | None = None
    """Control limits."""
    high: float | None = None
    signals: bool = False
    """Whether it lies beyond the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverPoint:
    """One point of a quadrant."""

    label: str
    performance: float
    importance: float
    kind: Quadrant


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of one bar."""

    bar: str
    """Which bar; two may have the same label."""
    label: str
    """What the bar is called."""
    part: str
    amount: float


def intervals_height(rows: int) -> int:
    """The height of an interval plot."""
    return max(rows, 1) * ROW + 56


def intervals(rows: Sequence[Interval], style: ChartStyle, *, title: str, line: float | None = None) -> Spec:
    """Each row's share as a dot on its interval, in the order given, with a line at the share of all."""
    palette = style.palette
    kinds = ["", "good", "poor", "few"]
    colours = [palette.accent, palette.good, palette.poor, palette.soft]
    values = [
        {"row": i, "label": row.label, "share": row.share, "low": row.low, "high": row.high, "kind": row.kind}
        for i, row in enumerate(rows)
    ]
    names = [row.label for row in rows]
    y = row_axis(names, style)
    x = share_axis("low", title, [row.low for row in rows] + [row.high for row in rows])
    colour = {"field": "kind", "type": "nominal", "scale": {"domain": kinds, "range": colours}, "legend": None}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 7, "opacity": 0.35, "strokeCap": "round"},
            "encoding": {"y": y, "x": x, "x2": {"field": "high"}, "color": colour},
        },
        {
            "transform": [{"filter": "isValid(datum.share)"}],
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {
                "y": y,
                "x": {"field": "share", "type": "quantitative"},
                "color": colour,
                "shape": {
                    "field": "kind",
                    "type": "nominal",
                    "scale": {"domain": kinds, "range": ["circle", "triangle-up", "triangle-down", "diamond"]},
                    "legend": None,
                },
            },
        },
    ]
    if line is not None:
        layers.insert(
            0,
            {
                "data": {"values": [{"line": line}]},
                "mark": {"type": "rule", "color": palette.soft, "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "line", "type": "quantitative"}},
            },
        )
    return style.chart(intervals_height(len(rows)), data={"values": values}, layer=layers)


TREND_HEIGHT = 260


def trend(
    points: Sequence[Moment], style: ChartStyle, *, title: str, centre: float | None, height: int = TREND_HEIGHT
) -> Spec:
    """A share over time between its control limits; what lies beyond them is marked."""
    palette = style.palette
    values = [
        {
            "day": point.day.isoformat(),
            "share": point.share,
            "low": point.low,
            "high": point.high,
            "signals": point.signals,
        }
        for point in points
    ]
    known = [value for point in points for value in (point.share, point.low, point.high) if value is not None]
    days = (points[-1].day - points[0].day).days if points else 0
    x: Spec = {
        "field": "day",
        "type": "temporal",
        # A day is a date of the site, wherever the server stands.
        "scale": {"type": "utc"},
        "title": None,
        "axis": {
            "labelExpr": day_labels(style),
            "grid": False,
            "tickCount": marks(days, 1, most={"narrow": 4, "wall": 5, "wide": 10}[style.size]),
            "labelOverlap": "greedy",
            "labelSeparation": 8,
        },
    }
    layers: list[Spec] = [
        {
            "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
            "mark": {"type": "area", "color": palette.range_, "opacity": 0.35, "interpolate": "step"},
            "encoding": {"x": x, "y": share_axis("low", title, known), "y2": {"field": "high"}},
        },
        {
            "mark": {
                "type": "line",
                "color": palette.accent,
                "strokeWidth": 2,
                "invalid": "break-paths-filter-domains",
            },
            "encoding": {"x": x, "y": {"field": "share", "type": "quantitative"}},
        },
        {
            "transform": [{"filter": "isValid(datum.share)"}],
            "mark": {"type": "point", "filled": True, "opacity": 1},
            "encoding": {
                "x": x,
                "y": {"field": "share", "type": "quantitative"},
                "color": {"condition": {"test": "datum.signals", "value": palette.poor}, "value": palette.accent},
                "shape": {"condition": {"test": "datum.signals", "value": "diamond"}, "value": "circle"},
                "size": {"condition": {"test": "datum.signals", "value": 150}, "value": 26},
            },
        },
    ]
    if centre is not None:
        layers.insert(
            1,
            {
                "data": {"values": [{"centre": centre}]},
                "mark": {"type": "rule", "color": palette.soft, "strokeDash": [4, 3]},
                "encoding": {"y": {"field": "centre", "type": "quantitative"}},
            },
        )
    return style.chart(height, data={"values": values}, layer=layers)


QUADRANT_HEIGHT = 440


def quadrant(
    points: Sequence[DriverPoint],
    style: ChartStyle,
    *,
    performance: str,
    importance: str,
    importance_is_share: bool,
    middle: tuple[float, float],
) -> Spec:
    """Importance against performance, parted at `middle` (performance, importance).

    A label that would lie across another one is left out: those to be improved first go before, then the important.
    """
    palette = style.palette
    readable = _readable(points, style)
    values = [
        {
            "label": point.label if point in readable else "",
            "performance": point.performance,
            "importance": point.importance,
            "kind": point.kind,
        }
        for point in points
    ]
    rule = {"type": "rule", "color": palette.soft, "strokeDash": [4, 3]}
    x = share_axis("performance", performance, [point.performance for point in points])
    x["axis"]["grid"] = False
    weights = [point.importance for point in points] or [0.0]
    y: Spec = {
        "field": "importance",
        "type": "quantitative",
        "title": importance,
        "axis": {
            "format": PERCENT if importance_is_share else ".2f",
            "grid": False,
            "tickCount": marks(max(weights) - min(weights), ONE_PERCENT, most=5),
        },
        "scale": {"zero": False, "padding": 20},
    }
    return style.chart(
        QUADRANT_HEIGHT,
        data={"values": values},
        layer=[
            {
                "data": {"values": [{"middle": middle[0]}]},
                "mark": rule,
                "encoding": {"x": {"field": "middle", "type": "quantitative"}},
            },
            {
                "data": {"values": [{"middle": middle[1]}]},
                "mark": rule,
                "encoding": {"y": {"field": "middle", "type": "quantitative"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": {
                        "condition": {"test": "datum.kind === 'fix_first'", "value": palette.poor},
                        "value": palette.accent,
                    },
                    "shape": {
                        "condition": {"test": "datum.kind === 'fix_first'", "value": "triangle-down"},
                        "value": "circle",
                    },
                },
            },
            {
                "mark": {"type": "text", "dy": -11, "fontSize": 11, "limit": _label_limit(style)},
                "encoding": {"x": x, "y": y, "text": {"field": "label"}},
            },
        ],
    )


def _label_limit(style: ChartStyle) -> int:
    return 90 if style.is_narrow else 180


def _readable(points: Sequence[DriverPoint], style: ChartStyle) -> Sequence[DriverPoint]:
    """The points of a quadrant whose labels do not lie across one another, as far as widths of letters can be known."""
    if not points:
        return []
    x_low, x_high = share_domain([point.performance for point in points])
    y_low = min(point.importance for point in points)
    y_span = max(point.importance for point in points) - y_low or 1.0
    taken: list[tuple[float, float, float]] = []
    readable = []
    for point in sorted(points, key=lambda one: (one.kind != "fix_first", -one.importance)):
        x = (point.performance - x_low) / (x_high - x_low) * (style.width - 60)
        y = (point.importance - y_low) / y_span * (QUADRANT_HEIGHT - 100)
        # They are a little smaller than other words; where they only touch, both can be read.
        half = min(0.8 * text_width(point.label), _label_limit(style)) / 2
        if all(abs(x - other) > half + room or abs(y - height) > 11 for other, height, room in taken):
            taken.append((x, y, half))
            readable.append(point)
    return readable


def bars_height(bars: int) -> int:
    """The height of a chart of bars."""
    return max(bars, 1) * 30 + 70


def bars(
    parts: Sequence[Part],
    style: ChartStyle,
    *,
    title: str,
    colours: Sequence[str],
) -> Spec:
    """Bars that are made of parts, in the order given; each part has one of `colours`."""
    labels = {part.bar: part.label for part in parts}
    rows = list(labels)
    kinds = list(dict.fromkeys(part.part for part in parts))
    longest = max((sum(part.amount for part in parts if part.bar == row) for row in rows), default=0)
    values = [
        {"row": rows.index(part.bar), "part": part.part, "amount": part.amount, "order": kinds.index(part.part)}
        for part in parts
    ]
    return style.chart(
        bars_height(len(rows)),
        data={"values": values},
        mark={"type": "bar", "stroke": style.palette.card, "strokeWidth": 1},
        encoding={
            "y": row_axis(list(labels.values()), style),
            "x": {
                "field": "amount",
                "type": "quantitative",
                "stack": "zero",
                "title": title,
                "axis": {"format": ",d", "tickCount": marks(longest, 1, most=4 if style.is_narrow else 8)},
            },
            "color": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": kinds, "range": list(colours)},
                # The server places the words by its own font: in the reader's they may be half as wide again.
                "legend": {"columns": 2 if style.is_narrow else 6, "columnPadding": 32} if len(kinds) > 1 else None,
            },
            "order": {"field": "order", "type": "ordinal"},
        },
    )
