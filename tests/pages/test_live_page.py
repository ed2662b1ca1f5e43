"""A rating that a caller presses on the simulated PBX is on the live page, in a browser that nobody touches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.app import Service, running
from ivr.demo.behaviour import Behaviour
from ivr.demo.callers import team
from ivr.demo.choices import SURVEY_CONTEXT, free_port
from ivr.demo.simulator import SimulatedPbx
from ivr.settings import build_settings
from ivr.web.auth import COOKIE, fingerprint
from ivr.web.passwords import hashed
from storage.accounts import AccountRecord, Accounts
from storage.schema import upgrade
from tests.pages.test_pages_in_a_browser import AXE, LOOKS, SERIOUS, TOO_WIDE
from tests.trial.chromium import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="session")
SESSION = "a-session-of-these-tests"
WHEN_SEEN = """
window.seen = {};
new MutationObserver(() => {
  for (const one of document.querySelectorAll('.stream li')) window.seen[one.dataset.id] ??= Date.now();
}).observe(document.body, {childList: true, subtree: true})"""


@asynccontextmanager
async def beside(url: str) -> AsyncIterator[tuple[SimulatedPbx, Service]]:
    """A service beside a simulated PBX."""
    queues, members = team()
    agi_port = free_port()
    dialplan = {SURVEY_CONTEXT: f"agi://127.0.0.1:{agi_port}/survey"}
    async with SimulatedPbx(queues=queues, members=members, speed=20.0, dialplan=dialplan) as pbx:
        settings = build_settings(
            {
                "database": {"url": url},
                "web": {"port": 0, "token": "a token of these tests"},
                "fastagi": {"port": agi_port},
                "privacy": {"caller_key": "a caller key of these tests"},
                "sites": {"demo": {"ami": {"port": pbx.port, "username": pbx.user, "secret": pbx.secret}}},
            },
            source="test",
        )
        await upgrade(url)
        async with running(settings) as service:
            await service.links["demo"].action("Ping")
            yield pbx, service


async def signed_in(page: Page, service: Service, **account: str) -> None:
    """Give the tab the cookie of somebody who has signed in."""
    now = datetime.now(UTC)
    accounts = Accounts(service.database)
    await accounts.add(AccountRecord(login="ada", role="admin", created_at=now))
    await accounts.begin_session(fingerprint(SESSION), "ada", now)
    await page.send("Network.setCookie", name=COOKIE, value=SESSION, url=service.url)


async def test_a_rating_is_on_the_live_page_without_a_reload(one_browser: Browser, tmp_path: Path) -> None:
    async with beside(f"sqlite:///{tmp_path / 'live.db'}") as (pbx, service), one_browser.page() as page:
        await signed_in(page, service)
        await page.open(service.url + "/")
        await page.until("document.getElementById('live-state').dataset.state === 'on'")
        assert await page.js("document.querySelectorAll('.stream li').length") == 0
        await page.js("window.untouched = true; " + WHEN_SEEN)
        pbx.place_call("support", number="0912000001", behaviour=Behaviour(keys=("4",)))
        await page.until("document.querySelector('.stream .rating')?.textContent === '4'")
        assert await page.js("window.untouched"), "the page was loaded again"
        assert "4" in await page.js("document.getElementById('live-announced').textContent")
        assert "n = 1" in await page.js("document.getElementById('live-figures').textContent")
        seen, answered = await page.js(
            "[Object.values(window.seen)[0], Date.parse(document.querySelector('.stream time').dateTime)]"
        )
        print(f"seen {seen - answered} ms after the key")
        assert page.complaints == []


async def test_the_sign_in_page_is_whole_and_leads_back_to_where_one_wanted_to_go(
    one_browser: Browser, tmp_path: Path, pictures: Path
) -> None:
    async with beside(f"sqlite:///{tmp_path / 'login.db'}") as (_, service), one_browser.page() as page:
        accounts = Accounts(service.database)
        await accounts.add(AccountRecord(login="ada", role="admin", created_at=datetime.now(UTC)))
        await accounts.set_password("ada", hashed("a long pass phrase"))
        for look in ("desk-en-light", "phone-zh-dark"):
            language, dark, width, height = LOOKS[look]
            await page.speak(language)
            await page.look(width=width, height=height, dark=dark)
            await page.open(service.url + "/login?next=%2Ffunnel%3Fby%3Dagent")
            (pictures / f"login-{look}.png").write_bytes(await page.screenshot())
            assert await page.js(TOO_WIDE) <= 0
            await page.js(AXE + "; 0")
            assert "\n".join(await page.js(SERIOUS)) == ""
        await page.js(
            "document.querySelector('[name=login]').value = 'ada';"
            "document.querySelector('[name=password]').value = 'a long pass phrase';"
            "document.querySelector('main form').submit()"
        )
        await page.until("location.pathname + location.search === '/funnel?by=agent'")
        assert page.complaints == []
