"""The same caller leaves the same rows on every phone: terminal, browser, simulated PBX and real Asterisk.

A call script has one word for each time that the caller is asked: the keys that are pressed, with a ``.`` for silence
until the wait ends, or ``hangs-up``.
"""

import asyncio
import io
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from callflows.loader import load_flow
from callflows.sounds import spoken
from ivr.app import Service, running
from ivr.demo.behaviour import Behaviour
from ivr.demo.callers import team
from ivr.demo.choices import SURVEY_CONTEXT, free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.simulator import SimulatedPbx
from ivr.settings import Settings, build_settings
from ivr.trial.terminal import TerminalPhone, TypedKeys
from ivr.trial.trial import PretendedCall, TrialDesk, TrialStore
from ivr.web.try_link import try_link
from storage.engine import Database
from storage.recorder import Recorder
from storage.tables import Answer, Survey
from storage.verify import verify
from tests.asterisk.service import Beside
from tests.asterisk.test_surveys import talk
from tests.databases import database_settings
from tests.trial.browser_fixtures import browser, found_chromium
from tests.trial.chromium import Browser
from tests.waiting import until

__all__ = ["browser", "found_chromium"]

FLOWS = Path(__file__).parent.parent / "flows"
FLOW = "quick-rounds"
TOKEN = "a token of these tests"
HANGS_UP = "hangs-up"
ASKS = ("two-questions-satisfaction-ask", "two-questions-recommend-ask")
QUESTIONS = ("How satisfied are you, from 1 to 5?", "How likely are you to recommend us, from 0 to 10?")
LIMIT = 30.0

Rows = tuple[str, list[str]]


@dataclass(frozen=True)
class Script:
    """What a caller does, and what is then in the database."""

    text: str
    outcome: str
    answers: tuple[str, ...]
    """Question, keys, value, tries, and how it ended."""

    @property
    def turns(self) -> list[str]:
        """What the caller does each time."""
        return self.text.split()


SCRIPTS = (
    Script("5 10", "completed", ("satisfaction 5 5 1 answered", "recommend 10 10 1 answered")),
    Script("9 4 7#", "completed", ("satisfaction 4 4 2 answered", "recommend 7 7 1 answered")),
    Script(". .", "no_input", ("satisfaction - - 2 no_input",)),
    Script("3 hangs-up", "partial", ("satisfaction 3 3 1 answered", "recommend - - 1 hung_up")),
    Script("hangs-up", "hung_up", ("satisfaction - - 1 hung_up",)),
    Script("# 99 8.", "partial", ("satisfaction # - 1 skipped", "recommend 8 8 2 answered")),
    Script("0 9 *. 10", "partial", ("satisfaction 9 - 2 no_match", "recommend 10 10 1 answered")),
)


@pytest.fixture(params=SCRIPTS, ids=lambda script: script.text)
def script(request: pytest.FixtureRequest) -> Script:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def url(tmp_path: Path, migrated_file: Path) -> str:
    path = tmp_path / "postcall.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    """The folder of an admin's own flows, with their sounds."""
    folder = tmp_path / "flows"
    folder.mkdir()
    shutil.copy(FLOWS / f"{FLOW}.yaml", folder)
    shutil.copytree(FLOWS / "sounds", folder / "sounds")
    return folder


def settings(url: str, flows: Path, **given: Any) -> Settings:
    ami = given.pop("ami", {"port": free_port(), "username": "survey", "secret": "a secret of these tests"})
    return build_settings(
        {
            "database": database_settings(url),
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": given.pop("agi_port", 0)},
            "flows": {"folder": str(flows), **given},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {"main": {"zone": "Asia/Taipei", "flow": FLOW, "ami": ami}},
        },
        source="test",
    )


async def rows(database: Database) -> Rows | None:
    """How the one survey ended, and its answers; None while it is under way."""

    async def work(connection: Any) -> tuple[Any, list[Any]]:
        survey = (await connection.execute(select(Survey.__table__))).one_or_none()
        return survey, list((await connection.execute(select(Answer.__table__).order_by(Answer.answered_at))).all())

    survey, answers = await database.read(work)
    if survey is None or survey.ended_at is None:
        return None
    assert await verify(database) == []
    return survey.status, [
        f"{row.question} {row.keys or '-'} {'-' if row.value is None else row.value} {row.tries} {row.ended}"
        for row in answers
    ]


async def is_trial(database: Database) -> bool:
    return bool(await database.read(lambda connection: connection.scalar(select(Survey.trial))))


def as_expected(script: Script) -> Rows:
    return script.outcome, list(script.answers)


