"""Plays a scenario on a real Asterisk with SIP telephones, thirty times as fast as the table says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from ivr.errors import PbxError
from storage.engine import Database
from storage.tables import Base, Leg, Survey
from storage.tables import Call as CallRow
from tests.asterisk.service import TOKEN, Beside
from tests.scenarios.program import say
from tests.scenarios.table import Row, Scenario
from tests.waiting import until

FASTER = 30
"""Seconds of a table in one of ours."""
QUEUES = {"ami": {"support": "7300", "billing": "7301"}, "dialplan": {"support": "7302"}}
"""What a caller dials, by trigger."""
AGENTS = ("1001", "1002", "1003", "1004")
CUSTOMER = "1004"
"""The telephone of a customer who is dialled."""
WRAP_UP = "*71"
"""What an agent dials after a call whose reason was tech/router."""


class Played:
    """The telephones of one scenario, and the service that hears of their calls."""

    def __init__(self, scenario: Scenario, beside: Beside, phones: dict[str, SipPhone]) -> None:
        self._scenario = scenario
        self._beside = beside
        self._phones = phones
        self._armed_by_us = scenario.settings.get("trigger", ["ami"]) == ["ami"]
        self._callers: dict[str, Call] = {}
        self._numbers: dict[str, str] = {}
        self._ringing: dict[str, Call] = {}
        self._agents: dict[str, Call] = {}
        """The agents' ends of the calls, by who it is in the table."""
        self._consultations: dict[str, Call] = {}
        self._talks = 0

    @property
    def database(self) -> Database:
        return self._beside.database

    async def rows(self, table: type[Base], **wanted: Any) -> list[Any]:
        return await self._beside.rows(table, **wanted)

    async def settled(self) -> None:
        """Wait until the service has taken in, and written, all that Asterisk has told it so far."""
        await self._beside.service.links["main"].action("Ping")
        await self._beside.service.facts.all_written()

    async def linkedids(self) -> list[str]:
        """The calls, in the order in which they began."""
        await self.settled()
        calls = await self.rows(CallRow)
        return [call.linkedid for call in sorted(calls, key=lambda call: float(call.linkedid))]

    async def play(self) -> None:
        """Let everything happen, one row after another, until all calls are over."""
        before = 0.0
        for number, row in enumerate(self._scenario.rows):
            # Talks last as long as the table says, only faster: their length is a part of what is tested.
            await asyncio.sleep((row.at - before) / FASTER)
            before = row.at
            if row.who == "program":
                await self._program(row.what)
            elif row.who.startswith("caller"):
                await self._caller(row, last=all(later.who != row.who for later in self._scenario.rows[number + 1 :]))
            else:
                await self._agent(row)
        for call in self._callers.values():
            assert await call.wait_ended(60)
        await self.settled()

    async def _program(self, what: str) -> None:
        (linkedid, *_) = await self.linkedids()
        api = self._beside.service.url
        await say(api, TOKEN, what, site="main", linkedid=linkedid, number=self._numbers["caller"])

    async def _caller(self, row: Row, *, last: bool) -> None:
        match row.what.split(" "):
            case ["enters", queue] if row.who not in self._callers:
                await self._dial(row.who, QUEUES["ami" if self._armed_by_us else "dialplan"][queue])
            case ["enters", _]:
                pass  # An agent's transfer leads there.
            case ["dials", "1001"]:
                await self._dial(row.who, "7100")
            case ["answers"]:
                self._callers[row.who] = await self._answer(CUSTOMER)
                await self._talking(self._agents["1001"])
            case ["hangs", "up"]:
                await self._callers[row.who].hang_up()
            case ["hangs", "up", "in", "the", "survey"]:
                await self._hears_the_survey(row.who)
                await self._callers[row.who].hang_up()
            case ["presses", key]:
                await self._hears_the_survey(row.who)
                await self._callers[row.who].press(key)
                if last:
                    assert await self._callers[row.who].wait_ended(20) == "there"
                else:
                    await self._callers[row.who].heard.silence(0.05)
            case _:
                raise AssertionError(row)

    async def _dial(self, who: str, extension: str) -> None:
        self._numbers[who] = f"091200{len(self._callers):04}"
        reason = dict(one.split(" ", 1) for one in self._scenario.settings.get("variable", []))
        headers = {"X-Call-Reason": reason["POSTCALL_REASON"]} if reason else None
        self._callers[who] = await self._phones["caller"].dial(extension, number=self._numbers[who], headers=headers)

    async def _hears_the_survey(self, who: str) -> None:
        # Other sounds come before, such as those of a transfer.
        linkedid = (await self.linkedids())[list(self._callers).index(who)]
        await until(lambda: self.rows(Survey, linkedid=linkedid))
        await self._callers[who].heard.sound()

    async def _agent(self, row: Row) -> None:
        agent, number = row.who, row.who.partition("/")[0]
        phone = self._phones[number]
        match row.what.split(" "):
            case ["rings"]:
                self._ringing[agent] = await phone.incoming()
            case ["does", "not", "answer"]:
                await self._rings_in_vain(self._ringing.pop(agent))
            case ["answers"]:
                consulted = any(self._consultations)
                self._agents[agent] = await self._answer(agent)
                if not consulted:
                    await self._talking(self._callers["caller 2" if "/" in agent else "caller"])
            case ["hangs", "up"]:
                await self._agents.pop(agent).hang_up()
            case ["transfers", "to", "8002"]:
                await self._agents.pop(agent).refer(QUEUES["ami"]["billing"])
            case ["transfers", "to", other]:
                await self._agents.pop(agent).refer(other)
            case ["consults", other]:
                self._consultations[agent] = await phone.dial(other)
                self._ringing[other] = await self._phones[other].incoming()
            case ["hands", "over"]:
                await self._agents.pop(agent).hand_over(self._consultations.pop(agent))
                await self._talking(self._callers["caller"])
            case ["ends", "the", "consultation"]:
                await self._consultations.pop(agent).hang_up()
            case ["consults", other, "by", "feature", "code"]:
                await self._agents[agent].press("*2")
                await self._agents[agent].heard.sound()
                await self._agents[agent].press(other)
                self._ringing[other] = await self._phones[other].incoming()
                self._agents[other] = await self._answer(other)
            case ["hands", "over", "by", "feature", "code"]:
                await self._agents.pop(agent).hang_up()
                await self._talking(self._callers["caller"])
            case ["dials", "the", "caller"]:
                self._agents[agent] = await phone.dial(f"9{CUSTOMER}")
                self._ringing[CUSTOMER] = await self._phones[CUSTOMER].incoming()
            case ["dials", "the", "wrap-up", "tech/router"]:
                await self.settled()
                assert await (await phone.dial(WRAP_UP)).wait_ended() == "there"
            case _:
                raise AssertionError(row)

    async def _answer(self, agent: str) -> Call:
        """A telephone that rings is taken."""
        call = self._ringing.pop(agent)
        await call.answer()
        return call

    async def _rings_in_vain(self, call: Call) -> None:
        """Until the queue gives up; where the dialplan would let it ring much longer, the telephone declines."""
        try:
            await call.wait_ended(4)
        except PbxError:
            await call.hang_up()

    async def _talking(self, here: Call) -> None:
        """Wait until the service knows that one more agent talks with the caller, whom it will send into the survey.

        An agent who hangs up within the milliseconds before that was no agent.
        """
        await here.wait_answered()
        self._talks += 1
        if self._armed_by_us:
            await self._beside.armed(self._talks)

        async def known() -> bool:
            return len(await self.rows(Leg)) >= self._talks

        await until(known)


@asynccontextmanager
async def playing(scenario: Scenario, beside: Beside, sip_port: int) -> AsyncIterator[Played]:
    """The telephones of a scenario, switched on: those of its agents, or of the customer whom one of them dials."""
    named = {row.who.partition("/")[0] for row in scenario.rows}
    named |= {word for row in scenario.rows for word in row.what.split(" ")}
    if any(row.what == "dials the caller" for row in scenario.rows):
        named.add(CUSTOMER)
    agents = [number for number in AGENTS if number in named]
    async with AsyncExitStack() as stack:
        phones = {
            user: await stack.enter_async_context(SipPhone(user, sip_port=sip_port)) for user in ("caller", *agents)
        }
        for number in agents:
            await phones[number].register()
        yield Played(scenario, beside, phones)
