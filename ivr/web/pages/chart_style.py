"""How charts look: colours, type and size; the colours are those of the style sheet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ivr.web.pages.language import Language

Size = Literal["wide", "narrow", "wall"]
"""For a page, for a telephone, and for half of a page."""
WIDTHS: Mapping[Size, int] = {"wide": 960, "narrow": 360, "wall": 560}
FONTS = "system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', 'WenQuanYi Micro Hei', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of one theme, as ``#rrggbb``. Good and poor differ for every kind of colour blindness: no red, no
    green."""

    card: str
    ink: str
    soft: str
    line: str
    range_: str
    accent: str
    good: str
    poor: str


PALETTES: Mapping[str, Palette] = {
    "light": Palette(
        card="#ffffff",
        ink="#16191d",
        soft="#565d66",
        line="#dcddd8",
        range_="#a9c6d4",
        accent="#14506b",
        good="#0b5fa5",
        poor="#a8480a",
    ),
    "dark": Palette(
        card="#191d21",
        ink="#e9ebed",
        soft="#a7afb8",
        line="#2e343a",
        range_="#35596b",
        accent="#86c5e0",
        good="#6bb5f0",
        poor="#f3a763",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartStyle:
    """What a chart is drawn with."""

    palette: Palette
    size: Size
    language: Language

    @property
    def width(self) -> int:
        """In pixels."""
        return WIDTHS[self.size]

    @property
    def is_narrow(self) -> bool:
        """Whether there is little room for words."""
        return self.size == "narrow"

    @property
    def label_limit(self) -> int:
        """How wide a label may be, in pixels; a longer one is cut."""
        return 110 if self.is_narrow else 220

    def chart(self, height: int, **parts: Any) -> dict[str, Any]:
        """A Vega-Lite specification (version 5) of this width, with `parts` in it."""
        palette = self.palette
        return {
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "width": self.width,
            "height": height,
            "autosize": {"type": "fit", "contains": "padding"},
            "background": palette.card,
            "padding": {"left": 2, "right": 10, "top": 6, "bottom": 2},
            "config": {
                "font": FONTS,
                "view": {"stroke": None},
                "axis": {
                    "labelColor": palette.soft,
                    "titleColor": palette.soft,
                    "titleFontWeight": "normal",
                    "labelFontSize": 12,
                    "titleFontSize": 12,
                    "gridColor": palette.line,
                    "domainColor": palette.line,
                    "tickColor": palette.line,
                    "labelLimit": self.label_limit,
                },
                "legend": {
                    "labelColor": palette.soft,
                    "titleColor": palette.soft,
                    "labelFontSize": 12,
                    "orient": "top",
                    "title": None,
                },
                "text": {"color": palette.ink, "fontSize": 12},
            },
            **parts,
        }
