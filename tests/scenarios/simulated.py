"""Plays a scenario on the simulated PBX, with the whole service beside it."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ivr.app import Service, running
from ivr.demo.agi_client import run_agi
from ivr.demo.agi_commands import AgiCommands
from ivr.demo.ami_actions import AmiActions
from ivr.demo.behaviour import Behaviour
from ivr.demo.channels import UP, Channel
from ivr.demo.choices import free_port
from ivr.demo.listener import Listener
from ivr.demo.scripted import ScriptedCall
from ivr.demo.simulator import SimulatedPbx
from ivr.settings import Settings, build_settings
from storage.engine import Database
from storage.tables import Base, LinkGap, Survey
from tests.databases import database_settings
from tests.scenarios.clock import RowClock
from tests.scenarios.program import say
from tests.scenarios.site import site_settings
from tests.scenarios.switches import in_a_long_survey, pbx_of
from tests.scenarios.table import Row, Scenario
from tests.waiting import until

TOKEN = "a token of these tests"
LEAVES_AFTER = 1500.0
"""When a caller hangs up in the survey, in seconds of the PBX: long enough for the service to have begun it."""
THINKS_LONG = 3000.0
"""How long the caller thinks in whose survey the link is lost, or back: long enough for that to happen."""


class Played:
    """A service, one of its PBXs, and the calls of the scenario that is played there."""

    def __init__(self, site: str, pbx: SimulatedPbx, service: Service, clock: RowClock, scenario: Scenario) -> None:
        self.site = site
        self.pbx = pbx
        self.service = service
        self.calls: dict[str, ScriptedCall] = {}
        self._clock = clock
        self._scenario = scenario
        self._armed_by_us = scenario.settings.get("trigger", ["ami"]) == ["ami"]
        self._link_is_up = True

    @property
    def database(self) -> Database:
        return self.service.database

    async def rows(self, table: type[Base], **wanted: Any) -> list[Any]:
        """The site's rows of a table with these values."""

        async def work(connection: Any) -> list[Any]:
            found = await connection.execute(select(table.__table__).filter_by(site_id=self.site, **wanted))
            return list(found.all())

        return await self.database.read(work)

    async def play(self) -> None:
        """Let everything happen, one row after another, until all of it is stored."""
        await play_together(self)

    async def begin(self) -> None:
        """Wait until the service has looked at the PBX for the first time."""
        await until(lambda: self.rows(LinkGap))

    async def step(self, number: int) -> None:
        """Let the row of that number happen, from 0."""
        row = self._scenario.rows[number]
        self._clock.at = row.at
        await self._happens(row, self._scenario.rows[number + 1 :])

    async def end(self) -> None:
        """Wait until all surveys are over and everything is stored."""
        for call in self.calls.values():
            if call.survey:
                await call.survey
        await self.settled()

    def steps(self) -> list[tuple[float, int]]:
        """The second and the number of each row."""
        return [(row.at, number) for number, row in enumerate(self._scenario.rows)]

    async def settled(self) -> None:
        """Wait until the service has taken in, and written, all that the PBX has told it so far."""
        if self._link_is_up:
            await self.service.links[self.site].action("Ping")
        await self.service.facts.all_written()

    async def _happens(self, row: Row, later: tuple[Row, ...]) -> None:
        if row.who == "link":
            if (call := self.calls.get("caller")) and call.survey and in_a_long_survey(self._scenario):
                await until(lambda: self.rows(Survey))
            await (self._lose_link() if row.what == "is lost" else self._restore_link())
            if in_a_long_survey(self._scenario) and any("presses" in one.what for one in later):
                survey = self.calls["caller"].survey
                assert survey is None or not survey.done(), "the survey was over before the link was back"
        elif row.who == "program":
            await self.settled()
            call = self.calls["caller"]
            number = call.call.channel.caller_number
            await say(self.service.url, TOKEN, row.what, site=self.site, linkedid=call.uniqueid, number=number)
        elif row.who.startswith("caller"):
            await self._caller(row, later)
        else:
            await self._agent(row)

    async def _caller(self, row: Row, later: tuple[Row, ...]) -> None:
        if row.what.startswith("enters "):
            queue = row.what.removeprefix("enters ")
            if row.who not in self.calls:
                self.calls[row.who] = self._new_call(row.who, queue)
            self.calls[row.who].enters(queue)
        elif row.what == "hangs up":
            self.calls[row.who].caller_hangs_up()
        elif row.what == "comes to the survey again":
            await self._comes_again(self.calls[row.who])
        elif not any(one.who == row.who and one.what.startswith("presses") for one in later):
            # What the caller does in the survey was decided before the call: here it ends.
            survey = self.calls[row.who].survey
            assert survey, f"{row}: the caller is in no survey"
            await survey
            await self.settled()

    def _new_call(self, who: str, queue: str) -> ScriptedCall:
        leaves = any(row.who == who and row.what == "hangs up in the survey" for row in self._scenario.rows)
        behaviour = Behaviour(
            keys=self._scenario.presses(who),
            think_seconds=THINKS_LONG if in_a_long_survey(self._scenario) else 2.5,
            hangs_up_in_survey_after=LEAVES_AFTER if leaves else None,
        )
        variables = dict(one.split(" ", 1) for one in self._scenario.settings.get("variable", []))
        number = f"091200{len(self.calls):04}"
        return ScriptedCall(self.pbx.switch, queue, number=number, behaviour=behaviour, variables=variables)

    async def _agent(self, row: Row) -> None:
        number, _, line = row.who.partition("/")
        call = self.calls["caller 2" if line else "caller"]
        verb, _, rest = row.what.partition(" ")
        match row.what:
            case "rings":
                call.rings(number)
            case "does not answer":
                call.does_not_answer(number)
            case "answers":
                call.answers(number)
            case "hangs up":
                if self._armed_by_us and self._link_is_up:
                    # An agent who hangs up within the milliseconds before that was no agent.
                    await until(lambda: _true(call.call.armed))
                call.agent_hangs_up()
            case "hands over":
                call.hands_over()
            case "hands over by feature code":
                call.hands_over_by_feature_code()
            case "ends the consultation":
                call.ends_consultation()
            case _ if verb == "transfers":
                call.transfers_to(rest.removeprefix("to "))
            case _ if rest.endswith(" by feature code"):
                call.consults_by_feature_code(rest.removesuffix(" by feature code"))
            case _ if verb == "consults":
                call.consults(rest)
            case _ if row.what.startswith("dials the wrap-up "):
                await self.settled()
                reason = row.what.removeprefix("dials the wrap-up ")
                await self._wraps_up(call, number, reason)
            case _:
                raise AssertionError(row)

    async def _lose_link(self) -> None:
        for call in self.calls.values():
            if call.talks and self._armed_by_us:
                await until(lambda call=call: _true(call.call.armed))  # type: ignore[misc]
        await self.settled()
        await self.pbx.ami.stop()
        await until(lambda: _true(not self.service.links[self.site].state.connected))
        self._link_is_up = False

    async def _restore_link(self) -> None:
        gaps = len(await self.rows(LinkGap))
        await self.pbx.ami.start(self.pbx.port, AmiActions(self.pbx.switch))
        self._link_is_up = True

        async def reconciled() -> bool:
            return len(await self.rows(LinkGap)) > gaps

        await until(reconciled)
        await self.settled()

    async def _comes_again(self, call: ScriptedCall) -> None:
        """The dialplan brings the caller once more, who hears nothing."""
        dialogue = await self._agi(call.call.channel, "survey")
        assert not [line for line in dialogue if line.startswith(("GET DATA", "STREAM FILE"))], dialogue

    async def _wraps_up(self, call: ScriptedCall, number: str, reason: str) -> None:
        """An agent dials the code of a reason."""
        channel = self.pbx.switch.agent_channel(call.member(number), state=UP)
        dialogue = await self._agi(channel, "wrapup", f"&reason={reason}")
        self.pbx.switch.board.close(channel)
        assert any("POSTCALL_WRAPUP" in line and "ok" in line for line in dialogue), dialogue

    async def _agi(self, channel: Channel, path: str, query: str = "") -> list[str]:
        """Let the dialplan of a channel run a FastAGI script, with nobody who presses keys; returns its commands."""
        url = f"agi://127.0.0.1:{self.service.agi_port}/{path}?site={self.site}{query}"
        clock, dialogue = self._clock, list[tuple[str, str]]()
        listener = Listener(channel, Behaviour(), keys=(), clock=clock, emit=lambda _: None)
        commands = AgiCommands(channel, listener, clock=clock, prompt_seconds=lambda _: 2.0)
        assert await run_agi(url, channel, listener, commands, dialled="", dialogue=dialogue) == "SUCCESS"
        return [line for line, _ in dialogue]


