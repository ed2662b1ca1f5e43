"""`/charts/{name}.svg` and `.png`: the charts of the pages, each drawn for a page's own query, theme and size."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from ivr.web.operations import Operation
from ivr.web.pages.chart_style import PALETTES, WIDTHS, ChartStyle, Size
from ivr.web.pages.drawing import Easel, Format
from ivr.web.pages.filtering import PageParameters
from ivr.web.pages.filters import FilterBar
from ivr.web.pages.preferences import Theme, language_of, theme_of
from storage.accounts import Role

Draft = Callable[[web.Request, ChartStyle], Awaitable[Mapping[str, Any]]]
"""Makes the specification of a chart from a request, which has the page's query."""
EASEL = web.AppKey("easel", Easel)
NARROW = "(max-width: 600px)"
DARK = "(prefers-color-scheme: dark)"
_TYPES: Mapping[Format, str] = {"svg": "image/svg+xml", "png": "image/png"}
_HEADERS = {
    # An opened picture runs no script and fetches nothing, whatever a label says.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept-Language",
}


class ChartParameters(PageParameters):
    """The parameters of a page, and how its chart looks."""

    theme: Literal["light", "dark"] = Field(default="light", description="The colours")
    size: Size = Field(default="wide", description="For a page, a telephone, or half of a page")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The picture for one kind of screen."""

    media: str
    path: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A chart as a page shows it."""

    path: str
    alternative: str
    """What the chart says, for whoever does not see it."""
    width: int
    height: int
    sources: tuple[Source, ...]
    """For narrow screens, and for the dark theme where the system decides."""
    svg: str
    png: str


def add_easel(app: web.Application) -> None:
    """Have charts drawn by one thread as long as `app` lives."""

    async def easel(app: web.Application) -> AsyncIterator[None]:
        app[EASEL] = Easel()
        yield
        app[EASEL].close()

    app.cleanup_ctx.append(easel)


def chart_operation(name: str, roles: frozenset[Role], draft: Draft, summary: str) -> Operation:
    """The operation that serves a chart in both formats."""

    async def chart(request: web.Request) -> web.Response:
        form: Format = "png" if request.match_info["form"] == "png" else "svg"
        spec = await draft(request, _style(request))
        drawn = await request.app[EASEL].draw(spec, form)
        return web.Response(body=drawn, content_type=_TYPES[form], headers=_HEADERS)

    return Operation(method="GET", path=f"/charts/{name}.{{form:svg|png}}", handler=chart, roles=roles, summary=summary)


def _style(request: web.Request) -> ChartStyle:
    """How the chart that is asked for looks. Its `draft` refuses what is no theme or size."""
    theme, size = request.query.get("theme", "light"), request.query.get("size", "wide")
    return ChartStyle(
        palette=PALETTES.get(theme, PALETTES["light"]),
        size=next((one for one in WIDTHS if one == size), "wide"),
        language=language_of(request),
    )


def drawn(
    name: str,
    request: web.Request,
    filters: FilterBar,
    *,
    alternative: str,
    height: int,
    half: bool = False,
    **parameters: str,
) -> Drawn:
    """The chart `name` for the page of a request; `half` for one that stands beside another."""
    kept = theme_of(request)
    plain: Theme = "dark" if kept == "dark" else "light"
    usual = "wall" if half else "wide"

    def path(theme: str, size: str, form: Format = "svg") -> str:
        return f"/charts/{name}.{form}?{urlencode({**filters.chosen, **parameters, 'theme': theme, 'size': size})}"

    wide = WIDTHS["wall"] if half else WIDTHS["wide"]
    sources = [Source(media=NARROW, path=path(plain, "narrow"), width=WIDTHS["narrow"], height=height)]
    if kept == "auto":
        sources = [
            Source(media=f"{DARK} and {NARROW}", path=path("dark", "narrow"), width=WIDTHS["narrow"], height=height),
            Source(media=DARK, path=path("dark", usual), width=wide, height=height),
            *sources,
        ]
    return Drawn(
        path=path(plain, usual),
        alternative=alternative,
        width=wide,
        height=height,
        sources=tuple(sources),
        svg=path("light", usual),
        png=path("light", usual, "png"),
    )
