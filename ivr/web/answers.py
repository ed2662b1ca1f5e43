"""How what is asked for is answered: as JSON with a tag by which a client sees that nothing has changed."""

import hashlib

from aiohttp import web
from pydantic import BaseModel


def json_answer(request: web.Request, body: BaseModel, status: int = 200) -> web.Response:
    """`body` as JSON; 304 when the client has it already (RFC 9110, section 13.1.2)."""
    text = body.model_dump_json()
    if request.method not in ("GET", "HEAD") or status != 200:
        return web.Response(text=text, status=status, content_type="application/json")
    return tagged(request, text)


def tagged(request: web.Request, text: str) -> web.Response:
    """JSON that was asked for with GET."""
    # Scores are about people, and belong into no shared cache; a client's own must ask each time.
    headers = {
        "ETag": f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Cookie",
    }
    known = request.if_none_match
    if known and any(tag.value in ("*", headers["ETag"][3:-1]) for tag in known):
        return web.Response(status=304, headers=headers)
    return web.Response(text=text, content_type="application/json", headers=headers)
