"""Browsers that are signed in: what their cookie holds, and how long.

The cookie holds a random secret, of which the database keeps the SHA-256; what somebody may see is looked up with every
request, so that an account that is changed or removed is so at once.
"""

from datetime import datetime

from aiohttp import web

from ivr.web.auth import COOKIE, Door, fingerprint, is_csrf_of, new_secret
from storage.accounts import LONGEST, Accounts

FORM_COOKIE = "postcall_sign_in"
"""What the form to sign in is tied to, before there is a session."""
FORM_SECONDS = 3600


async def begin_session(
    request: web.Request, response: web.StreamResponse, accounts: Accounts, login: str, at: datetime
) -> None:
    """Sign in the browser of `request`, under a new secret: one that somebody else planted there before is worth
    nothing (session fixation)."""
    await end_session(request, response, accounts)
    secret = new_secret()
    await accounts.begin_session(fingerprint(secret), login, at)
    _keep(request, response, COOKIE, secret, int(LONGEST.total_seconds()))
    response.del_cookie(FORM_COOKIE, path="/login")


async def end_session(request: web.Request, response: web.StreamResponse, accounts: Accounts) -> None:
    """Sign the browser out."""
    if COOKIE in request.cookies:
        await accounts.end_session(fingerprint(request.cookies[COOKIE]))
    response.del_cookie(COOKIE)


def form_token(request: web.Request, response: web.StreamResponse) -> None:
    """Tie the form in `response` to the browser; `form_secret` was used to make it."""
    _keep(request, response, FORM_COOKIE, form_secret(request), FORM_SECONDS, path="/login")


def form_secret(request: web.Request) -> str:
    """What ties a form to its browser: what the browser has already, or else something new; the same all through one
    request."""
    if _FORM_SECRET not in request:
        request[_FORM_SECRET] = request.cookies.get(FORM_COOKIE) or new_secret()
    return request[_FORM_SECRET]


def is_own_form(request: web.Request, given: str) -> bool:
    """Whether a form to sign in comes from a page of ours, and not from another site's."""
    return is_csrf_of(request.cookies.get(FORM_COOKIE, ""), given)


def door_accounts(door: Door) -> Accounts:
    """The accounts. Raises `HTTPNotFound` where the token is all there is."""
    if door.accounts is None:
        raise web.HTTPNotFound
    return door.accounts


_FORM_SECRET = web.RequestKey("form secret", str)


def _keep(
    request: web.Request, response: web.StreamResponse, name: str, value: str, seconds: int, path: str = "/"
) -> None:
    response.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="Lax", secure=request.secure)
