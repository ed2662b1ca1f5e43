"""What a person sees whose page cannot be shown: the same as a problem, as a page."""

from aiohttp import web
from aiohttp.typedefs import Handler

from ivr.errors import DatabaseError
from ivr.web.pages.frame import render
from ivr.web.problems import Problem, log_outage


@web.middleware
async def problem_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser with a page; whoever asks for no page gets the problem itself."""
    is_page = not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
    if not is_page:
        return await handler(request)
    try:
        return await handler(request)
    except Problem as problem:
        return _page(request, problem.status, problem.detail)
    except web.HTTPNotFound:
        return _page(request, 404)
    except DatabaseError as error:
        log_outage(request, error)
        return _page(request, 503, is_away=True)


def _page(request: web.Request, status: int, why: str = "", *, is_away: bool = False) -> web.Response:
    return render(request, "problem.html", here="", status=status, why=why, is_away=is_away)