async def _true(is_so: bool) -> bool:
    return is_so


async def play_together(*sites: Played) -> None:
    """Play the scenarios of several sites at once, row by row as they come by their seconds."""
    for site in sites:
        await site.begin()
    rows = [(at, place, number) for place, site in enumerate(sites) for at, number in site.steps()]
    for _, place, number in sorted(rows):
        await sites[place].step(number)
    for site in sites:
        await site.end()


@asynccontextmanager
async def beside(scenario: Scenario, folder: Path, url: str) -> AsyncIterator[Played]:
    """The service beside the PBX of a scenario."""
    async with beside_all({"main": scenario}, folder, url) as (played,):
        yield played


@asynccontextmanager
async def beside_all(scenarios: Mapping[str, Scenario], folder: Path, url: str) -> AsyncIterator[list[Played]]:
    """One service beside several PBXs, each with a scenario of its own, by the site's code.

    They have one clock and count alike: the uniqueids of one are those of the other.
    """
    # The survey is offered by the clock of this machine: the last row that leads to one is now.
    asked_at = max(
        next((row.at for row in reversed(scenario.rows) if row.what == "hangs up"), 0.0)
        for scenario in scenarios.values()
    )
    now = time.time()
    clock = RowClock(now - asked_at)
    agi_port = free_port()
    async with AsyncExitStack() as stack:
        pbxs = {
            code: await stack.enter_async_context(pbx_of(code, scenario, agi_port, clock))
            for code, scenario in scenarios.items()
        }
        sites = {}
        for code, pbx in pbxs.items():
            own = folder / code
            own.mkdir()
            access = {"port": pbx.port, "username": pbx.user, "secret": pbx.secret}
            sites[code] = {**site_settings(scenarios[code], own, now), "ami": access}
        service = await stack.enter_async_context(running(settings_for(sites, url, agi_port)))
        yield [Played(code, pbx, service, clock, scenarios[code]) for code, pbx in pbxs.items()]


def settings_for(sites: Mapping[str, Mapping[str, Any]], url: str, agi_port: int) -> Settings:
    """Settings of a service with these sites."""
    return build_settings(
        {
            "database": database_settings(url),
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": agi_port},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": sites,
        },
        source="test",
    )
