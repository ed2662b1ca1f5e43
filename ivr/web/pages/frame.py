"""What every page stands in: its language and theme, the navigation, the filter bar, and the headers."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import aiohttp_jinja2
import jinja2
from aiohttp import web
from jinja2.runtime import Context

from ivr.web.access import EVERYBODY, SUPERVISORS, VIEWER, Viewer
from ivr.web.auth import COOKIE, csrf_of
from ivr.web.pages.filters import FilterBar
from ivr.web.pages.language import NAMES, Language, language
from ivr.web.pages.preferences import THEMES, language_of, prefer, theme_of
from ivr.web.pages.spoken import OPTIONS, loader, speak
from storage.accounts import Role

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Scores are about people: nothing of them stays in a shared computer's cache.
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept-Language",
}
ASSETS: Mapping[str, str] = {
    "postcall.css": "text/css",
    "live.js": "text/javascript",
    "mark.svg": "image/svg+xml",
}
"""The static files, with their media types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page in the navigation."""

    name: str
    path: str
    group: str
    """``watch`` or ``run``."""
    roles: frozenset[Role]


NAVIGATION: tuple[Place, ...] = (
    Place(name="now", path="/", group="watch", roles=SUPERVISORS),
    Place(name="agents", path="/agents", group="watch", roles=SUPERVISORS),
    Place(name="reasons", path="/reasons", group="watch", roles=SUPERVISORS),
    Place(name="funnel", path="/funnel", group="watch", roles=SUPERVISORS),
    Place(name="drivers", path="/drivers", group="watch", roles=SUPERVISORS),
    Place(name="calls", path="/calls", group="watch", roles=SUPERVISORS),
    Place(name="flows", path="/flows", group="run", roles=SUPERVISORS),
    Place(name="health", path="/health", group="run", roles=SUPERVISORS),
)
_ENVIRONMENTS = {code: web.AppKey(f"pages in {code}", jinja2.Environment) for code in NAMES}


SITES = web.AppKey("zones of the sites", Mapping[str, ZoneInfo])
"""By code, the zone in which a site's times are shown; on a page that is about no site, the first one's."""


def add_frame(app: web.Application, sites: Mapping[str, ZoneInfo]) -> None:
    """Make the templates and the static files known; the pages themselves are operations."""
    app[SITES] = sites
    for code, key in _ENVIRONMENTS.items():
        spoken = language(code)
        environment = aiohttp_jinja2.setup(
            app,
            app_key=key,
            default_helpers=False,
            loader=loader(),
            **OPTIONS,
        )
        speak(environment, spoken)
        environment.globals |= {"asset": asset_path, "languages": NAMES, "themes": THEMES}
        environment.filters |= {name: _local(getattr(spoken, name)) for name in ("moment", "brief", "clock")}
    # No operations: whoever signs in needs them, too.
    app.router.add_get("/static/{name}", asset)
    app.router.add_get("/preferences", prefer)


def render(
    request: web.Request,
    template: str,
    *,
    here: str,
    filters: FilterBar | None = None,
    zone: ZoneInfo | None = None,
    status: int = 200,
    **values: Any,
) -> web.Response:
    """A page, or a part of one; `here` is its name in `NAVIGATION`, or ``""``.

    The template finds `values`, the viewer, the navigation, and the filter bar when the page has one. Moments are
    shown in `zone`, the site's.
    """
    viewer = request.get(VIEWER)
    context = {
        "here": here,
        "places": places(viewer),
        "viewer": viewer,
        # Whoever asks with a token has nothing to sign out of.
        "csrf": csrf_of(request.cookies[COOKIE]) if viewer and COOKIE in request.cookies else "",
        "filters": filters,
        "zone": zone or next(iter(request.app[SITES].values())),
        "theme": theme_of(request),
        "back": str(request.rel_url),
        **values,
    }
    spoken = language_of(request)
    text = aiohttp_jinja2.render_string(template, request, context, app_key=_ENVIRONMENTS[spoken.code])
    return web.Response(
        text=text,
        content_type="text/html",
        status=status,
        headers={**HEADERS, "Content-Language": spoken.locale.language},
    )


def spoken_in(request: web.BaseRequest) -> Language:
    """The language of a page, for what its module says itself."""
    return language_of(request)


def _local(written: Callable[[datetime], str]) -> Callable[[Context, datetime], str]:
    """A filter that shows a moment in the zone of its page."""

    @jinja2.pass_context
    def local(context: Context, moment: datetime) -> str:
        return written(moment.astimezone(context["zone"]))

    return local


def places(viewer: Viewer | None) -> tuple[Place, ...]:
    """The navigation of somebody: an agent has one page, and whoever is not known none."""
    if viewer is None:
        return ()
    if viewer.role == "agent":
        return (Place(name="own", path=own_page(viewer), group="watch", roles=EVERYBODY),)
    return tuple(place for place in NAVIGATION if viewer.role in place.roles)


def own_page(viewer: Viewer) -> str:
    """Where an agent sees the own score."""
    return f"/agents/{quote(viewer.agent)}"


async def asset(request: web.Request) -> web.Response:
    """A static file; under the address that `asset_path` gives, it never changes."""
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound
    content, digest = _asset(name)
    is_exact = request.query.get("v") == digest
    response = web.Response(body=content, content_type=ASSETS[name], charset="utf-8")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_exact else "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def asset_path(name: str) -> str:
    """Where a static file is found, as long as it is what it is now."""
    return f"/static/{name}?v={_asset(name)[1]}"


@cache
def _asset(name: str) -> tuple[bytes, str]:
    content = (files("ivr.web.pages") / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]
