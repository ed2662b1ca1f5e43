"""Who asks: a bearer token (RFC 6750), or a browser that is signed in; and whether that person may."""

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ivr.web.access import ROOT, VIEWER, Viewer, viewer_of
from ivr.web.operations import operation_of
from ivr.web.passwords import Passwords
from ivr.web.problems import Problem
from ivr.web.sign_in_link import SignInLinks
from ivr.web.throttle import Throttle
from storage.accounts import Accounts

COOKIE = "postcall_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
FORM = "application/x-www-form-urlencoded"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where people are known."""

    token: str
    """The token of the settings, with which everything may be done."""
    accounts: Accounts | None
    """None where the token is all there is."""
    now: Callable[[], datetime]
    passwords: Passwords = field(default_factory=Passwords)
    throttle: Throttle = field(default_factory=Throttle)
    links: SignInLinks = field(default_factory=SignInLinks)
    refused: Counter[str] = field(default_factory=Counter)
    """How many were not let in, by why: `password`, `wait` (too many tries before), `link` and `token`."""


DOOR = web.AppKey("door", Door)


def fingerprint(secret: str) -> str:
    """What is kept of a token or a session: its SHA-256, which is enough for a random secret of 32 bytes."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def new_secret() -> str:
    """A token or session that nobody guesses."""
    return secrets.token_urlsafe(32)


def csrf_of(session: str) -> str:
    """What a form, or a script, of a signed-in page sends along, so that no other site can make the browser ask."""
    return hmac.new(session.encode("utf-8", "surrogateescape"), b"csrf", hashlib.sha256).hexdigest()


def access(door: Door) -> Middleware:
    """Let nobody do what an operation does not list their role for.

    Whoever is not known is refused below `/api/` and at `/metrics`, and sent to `/login` from a page. What is no
    operation is open.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        operation = operation_of(request)
        if operation is None:
            if _is_for_programs(request) and await _viewer(door, request) is None:
                return _unknown()
            return await handler(request)
        viewer = await _viewer(door, request)
        is_read = request.method in _SAFE
        if viewer is None:
            if _is_for_programs(request):
                return _unknown()
            raise web.HTTPSeeOther(f"/login?next={quote(request.path_qs, safe='')}" if is_read else "/login")
        if viewer.role not in operation.roles:
            raise Problem(403, "Not allowed", f"{operation.summary}: not allowed for the role {viewer.role}")
        if not is_read and "Authorization" not in request.headers:
            await check_csrf(request)
        request[VIEWER] = viewer
        return await handler(request)

    return check


def _is_for_programs(request: web.Request) -> bool:
    return request.path.startswith("/api/") or request.path == "/metrics"


def is_csrf_of(session: str, given: str) -> bool:
    """Whether that is what `csrf_of` makes of a session; never of none."""
    return bool(session) and hmac.compare_digest(csrf_of(session).encode(), given.encode("utf-8", "surrogateescape"))


async def form_fields(request: web.Request) -> Mapping[str, str]:
    """The fields of a form of ours, the last of each name. Raises `Problem` (400) for what no browser sends."""
    try:
        if request.content_type == FORM:
            return {name: str(value) for name, value in (await request.post()).items()}
    except (ValueError, LookupError):
        pass
    raise Problem(400, "Wrong body", f"the body is not a form; allowed: {FORM}, in UTF-8")


async def check_csrf(request: web.Request) -> None:
    """Raise `Problem` (403) unless a request that a cookie speaks for carries the token of its session."""
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.content_type == FORM:
        given = (await form_fields(request)).get(CSRF_FIELD, "")
    if not is_csrf_of(request.cookies.get(COOKIE, ""), given):
        raise Problem(403, "Not allowed", f"the form has expired, or the header {CSRF_HEADER} is missing")


async def _viewer(door: Door, request: web.Request) -> Viewer | None:
    # A header that is wrong is refused, whatever the cookie says.
    if "Authorization" in request.headers:
        return await _bearer(door, request.headers["Authorization"])
    session = request.cookies.get(COOKIE)
    if not session or door.accounts is None:
        return None
    account = await door.accounts.by_session(fingerprint(session), door.now())
    return viewer_of(account) if account else None


async def _bearer(door: Door, header: str) -> Viewer | None:
    scheme, _, given = header.partition(" ")
    token = given.strip()
    if scheme.lower() != "bearer" or not token:
        return None
    # surrogateescape: aiohttp hands on header bytes that are not UTF-8 as lone surrogates.
    if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), door.token.encode()):
        return ROOT
    account = await door.accounts.by_token(fingerprint(token)) if door.accounts else None
    if account is None:
        door.refused["token"] += 1
    return viewer_of(account) if account else None


def _unknown() -> web.Response:
    response = Problem(
        401, "Not allowed", "the header `Authorization: Bearer <token>` is missing or its token is wrong"
    ).response()
    response.headers["WWW-Authenticate"] = 'Bearer realm="postcall"'
    return response
