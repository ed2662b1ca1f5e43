"""What a person sees whose page cannot be shown: the same as a problem, as a page."""

from aiohttp import web
from aiohttp.typedefs import Handler

from ivr.web.pages.frame import render
from ivr.web.problems import Problem


@web.middleware
async def problem_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser with a page; whoever asks for no page gets the problem itself."""
    is_page = not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")
    if not is_page:
        return await handler(request)
    try:
        return await handler(request)
    except Problem as problem:
        return render(request, "problem.html", here="", status=problem.status, why=problem.detail)
    except web.HTTPNotFound:
        return render(request, "problem.html", here="", status=404, why="")