@asynccontextmanager
async def without_a_pbx(url: str, flows: Path) -> AsyncIterator[Service]:
    """The service while its PBX cannot be reached."""
    async with running(settings(url, flows)) as service:
        yield service


async def test_at_the_terminal(script: Script, url: str, flows: Path) -> None:
    version = load_flow(flows / f"{FLOW}.yaml")
    typed = script.text.replace(HANGS_UP, "").replace(" ", "").replace(".", "\n")
    reading, writing = os.pipe()
    os.write(writing, typed.encode())
    os.close(writing)
    async with without_a_pbx(url, flows) as service, TypedKeys(reading) as keys:
        store = TrialStore(recorder=Recorder(service.database), site="main")
        await TrialDesk(store=store, now=lambda: datetime.now(UTC)).conduct(
            version, TerminalPhone(keys, spoken(version.flow), io.StringIO().write), language="en", call=PretendedCall()
        )
        assert await rows(service.database) == as_expected(script)
        assert await is_trial(service.database)
    os.close(reading)


async def test_in_the_browser(script: Script, url: str, flows: Path, browser: Browser) -> None:
    async with without_a_pbx(url, flows) as service, browser.page() as page:
        await page.open(service.url + try_link(TOKEN, FLOW, datetime.now(UTC) + timedelta(hours=1)))
        await page.click("#call")
        for times, turn in enumerate(script.turns, start=1):
            await page.until(
                f"[...document.querySelectorAll('.prompt')].filter(line => {list(QUESTIONS)!r}"
                f".includes(line.textContent)).length === {times}"
            )
            if turn == HANGS_UP:
                await page.click("#hang-up")
            else:
                for key in turn.replace(".", ""):
                    await page.press(key)
        await page.until("!document.querySelector('#result').hidden")
        assert await rows(service.database) == as_expected(script)
        assert await is_trial(service.database)
        assert page.complaints == []


THINKS, STAYS = 0.5, 0.5


async def test_on_the_simulated_pbx(script: Script, url: str, flows: Path) -> None:
    turns = [turn.replace(".", "") for turn in script.turns if turn != HANGS_UP]
    leaves = THINKS * len(turns) + STAYS if HANGS_UP in script.turns else None
    caller = Behaviour(keys=tuple(turns), think_seconds=THINKS, talk_seconds=0.5, hangs_up_in_survey_after=leaves)
    queues, members = team()
    agi_port = free_port()
    dialplan = {SURVEY_CONTEXT: f"agi://127.0.0.1:{agi_port}/survey"}
    async with SimulatedPbx(
        queues=queues, members=members, dialplan=dialplan, prompt_seconds=lambda _: 0.1, seed=1
    ) as pbx:
        ami = {"port": pbx.port, "username": pbx.user, "secret": pbx.secret}
        async with running(settings(url, flows, ami=ami, agi_port=agi_port)) as service:
            pbx.place_call("support", "0912000000", "Anna", caller)
            assert await until(lambda: rows(service.database), LIMIT) == as_expected(script)
            assert not await is_trial(service.database)


async def test_on_the_real_asterisk(
    script: Script, url: str, flows: Path, asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone
) -> None:
    prefix = "four-phones"
    place = asterisk_server.base / "data/sounds" / prefix
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(flows / "sounds", place)
    secret = asterisk_server.users["survey"].secret
    ami = {"port": asterisk_server.ami_port, "username": "survey", "secret": secret}
    since = len(asterisk_server.log.read_text(errors="replace"))

    async def asked(times: int) -> bool:
        said = await asyncio.to_thread(asterisk_server.log.read_text, errors="replace")
        lines = [line for line in said[since:].splitlines() if f"Playing '{prefix}/en/" in line]
        return sum(any(ask in line for ask in ASKS) for line in lines) >= times

    async with running(settings(url, flows, ami=ami, prompt_prefix=prefix)) as service:
        await asterisk_server.send_surveys_to(f"agi://127.0.0.1:{service.agi_port}/survey?site=main")
        here, there = await talk(Beside(service), caller, alice, number="0912000501")
        await there.hang_up()
        for times, turn in enumerate(script.turns, start=1):
            await until(lambda times=times: asked(times), LIMIT)  # type: ignore[misc]
            if turn == HANGS_UP:
                await here.hang_up()
            else:
                await here.press(turn.replace(".", ""))
        await here.wait_ended(LIMIT)
        assert await until(lambda: rows(service.database), LIMIT) == as_expected(script)
        assert not await is_trial(service.database)
