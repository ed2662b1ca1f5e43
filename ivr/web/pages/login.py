"""`/login`, `/login/once` and `/logout`: how somebody signs in with a browser, and out again."""

import math
from collections.abc import Mapping
from typing import Literal

import structlog
from aiohttp import web

from ivr.web.access import LOGIN, LONGEST_LOGIN
from ivr.web.auth import DOOR, check_csrf, csrf_of, form_fields
from ivr.web.pages.frame import render
from ivr.web.pages.preferences import own_path
from ivr.web.sessions import begin_session, door_accounts, end_session, form_secret, form_token, is_own_form

log = structlog.get_logger()
Why = Literal["", "wrong", "wait", "expired", "link"]
_STATUS: Mapping[Why, int] = {"": 200, "wrong": 403, "wait": 429, "expired": 403, "link": 403}


def add_login(app: web.Application) -> None:
    """The ways in and out; no operations, for whoever comes here is not known yet."""
    app.router.add_get("/login", form)
    app.router.add_post("/login", sign_in)
    app.router.add_get("/login/once", sign_in_once)
    app.router.add_post("/logout", sign_out)


async def form(request: web.Request) -> web.Response:
    """Where one signs in."""
    door_accounts(request.app[DOOR])
    return _form(request, next_path=request.query.get("next", "/"))


async def sign_in(request: web.Request) -> web.Response:
    """Sign in with a password, and go on to where one wanted to."""
    door = request.app[DOOR]
    accounts = door_accounts(door)
    given = await form_fields(request)
    login, password, csrf, next_path = (given.get(name, "") for name in ("login", "password", "csrf", "next"))
    login, address = login.strip().lower()[:LONGEST_LOGIN], request.remote or ""
    if not is_own_form(request, csrf):
        return _form(request, why="expired", login=login, next_path=next_path)
    wait = door.throttle.begin(login, address, door.now().timestamp())
    if wait > 0:
        door.refused["wait"] += 1
        log.warning("a sign-in must wait", address=address, seconds=math.ceil(wait))
        return _form(request, why="wait", login=login, next_path=next_path, wait=math.ceil(wait))
    account = await accounts.find(login) if LOGIN.fullmatch(login) else None
    # Whether or not there is such an account, with or without a password: the same work, and the same answer.
    if not await door.passwords.fits(password, account.password_hash if account else "") or account is None:
        door.refused["password"] += 1
        # Who is in a hurry types the password where the login goes: only that of an account is logged.
        log.warning("a sign-in is refused", login=account.login if account else None, address=address)
        return _form(request, why="wrong", login=login, next_path=next_path)
    door.throttle.fitted(login, address)
    return await _signed_in(request, account.login, next_path)


async def sign_in_once(request: web.Request) -> web.Response:
    """Sign in with a link that holds once."""
    door = request.app[DOOR]
    login = door.links.take(door.token, request.query, door.now())
    account = await door_accounts(door).find(login) if login is not None else None
    if account is None:
        door.refused["link"] += 1
        return _form(request, why="link")
    return await _signed_in(request, account.login, "/")


async def sign_out(request: web.Request) -> web.Response:
    """End the session of this browser."""
    accounts = door_accounts(request.app[DOOR])
    await check_csrf(request)
    response = _to("/login")
    await end_session(request, response, accounts)
    return response


async def _signed_in(request: web.Request, login: str, next_path: str) -> web.Response:
    door = request.app[DOOR]
    response = _to(own_path(next_path))
    await begin_session(request, response, door_accounts(door), login, door.now())
    log.info("somebody has signed in", login=login, address=request.remote)
    return response


def _form(request: web.Request, *, why: Why = "", login: str = "", next_path: str = "/", wait: int = 0) -> web.Response:
    response = render(
        request,
        "login.html",
        here="",
        status=_STATUS[why],
        why=why,
        login=login,
        wait=wait,
        next=own_path(next_path),
        csrf_of_form=csrf_of(form_secret(request)),
    )
    form_token(request, response)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _to(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
