"""Plays a scenario table on a real Asterisk: SIP telephones do what its rows say, one after the other.

Seconds are left out: a row happens as soon as the one before it has been seen, in the service or on the line. A
telephone is switched on by the row in which it rings, so that the queue has the choice that the table means.
"""

import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from ivr.app import running
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from storage.engine import Database
from storage.tables import Base, Leg
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import TOKEN, Beside, settings_for
from tests.scenarios.simulated import site_settings
from tests.scenarios.table import Row, Scenario
from tests.waiting import until

SOUND_SECONDS = 0.4
BEHIND_LOCAL = "1003"
QUEUES = {"8002": "billing"}
_NUMBERS = count(912_000_300)


def dialplan(agi_port: int) -> str:
    """Queues whose agents may transfer by keys, agents who can be reached, and the wrap-up after a call."""
    return f"""
[from-caller]
exten => support,1,GoSub(arrive,s,1)
 same => n,Queue(support,t)
 same => n,Hangup()
exten => support-c,1,GoSub(arrive,s,1)
 same => n,Queue(support,ct)
 same => n,Goto(postcall-survey,s,1)
exten => billing,1,GoSub(arrive,s,1)
 same => n,Queue(billing,t)
 same => n,Hangup()
exten => _1XXX,1,Dial(PJSIP/${{EXTEN}},20)
 same => n,Hangup()
exten => wrap-up,1,Set(REASON=${{URIDECODE(${{PJSIP_HEADER(read,X-Call-Reason)}})}})
 same => n,AGI(agi://127.0.0.1:{agi_port}/wrapup?site=main&reason=${{REASON}})
 same => n,UserEvent(WrappedUp,Outcome: ${{POSTCALL_WRAPUP}})
 same => n,Hangup()
[agents]
exten => {BEHIND_LOCAL},1,Dial(PJSIP/{BEHIND_LOCAL},20)
"""


