"""Draws what was measured as an SVG: bars, a group for each thing measured and a bar for each side."""

import json
from pathlib import Path
from typing import Any

import vl_convert

from bench.measure import Chart

_COLOURS = ["#8a8f98", "#2166ac", "#d9dbe0", "#92c5de"]


def draw(chart: Chart, folder: Path) -> None:
    """Put a chart into `folder`."""
    figures = chart.figures
    sides = list(dict.fromkeys(side for of_sides in figures.values() for side in of_sides))
    values = [
        {"group": group, "side": side, "figure": figure, "label": f"{figure:,.0f}"}
        for group, of_sides in figures.items()
        for side, figure in of_sides.items()
    ]
    axes: dict[str, Any] = {
        "y": {"field": "group", "type": "nominal", "sort": list(figures), "title": None, "axis": {"labelLimit": 300}},
        "yOffset": {"field": "side", "sort": sides},
        "x": {"field": "figure", "type": "quantitative", "title": chart.unit},
    }
    colour = {"field": "side", "sort": sides, "title": None, "scale": {"domain": sides, "range": _COLOURS}}
    colour["legend"] = {"orient": "bottom"}  # beside the bars the longest one's figure would run into it
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": chart.title,
        "width": 480,
        "height": {"step": 18},
        "background": "white",
        "data": {"values": values},
        "layer": [
            {"mark": "bar", "encoding": {**axes, "color": colour}},
            {"mark": {"type": "text", "align": "left", "dx": 3}, "encoding": {**axes, "text": {"field": "label"}}},
        ],
    }
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), allowed_base_urls=[])
    (folder / f"{chart.file}.svg").write_text(svg + "\n", "utf-8")
