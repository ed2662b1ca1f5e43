"""Draws what a service held over days: its memory, and below it what comes and goes with the calls."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import vl_convert

from tests.chaos.soak import Sample

_PANELS = {
    "megabytes": "memory, MB",
    "calls": "calls so far",
    "tasks": "tasks",
    "descriptors": "descriptors",
    "open_surveys": "open surveys",
}


def draw(samples: Sequence[Sample], file: Path) -> None:
    """Write an SVG to `file`."""
    panels: list[dict[str, Any]] = [
        {
            "width": 560,
            "height": 160 if field == "megabytes" else 60,
            "mark": {"type": "line", "color": "#2166ac", "strokeWidth": 1},
            "encoding": {
                "x": {
                    "field": "hours",
                    "type": "quantitative",
                    "title": "hours of the PBX's time",
                    "axis": {"grid": False},
                },
                "y": {"field": field, "type": "quantitative", "title": title, "scale": {"zero": True}},
            },
        }
        for field, title in _PANELS.items()
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "white",
        "data": {"values": [asdict(sample) for sample in samples]},
        "vconcat": panels,
    }
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), allowed_base_urls=[])
    file.write_text(svg + "\n", "utf-8")