def short_sounds(library: Path, folder: Path) -> Path:
    """The same sounds by the same names, cut short: what is played is not what is tested here."""
    for path in library.rglob("*.wav"):
        short = folder / path.relative_to(library)
        short.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path)) as whole, wave.open(str(short), "wb") as cut:
            cut.setparams(whole.getparams())
            # The first words, not the silence before them.
            whole.setpos(min(whole.getnframes() // 4, whole.getframerate() // 4))
            cut.writeframes(whole.readframes(int(SOUND_SECONDS * whole.getframerate())))
    return folder


class Floor:
    """The telephones of one scenario, and the service."""

    def __init__(
        self, server: AsteriskServer, scenario: Scenario, postcall: Beside, watcher: RawAmi, stack: AsyncExitStack
    ) -> None:
        self._server, self.scenario, self._postcall = server, scenario, postcall
        self._watcher, self._stack = watcher, stack
        self._phones: dict[str, SipPhone] = {}
        self._talks: dict[str, Call] = {}
        self._consults: dict[str, Call] = {}
        self._rings: dict[str, Call] = {}
        self._number = f"0{next(_NUMBERS)}"
        self._line: Call | None = None
        self._pressed = 0
        self.linkedid = ""

    @property
    def database(self) -> Database:
        """The service's own."""
        return self._postcall.database

    async def rows(self, table: type[Base], **wanted: Any) -> list[Any]:
        """The rows of a table with these values."""
        return await self._postcall.rows(table, **wanted)

    async def settled(self) -> None:
        """Wait until the service has taken in, and written, all that Asterisk has told it so far."""
        await self._postcall.service.links["main"].action("Ping")
        await self._postcall.service.facts.all_written()

    async def play(self) -> None:
        """Let everything happen, until the caller's call is over."""
        for row in self.scenario.rows:
            if row.who == "program":
                await self._says(row.what.removeprefix("says "))
            elif row.who == "caller":
                await self._caller(row)
            else:
                await self._agent(row.who, row.what)
        assert self._line
        await self._line.wait_ended(60)
        await self.settled()

    async def _caller(self, row: Row) -> None:
        match row.what.partition(" "):
            case ("enters", _, queue):
                await self._enters(queue)
            case ("presses", _, key):
                assert self._line
                if self._pressed:
                    await self._line.heard.silence(0.05)
                await self._line.heard.sound()
                await self._line.press(key)
                self._pressed += 1
            case _:
                assert self._line
                if row.what == "hangs up in the survey":
                    await self._line.heard.sound()
                await self._line.hang_up()

    async def _enters(self, queue: str) -> None:
        if self._line is None:
            phone = await self._stack.enter_async_context(SipPhone("caller", sip_port=self._server.sip_port))
            by_dialplan = self.scenario.settings.get("trigger") == ["dialplan"]
            variables = dict(one.split(" ", 1) for one in self.scenario.settings.get("variable", []))
            reason = quote(variables.get("POSTCALL_REASON", ""))
            self._line = await phone.dial(
                f"{queue}-c" if by_dialplan else queue, number=self._number, headers={"X-Call-Reason": reason}
            )
            await self._line.wait_answered()
        joined = await self._watcher.event("QueueCallerJoin", CallerIDNum=self._number, Queue=queue)
        self.linkedid = joined["Linkedid"]

    async def _agent(self, number: str, what: str) -> None:
        verb, _, rest = what.partition(" ")
        match what:
            case "rings":
                await self._switch_on(number)
                self._rings[number] = await self._phones[number].incoming()
            case "does not answer":
                # Declined, and switched off: the queue would ring the same telephone again.
                await self._rings.pop(number).hang_up()
                await self._switch_off(number)
            case "answers":
                await self._answers(number)
            case "hangs up":
                await self._talks.pop(number).hang_up()
            case "hands over":
                await self._hands_over(number, self._talks.pop(number).refer_to(self._consults.pop(number)))
            case "hands over by feature code":
                await self._hands_over(number, self._talks.pop(number).hang_up())
            case "ends the consultation":
                await self._consults.pop(number).hang_up()
            case _ if verb == "transfers":
                target = QUEUES.get(rest.removeprefix("to "), rest.removeprefix("to "))
                if target.isdigit():
                    await self._switch_on(target)
                await self._talks.pop(number).refer(target)
                if not target.isdigit():
                    # The second queue has the same agents, and would ring this one.
                    await self._switch_off(number)
            case _ if rest.endswith(" by feature code"):
                await self._consults_by_feature_code(number, rest.removesuffix(" by feature code"))
            case _ if verb == "consults":
                await self._switch_on(rest)
                self._consults[number] = await self._phones[number].dial(rest)
            case _ if what.startswith("dials the wrap-up "):
                await self._dials_wrap_up(number, what.removeprefix("dials the wrap-up "))
            case _:
                raise AssertionError(f"{number} {what}")

    async def _answers(self, number: str) -> None:
        ringing = self._rings.pop(number, None) or await self._phones[number].incoming()
        consulting = [agent for agent, call in self._consults.items() if number in call.caller]
        legs, armed = len(await self.rows(Leg)), self._postcall.service.links["main"].state.armed
        await ringing.answer()
        self._talks[number] = ringing
        if consulting:
            await self._consults[consulting[0]].wait_answered()
            return
        await self._leg_beyond(legs)
        if legs == 0 and self.scenario.settings.get("trigger") != ["dialplan"]:
            await self._postcall.armed(armed + 1)

    async def _leg_beyond(self, legs: int) -> None:
        async def told() -> bool:
            await self._postcall.service.facts.all_written()
            return len(await self.rows(Leg)) > legs

        await until(told)

    async def _hands_over(self, number: str, going: Any) -> None:
        legs = len(await self.rows(Leg))
        await going
        await self._leg_beyond(legs)

    async def _consults_by_feature_code(self, number: str, colleague: str) -> None:
        await self._switch_on(colleague)
        here = self._talks[number]
        await here.press("*2")
        await here.heard.sound()
        await here.press(colleague)
        there = await self._phones[colleague].incoming()
        await there.answer()
        self._talks[colleague] = there
        # Both hear nothing that would tell it, but Asterisk says when the two are together.
        await self._watcher.event("DialEnd", DestCallerIDNum=colleague, DialStatus="ANSWER")

    async def _dials_wrap_up(self, number: str, reason: str) -> None:
        await self.settled()
        call = await self._phones[number].dial("wrap-up", headers={"X-Call-Reason": quote(reason)})
        done = await self._watcher.event("UserEvent", UserEvent="WrappedUp")
        assert done["Outcome"] == "ok", done
        await call.wait_ended()

    async def _says(self, reason: str) -> None:
        await self.settled()
        url = f"{self._postcall.service.url}/api/v1/calls/{self.linkedid}/reason"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client,
            client.put(url, json={"reason": reason}) as response,
        ):
            assert response.status == 200, await response.text()

    async def _switch_on(self, number: str) -> None:
        if number not in self._phones:
            phone = SipPhone(number, sip_port=self._server.sip_port)
            self._phones[number] = await self._stack.enter_async_context(phone)
            await phone.register()

    async def _switch_off(self, number: str) -> None:
        await self._phones.pop(number).__aexit__(None, None, None)


@asynccontextmanager
async def floor(
    server: AsteriskServer, scenario: Scenario, url: str, agi_port: int, folder: Path
) -> AsyncIterator[Floor]:
    """The service beside a running `server`, and nobody's telephone switched on yet."""
    settings = settings_for(server, url, agi_port=agi_port, zone="UTC", **site_settings(scenario, folder, time.time()))
    everything: AmiUser = server.users["everything"]
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running(settings))
        await server.send_surveys_to(f"agi://127.0.0.1:{agi_port}/survey?site=main")
        watcher = await stack.enter_async_context(RawAmi(server.ami_port, everything))
        if any(row.who == BEHIND_LOCAL for row in scenario.rows):
            member = {"Queue": "support", "Interface": f"Local/{BEHIND_LOCAL}@agents/n"}
            await watcher.act("QueuePause", Queue="support", Interface=f"PJSIP/{BEHIND_LOCAL}", Paused="true")
            await watcher.act("QueueAdd", **member, MemberName="Chen")
            stack.push_async_callback(watcher.act, "QueueRemove", **member)
        yield Floor(server, scenario, Beside(service), watcher, stack)
