"""Signing in with a browser: passwords, sessions and their ends, forms of other sites, and links that hold once."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request, Response
from argon2 import PasswordHasher

from ivr.web.access import EVERYBODY, SUPERVISORS, VIEWER
from ivr.web.auth import COOKIE, CSRF_HEADER, Door, csrf_of, fingerprint
from ivr.web.operations import Operation
from ivr.web.pages.every import add_pages
from ivr.web.passwords import Passwords
from ivr.web.server import web_app
from ivr.web.sign_in_link import sign_in_link
from storage.accounts import AccountRecord, Accounts
from storage.engine import Database, open_database

TOKEN = "a token of these tests"
PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = QUICK.hash(PASSWORD)
BEGAN = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
Client = TestClient[Request, Application]


class Clock:
    """The time, which a test puts forward."""

    def __init__(self) -> None:
        self.now = BEGAN

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with await open_database(url) as opened:
        yield opened


@pytest.fixture
async def accounts(database: Database) -> Accounts:
    here = Accounts(database)
    await here.add(AccountRecord(login="ada", role="admin", password_hash=HASH, created_at=BEGAN))
    await here.add(AccountRecord(login="wall", role="supervisor", created_at=BEGAN))
    return here


async def told(request: Request) -> Response:
    viewer = request[VIEWER]
    return Response(text=f"{viewer.name} {viewer.role}")


def operation(method: str, path: str) -> Operation:
    roles = EVERYBODY if method == "GET" else SUPERVISORS
    return Operation(method=method, path=path, handler=told, roles=roles, summary="Who asks")


Opens = Callable[[], Awaitable[Client]]


@pytest.fixture
async def opens(
    aiohttp_client: Callable[..., Awaitable[Client]], accounts: Accounts, clock: Clock
) -> Callable[[], Awaitable[Client]]:
    """Makes browsers that are not signed in."""
    app = web_app(
        Door(token=TOKEN, accounts=accounts, now=lambda: clock.now, passwords=Passwords(QUICK)),
        {},
        [operation("GET", "/who"), operation("GET", "/api/who"), operation("POST", "/api/who")],
        [ip_network("127.0.0.1")],
    )
    add_pages(app, {"main": ZoneInfo("UTC")})
    server: Any = None

    async def browser() -> Client:
        nonlocal server
        client = await aiohttp_client(server or app, cookie_jar=CookieJar(unsafe=True))
        server = client.server
        return client

    return browser


@pytest.fixture
async def browser(opens: Opens) -> Client:
    return await opens()


async def form_of(browser: Client, path: str = "/login") -> dict[str, str]:
    """The hidden fields of a page's form."""
    response = await browser.get(path)
    text = await response.text()
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text))


async def sign_in(
    browser: Client, login: str = "ada", password: str = PASSWORD, next_path: str = "/who", **more: str
) -> tuple[int, str]:
    """The status, and where the browser is led or else the page."""
    fields = {**await form_of(browser), "login": login, "password": password, "next": next_path, **more}
    response = await browser.post("/login", data=fields, allow_redirects=False)
    return response.status, response.headers.get("Location") or await response.text()


async def who(browser: Client) -> str:
    response = await browser.get("/who", allow_redirects=False)
    return await response.text() if response.status == 200 else f"{response.status} {response.headers['Location']}"


def session_of(browser: Client) -> str:
    return next((cookie.value for cookie in browser.session.cookie_jar if cookie.key == COOKIE), "")


async def test_whoever_is_not_known_is_led_to_the_form_and_from_there_to_where_the_way_went(browser: Client) -> None:
    response = await browser.get("/who?day=2026-11-22&x=%26", allow_redirects=False)
    assert response.headers["Location"] == "/login?next=/who?day%3D2026-11-22%26x%3D%2526"
    fields = await form_of(browser, response.headers["Location"])
    assert fields["next"].replace("&amp;", "&") == "/who?day=2026-11-22&x=%26"
    assert await sign_in(browser, next_path="/who?day=2026-11-22") == (303, "/who?day=2026-11-22")
    assert await who(browser) == "ada admin"


async def test_nobody_is_led_to_another_site(browser: Client) -> None:
    for path in ("//evil.example", "https://evil.example/", "/\\evil.example", "javascript:x", ""):
        assert await sign_in(browser, next_path=path) == (303, "/")


