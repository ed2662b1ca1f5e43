"""Axes of charts: how far they go, and where they have marks."""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

from ivr.web.pages.chart_style import ChartStyle

Spec = dict[str, Any]
"""A part of a Vega-Lite specification, or the whole."""
PERCENT = ".0%"
ONE_PERCENT = 0.01
"""What a mark of an axis of shares tells apart."""


def row_axis(labels: Sequence[str], style: ChartStyle) -> Spec:
    """An axis of the rows of `labels`, by the field `row` that counts them from 0: two may have the same label."""
    return {
        "field": "row",
        "type": "ordinal",
        "title": None,
        "axis": {
            "labelExpr": f"{json.dumps(labels)}[datum.value]",
            "ticks": False,
            "domain": False,
            "labelPadding": 8,
            "minExtent": room(labels, style),
        },
    }


def share_domain(shown: Sequence[float]) -> tuple[float, float]:
    """From where to where an axis of shares goes."""
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    margin = max((high - low) * 0.05, 0.02)
    return max(0.0, round(low - margin, 2)), min(1.0, round(high + margin, 2))


def share_axis(field: str, title: str, shown: Sequence[float]) -> Spec:
    """An axis of shares that leaves out what nobody comes near, and says so by its labels."""
    domain = share_domain(shown)
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": {"format": PERCENT, "tickCount": marks(domain[1] - domain[0], ONE_PERCENT, most=5)},
        "scale": {"domain": list(domain), "zero": False, "nice": False},
    }


def marks(span: float, unit: float, *, most: int) -> int:
    """How many marks an axis may have, so that no two of them read the same: labels tell `unit` apart."""
    return max(1, min(most, int(span / unit + 1e-6)))


def text_width(text: str) -> float:
    """In pixels, in the widest of usual fonts: whoever looks may have another than the server."""
    return sum(13 if unicodedata.east_asian_width(sign) in "WF" else 7.6 for sign in text)


def room(labels: Sequence[str], style: ChartStyle) -> float:
    """The width that labels take, in pixels."""
    return min(max(map(text_width, labels), default=0), 1.2 * style.label_limit) + 10


def day_labels(style: ChartStyle) -> str:
    """How days stand at an axis: Vega's own month names are English."""
    if style.language.code == "zh":
        return "utcFormat(datum.value, '%-m月%-d日')"
    return "utcFormat(datum.value, '%-d %b')"
