"""`GET /try/{flow}`: a keypad on which the flow is tried, and the sounds that it plays."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from string import Template

from aiohttp import web

from callflows.loader import FlowVersion
from callflows.sounds import spoken
from ivr.trial.trial import TrialStore
from ivr.web.problems import Problem
from ivr.web.try_link import refusal

ASSETS = {"keypad.css": "text/css", "keypad.js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # The address holds the right to try the flow.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FRESH = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
_NEW = "<code>postcall try-link {flow}</code>"
_WHY = {
    "missing": (f"it is opened with a link that {_NEW} prints.", f"请用 {_NEW} 给出的链接打开本页。"),
    "wrong": (
        f"this link was made for another flow, or under another token. {_NEW} prints a new one.",
        f"此链接属于另一个流程或另一个令牌。请用 {_NEW} 生成新链接。",
    ),
    "expired": (f"this link has expired. {_NEW} prints a new one.", f"此链接已过期。请用 {_NEW} 生成新链接。"),
    "gone": ("there is no flow <code>{flow}</code> any more.", "流程 <code>{flow}</code> 已不存在。"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRoom:
    """Where flows are tried in browsers."""

    token: str
    """Under which links are signed."""
    find: Callable[[str], FlowVersion | None]
    """The version in force of a flow."""
    sounds: Sequence[Path]
    """Folders of ``language/name.wav``, of which the first that has a sound is taken."""
    store: TrialStore
    now: Callable[[], datetime]
    """The time in the zone of the store's site."""
    at_once: int = 20
    """How many may try a flow at the same time."""
    longest_seconds: float = 900.0
    """After which a trial is ended."""
    trying: set[web.WebSocketResponse] = field(default_factory=set)
    """Those who are at it."""


ROOM = web.AppKey("trials", TrialRoom)


async def page(request: web.Request) -> web.Response:
    """The keypad, or why it is not shown."""
    flow = request.match_info["flow"]
    room = request.app[ROOM]
    why = refusal(room.token, flow, request.query, room.now())
    if why:
        return _refused(flow, why, 403)
    version = room.find(flow)
    if version is None:
        return _refused(flow, "gone", 404)
    text = _template("keypad.html").substitute(
        title=html.escape(version.flow.title), languages=" ".join(version.flow.languages)
    )
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


async def asset(request: web.Request) -> web.Response:
    """The page's style and script, which hold no data."""
    name = request.match_info["name"]
    text = (files("ivr.web") / "keypad" / name).read_text("utf-8")
    return web.Response(
        text=text,
        content_type=ASSETS[name],
        headers=_FRESH,
    )


async def sound(request: web.Request) -> web.StreamResponse:
    """A sound of the flow. The name is looked up among the flow's own, so it leads to no other file."""
    version = permitted(request)
    name = f"{request.match_info['language']}/{request.match_info['name']}"
    if name in spoken(version.flow):
        for folder in request.app[ROOM].sounds:
            file = folder / f"{name}.wav"
            if file.is_file():
                return web.FileResponse(file, headers=_FRESH)
    raise Problem(404, "No such sound", f"{name[:100]!r} is no sound of this flow, or was not made as .wav")


def permitted(request: web.Request) -> FlowVersion:
    """The flow of a request that carries the right to try it; raises `Problem` for any other."""
    room = request.app[ROOM]
    flow = request.match_info["flow"]
    why = refusal(room.token, flow, request.query, room.now())
    if why:
        raise Problem(403, "Not allowed", f"the link with which the flow {flow} may be tried is {why}")
    version = room.find(flow)
    if version is None:
        raise Problem(404, "No such flow", f"there is no flow {flow}")
    return version


def _refused(flow: str, why: str, status: int) -> web.Response:
    english, chinese = (text.format(flow=html.escape(flow)) for text in _WHY[why])
    text = _template("refused.html").substitute(why=english, why_zh=chinese)
    return web.Response(text=text, content_type="text/html", status=status, headers=_HEADERS)


def _template(name: str) -> Template:
    return Template((files("ivr.web") / "keypad" / name).read_text("utf-8"))