async def test_the_login_is_written_in_any_case(browser: Client) -> None:
    assert (await sign_in(browser, login=" Ada ")) == (303, "/who")


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("ada", "wrong"),
        ("ada", ""),
        ("ada", PASSWORD + " "),
        ("nobody", PASSWORD),
        ("wall", ""),
        ("wall", "the password of no account"),
        ("a\x00da", PASSWORD),
        ("x" * 10_000, PASSWORD),
        ("ada' OR 1=1 --", PASSWORD),
    ],
)
async def test_a_wrong_password_and_a_login_that_there_is_not_are_told_apart_by_nothing(
    browser: Client, login: str, password: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        status, page = await sign_in(browser, login=login, password=password)
    assert status == 403
    assert "Login and password do not fit together." in page
    assert session_of(browser) == ""
    assert [(line["event"], line["address"]) for line in logs] == [("a sign-in is refused", "127.0.0.1")]
    assert not password or password not in str(logs)


async def test_what_was_typed_stands_in_the_form_again_escaped_and_without_the_password(browser: Client) -> None:
    _, page = await sign_in(browser, login='"><script>x', password="a wrong password")
    assert 'value="&#34;&gt;&lt;script&gt;x"' in page
    assert "<script>x" not in page
    assert "a wrong password" not in page


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(browser: Client) -> None:
    fields = {**await form_of(browser), "login": "ada", "password": PASSWORD}
    response = await browser.post("/login", data=fields, allow_redirects=False)
    cookie = response.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert int(cookie["max-age"]) == 12 * 3600
    assert not cookie["secure"]


async def test_behind_a_proxy_with_https_the_cookie_is_sent_by_https_only(browser: Client) -> None:
    fields = {**await form_of(browser), "login": "ada", "password": PASSWORD}
    header = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    with structlog.testing.capture_logs() as logs:
        response = await browser.post("/login", data=fields, headers=header, allow_redirects=False)
    assert response.cookies[COOKIE]["secure"]
    assert [line["address"] for line in logs] == ["203.0.113.7"]


async def test_what_is_no_page_runs_nowhere_and_is_taken_for_nothing_else(browser: Client) -> None:
    for path in ("/api/who", "/healthz", "/api/nothing"):
        headers = (await browser.get(path)).headers
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
    page = (await browser.get("/login")).headers
    assert "style-src 'self'" in page["Content-Security-Policy"]


async def test_what_the_cookie_holds_is_not_in_the_database(browser: Client, accounts: Accounts, clock: Clock) -> None:
    await sign_in(browser)
    secret = session_of(browser)
    assert await accounts.by_session(secret, clock.now) is None
    found = await accounts.by_session(fingerprint(secret), clock.now)
    assert found is not None
    assert found.login == "ada"


async def test_a_session_that_was_planted_before_is_worth_nothing_after(browser: Client, opens: Opens) -> None:
    browser.session.cookie_jar.update_cookies({COOKIE: "planted"}, browser.make_url("/"))
    await sign_in(browser)
    first = session_of(browser)
    assert first not in ("", "planted")
    await sign_in(browser)
    second = session_of(browser)
    assert second not in ("", first)
    thief = await opens()
    for stolen in ("planted", first):
        thief.session.cookie_jar.update_cookies({COOKIE: stolen}, thief.make_url("/"))
        assert await who(thief) == "303 /login?next=/who"


async def test_a_session_that_is_not_used_ends_and_one_that_is_used_ends_after_half_a_day(
    browser: Client, clock: Clock
) -> None:
    await sign_in(browser)
    clock.pass_by(minutes=59)
    assert await who(browser) == "ada admin"
    clock.pass_by(minutes=61)
    assert (await who(browser)).startswith("303 /login")
    await sign_in(browser)
    for _ in range(23):
        clock.pass_by(minutes=31)
        assert await who(browser) == "ada admin"
    clock.pass_by(minutes=31)
    assert (await who(browser)).startswith("303 /login")


async def test_a_new_password_and_a_removed_account_end_its_sessions_at_once(
    browser: Client, accounts: Accounts
) -> None:
    await sign_in(browser)
    await accounts.set_password("ada", HASH)
    assert (await who(browser)).startswith("303 /login")
    await sign_in(browser)
    assert await who(browser) == "ada admin"
    await accounts.remove("ada")
    assert (await who(browser)).startswith("303 /login")


async def test_who_signs_out_is_out_in_this_browser_and_wherever_its_cookie_was_copied_to(
    browser: Client, opens: Opens
) -> None:
    await sign_in(browser)
    thief = await opens()
    thief.session.cookie_jar.update_cookies({COOKIE: session_of(browser)}, thief.make_url("/"))
    response = await browser.post("/logout", data={"csrf": csrf_of(session_of(browser))}, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/login")
    assert session_of(browser) == ""
    assert (await who(thief)).startswith("303 /login")


async def test_another_site_can_neither_sign_in_nor_out_nor_do_anything(browser: Client, opens: Opens) -> None:
    stranger = await opens()
    for csrf in ("", "x", csrf_of(""), (await form_of(stranger))["csrf"]):
        status, page = await sign_in(browser, csrf=csrf)
        assert status == 403
        assert "This form had expired" in page
    await sign_in(browser)
    for csrf in ({}, {"csrf": ""}, {"csrf": csrf_of("")}, {"csrf": csrf_of("another session")}):
        assert (await browser.post("/logout", data=csrf)).status == 403
        assert (await browser.post("/api/who", data=csrf)).status == 403
        assert (await browser.post("/api/who", headers={CSRF_HEADER: csrf.get("csrf", "")})).status == 403
    # A request of our own page's script, and a form.
    right = csrf_of(session_of(browser))
    assert await (await browser.post("/api/who", headers={CSRF_HEADER: right})).text() == "ada admin"
    assert await (await browser.post("/api/who", data={"csrf": right})).text() == "ada admin"
    assert await who(browser) == "ada admin"


async def test_a_header_of_a_program_needs_no_csrf_and_a_wrong_one_is_not_made_good_by_a_cookie(
    browser: Client,
) -> None:
    await sign_in(browser)
    assert (await browser.post("/api/who", headers={"Authorization": f"Bearer {TOKEN}"})).status == 200
    assert (await browser.get("/api/who", headers={"Authorization": "Bearer wrong"})).status == 401


async def test_the_tokens_of_an_account_are_its_owners_until_they_are_revoked(
    browser: Client, accounts: Accounts
) -> None:
    await accounts.add_token("wall", fingerprint("a personal token"), "", BEGAN)
    header = {"Authorization": "Bearer a personal token"}
    assert await (await browser.get("/api/who", headers=header)).text() == "wall supervisor"
    await accounts.revoke("wall")
    assert (await browser.get("/api/who", headers=header)).status == 401


async def test_after_five_wrong_passwords_even_the_right_one_waits_and_a_login_that_there_is_not_too(
    browser: Client, clock: Clock
) -> None:
    for login in ("ada", "nobody"):
        for _ in range(5):
            assert (await sign_in(browser, login=login, password="wrong"))[0] == 403
        fields = {**await form_of(browser), "login": login, "password": PASSWORD}
        response = await browser.post("/login", data=fields, allow_redirects=False)
        assert (response.status, response.headers["Retry-After"]) == (429, "1")
        assert "Too many tries" in await response.text()
    clock.pass_by(seconds=1)
    assert (await sign_in(browser)) == (303, "/who")


async def test_a_link_signs_in_once_and_in_time(browser: Client, opens: Opens, clock: Clock) -> None:
    link = sign_in_link(TOKEN, "ada", clock.now + timedelta(minutes=10))
    response = await browser.get(link, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/")
    assert await who(browser) == "ada admin"
    later = sign_in_link(TOKEN, "ada", clock.now + timedelta(minutes=20))
    wrong = [
        link,
        later.replace("login=ada", "login=wall"),
        sign_in_link("another token", "ada", clock.now + timedelta(minutes=10)),
        sign_in_link(TOKEN, "nobody", clock.now + timedelta(minutes=10)),
        sign_in_link(TOKEN, "ada", clock.now),
        "/login/once",
        "/login/once?login=ada&until=x&key=y",
        "/login/once?login=%FF&until=%00&key=%FF",
    ]
    for one in wrong:
        other = await opens()
        response = await other.get(one)
        assert response.status == 403
        assert "used before, or holds no longer" in await response.text()
        assert session_of(other) == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"login=%FF%FE&password=x", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"login=ada", "application/x-www-form-urlencoded; charset=nonsense"),
        (b'{"login": "ada"}', "application/json"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"", ""),
    ],
)
async def test_what_no_browser_sends_is_refused_without_a_fault(browser: Client, body: bytes, kind: str) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await browser.post("/login", data=body, headers={"Content-Type": kind} if kind else {})
    assert response.status in (400, 403)
    assert not [line for line in logs if line["log_level"] == "error"]


async def test_the_form_is_there_in_chinese_and_runs_no_script(browser: Client) -> None:
    response = await browser.get("/login", headers={"Accept-Language": "zh"})
    assert "登录名" in await response.text()
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert response.headers["Cache-Control"] == "no-store"
