"""What a person prefers to see, kept in cookies: the language and the theme."""

from typing import Literal, get_args

from aiohttp import web
from yarl import URL

from ivr.web.pages.language import NAMES, Language, wanted_language
from ivr.web.problems import wrong_parameter

Theme = Literal["auto", "light", "dark"]
"""`auto` follows the system."""
THEMES: tuple[Theme, ...] = get_args(Theme)
LANGUAGE_COOKIE = "postcall_language"
THEME_COOKIE = "postcall_theme"
_A_YEAR = 365 * 86400


def language_of(request: web.BaseRequest) -> Language:
    """The language in which a request is answered."""
    return wanted_language(request.cookies.get(LANGUAGE_COOKIE, ""), request.headers.get("Accept-Language", ""))


def theme_of(request: web.BaseRequest) -> Theme:
    """The theme in which a request is answered."""
    kept = request.cookies.get(THEME_COOKIE, "")
    return next((theme for theme in THEMES if theme == kept), "auto")


async def prefer(request: web.Request) -> web.Response:
    """`GET /preferences?language=…&theme=…&back=…`: keep what is named, and lead back to a page of ours."""
    response = web.Response(status=303, headers={"Location": own_path(request.query.get("back", "/"))})
    for name, cookie, allowed in (
        ("language", LANGUAGE_COOKIE, tuple(NAMES)),
        ("theme", THEME_COOKIE, THEMES),
    ):
        if name in request.query:
            given = request.query[name]
            if given not in allowed:
                raise wrong_parameter(name, given, f"one of {', '.join(allowed)}")
            response.set_cookie(cookie, given, max_age=_A_YEAR, httponly=True, samesite="Lax", secure=request.secure)
    response.headers["Cache-Control"] = "no-store"
    return response


def own_path(given: str) -> str:
    """A path of this service, whatever was given: nobody is led to another site."""
    try:
        url = URL(given)
    except ValueError:
        return "/"
    # A browser takes a backslash for a slash, so that /\host leads to another site as //host does.
    safe = not url.absolute and url.path.startswith("/") and not given.startswith("//") and "\\" not in given
    return str(url) if safe else "/"
