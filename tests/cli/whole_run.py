"""A service beside a PBX on which everything happens that is logged, with texts that want to be believed."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from unittest.mock import patch

import aiohttp
import pytest
from sqlalchemy import select

from ivr.app import Service, running
from ivr.calls import CallEvent, CallStarted
from ivr.demo.behaviour import Behaviour
from ivr.demo.call import SimulatedCall
from ivr.demo.choices import free_port
from ivr.demo.queues import Member, Queue
from ivr.settings import build_settings
from ivr.surveys.privacy import Caller, CallerKey
from ivr.surveys.tracker import CallTracker
from storage.tables import Base, Callback, LinkGap
from tests.agi.agi_client import header
from tests.demo.calling_out import CallingOut
from tests.waiting import until

SITE = "north"
TOKEN = "tok-1f2e3d4c5b6a79881f2e3d4c5b6a7988"
AMI_SECRET = "ami-secret-5d41402abc4b2a76b971"
CALLER_KEY = "caller-key-7d793037a0760186574b"
PASSWORD = "Passw0rt-von-Ada-und-niemand-sonst"
HOSTILE = "\x1b[31m\n2026-11-27T01:00:00.000000Z [info     ] forged                         site='elsewhere'"
NAME = "Mallory\x1b[2J\x9b31m Vance\u202e"
POISON = "0999888777"
"""The number of a caller over whom the program stumbles, wherever it looks at it."""
FAILS = "0912000888"
"""The number of a caller whose answers the database does not take."""


class WholeRun:
    """What happens, one thing after the other."""

    def __init__(self, service: Service, pbx: CallingOut, agi_port: int, database: Path) -> None:
        self.service, self.pbx = service, pbx
        self.numbers: list[str] = []
        self.linkedids: set[str] = set()
        self._agi_port, self._database = agi_port, database

    async def callers(self) -> None:
        """Surveys to their end and not, transfers, a queue that is left, and talks that the caller ends."""
        await self._call(Behaviour(keys=("5",)), variables={"POSTCALL_REASON": HOSTILE})
        await self._call(Behaviour(), number="+1 (202) 555-0143")
        await self._call(Behaviour(keys=("4",), ends="blind_transfer"))
        await self._call(Behaviour(keys=("4",), ends="attended_transfer"))
        await self._call(Behaviour(hangs_up_in_survey_after=8.0, think_seconds=60))
        await self._call(Behaviour(patience_seconds=0.1, ring_seconds=5))
        await self._call(Behaviour(keys=("5",)), number=f"0912{HOSTILE}000777")

    async def callbacks(self) -> None:
        """Callers who leave their agents are called back: not placed, not answered, taken."""
        for outcome in ("refused", "no_answer", "taken"):
            self.pbx.outcomes.append(outcome)
            before = len(self.pbx.dialled)
            call = await self._call(Behaviour(ends="caller"))

            async def dialled(before: int = before) -> bool:
                return len(self.pbx.dialled) > before

            await until(dialled)
            assert self.pbx.dialled[-1][1] == call.uniqueid

        async def answered() -> bool:
            return any(row.state == "answered" for row in await self._rows(Callback))

        await until(answered)
        await asyncio.gather(*self.pbx.placing)

    async def database_errors(self, log: Callable[[], str]) -> None:
        """The database takes neither an answer nor a call; the second shows in the `log` alone."""

        async def waits() -> bool:
            return "call facts wait for the database" in log()

        with self._failing("answer"):
            await self._call(Behaviour(keys=("5",)), number=FAILS)
        with self._failing("call"):
            await self._call(Behaviour(patience_seconds=0.1, ring_seconds=5), written=False)
            await until(waits)
        await self.service.facts.all_written()

    async def prompts(self) -> None:
        """The PBX has lost its sounds."""
        with patch.object(self.pbx.switch, "prompt_seconds", lambda _: None):
            await self._call(Behaviour(keys=("5",)))
            await self._call(Behaviour(keys=("5",)))

    async def stumbles(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Faults of the program itself, each with the number or name of the caller in the text of its error."""
        caller, handle = CallerKey.caller, CallTracker.handle

        def poisoned(key: CallerKey, number: str) -> Caller:
            if number == POISON:
                raise ValueError(f"no number: {number!r}")
            return caller(key, number)

        def handled(tracker: CallTracker, event: CallEvent) -> None:
            handle(tracker, event)
            if isinstance(event, CallStarted) and event.caller_number == POISON:
                raise KeyError((event.caller_number, event.caller_name))

        monkeypatch.setattr(CallerKey, "caller", poisoned)
        monkeypatch.setattr(CallTracker, "handle", handled)
        await self._call(Behaviour(keys=("5",)), number=POISON)
        async with aiohttp.ClientSession(self.service.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            answer = await client.put("/api/v1/callers/opt-out", json={"number": POISON})
            assert answer.status == 500

    async def strange_dialplans(self) -> None:
        """What the dialplan may ask for, though no dialplan of ours does."""
        hostile, context = "%1b%5b31m%0aforged", "postcall-survey"
        usual = self.pbx.dialplan[context]
        self.pbx.dialplan[context] = f"{usual}?flow={hostile}"
        await self._call(Behaviour(keys=("5",)))
        self.pbx.dialplan[context] = usual
        await self._agi("survey", "1795.1")
        await self._agi("survey", "1795.6", b"HANGUP\n")
        await self._agi(f"survey?site={hostile}", "1795.2")
        await self._agi(f"surwey{hostile}", "1795.3")
        await self._agi(f"wrapup?reason=%2B{self.numbers[0]}", "1795.4")
        await self._agi("wrapup?reason=billing", "1795.5")

    async def doors(self) -> None:
        """Passwords and tokens that are wrong, and a right one in a request that is none."""
        async with aiohttp.ClientSession(self.service.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            form = await (await client.get("/login")).text()
            csrf = form.partition('name="csrf" value="')[2].partition('"')[0]
            for login in (HOSTILE, "ada", PASSWORD):
                fields = {"login": login, "password": PASSWORD, "csrf": csrf, "next": "/"}
                assert (await client.post("/login", data=fields)).status == 403
            wrong = {"Authorization": f"Bearer {PASSWORD}"}
            assert (await client.get("/api/v1/agents/scores", headers=wrong)).status == 401
        port = int(self.service.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\x01\r\n\r\n".encode())
        assert b" 400 " in await reader.readline()
        writer.close()

    async def link(self) -> None:
        """The AMI link is lost, and back."""
        gaps = len(await self._rows(LinkGap))
        self.pbx.ami.drop_clients()

        async def reconciled() -> bool:
            return len(await self._rows(LinkGap)) > gaps

        await until(reconciled)

    async def _call(
        self,
        behaviour: Behaviour,
        *,
        number: str = "",
        variables: dict[str, str] | None = None,
        written: bool = True,
    ) -> SimulatedCall:
        number = number or f"0912345{len(self.numbers):03}"
        self.numbers.append(number)
        call = self.pbx.place_call("support", number, NAME, behaviour, variables=variables)
        self.linkedids.add(call.uniqueid)
        async with asyncio.timeout(20):
            await call.wait()
            if written:
                await self.service.links[SITE].action("Ping")
                await self.service.facts.all_written()
        return call

    async def _agi(self, script: str, uniqueid: str, then: bytes = b"") -> None:
        """A channel that the dialplan brings, and whose PBX goes away at once."""
        self.linkedids.add(uniqueid)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._agi_port)
        writer.write(header(script, uniqueid, NAME.encode()) + then)
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()

    async def _rows(self, table: type[Base]) -> list[object]:
        async def work(connection: object) -> list[object]:
            return list((await connection.execute(select(table.__table__))).all())  # type: ignore[attr-defined]

        return await self.service.database.read(work)

    @contextmanager
    def _failing(self, table: str) -> Iterator[None]:
        other = sqlite3.connect(self._database, isolation_level=None)
        # What is missing may come back; what a constraint refuses is not tried again.
        other.execute(f"CREATE TRIGGER fails BEFORE INSERT ON {table} BEGIN SELECT 1 FROM what_is_missing; END")
        try:
            yield
        finally:
            other.execute("DROP TRIGGER fails")
            other.close()


@asynccontextmanager
async def whole_run(database: Path) -> AsyncIterator[WholeRun]:
    """The service, on an SQLite file with the newest schema, and the PBX."""
    agi_port = free_port()
    pbx = CallingOut(
        queues=[Queue(name="support", exten="8001", continue_to="postcall-survey")],
        members=[Member(interface=f"PJSIP/100{n}", name=f"Agent {n}", queues=("support",)) for n in (1, 2, 3)],
        secret=AMI_SECRET,
        speed=50,
        seed=1,
        events=None,
        dialplan={"postcall-survey": f"agi://127.0.0.1:{agi_port}/survey"},
    )
    pbx.outcomes = []
    async with pbx:
        settings = build_settings(
            {
                "database": {"url": f"sqlite:///{database}"},
                "web": {"port": 0, "token": TOKEN},
                "fastagi": {"port": agi_port},
                "privacy": {"caller_key": CALLER_KEY},
                "sites": {
                    SITE: {
                        "trigger": "dialplan",
                        "ami": {"port": pbx.port, "username": pbx.user, "secret": pbx.secret},
                        "callback": {
                            "enabled": True,
                            "channel": "PJSIP/out/{number}",
                            "delay_minutes": 0,
                            "hours": ["mon-sun 00:00-24:00"],
                        },
                    }
                },
            },
            source="test",
        )
        async with running(settings) as service:
            yield WholeRun(service, pbx, agi_port, database)
