"""A simulated PBX that also places calls, as Asterisk 22.10 was measured to: `Originate` with ``Async: true``."""

import asyncio
from typing import Literal
from urllib.parse import unquote

from ivr.demo.agi_client import run_agi
from ivr.demo.agi_commands import AgiCommands
from ivr.demo.ami_actions import Action, AmiActions, error, response
from ivr.demo.behaviour import Behaviour
from ivr.demo.channels import UP, Fields
from ivr.demo.events import Event
from ivr.demo.listener import Listener
from ivr.demo.simulator import SimulatedPbx

Outcome = Literal["refused", "no_answer", "taken"]


class CallingOut(SimulatedPbx):
    """Has `outcomes` for the calls that it is to place, one after the other; nobody answers any more after the last.

    `dialled` has what was called, and about which call. Whoever takes a call presses `keys`.
    """

    outcomes: list[Outcome]
    keys: tuple[str, ...] = ("1", "5")

    async def start(self) -> None:
        self.dialled: list[tuple[str, str]] = []
        self.placing: set[asyncio.Task[None]] = set()
        self.port = await self.ami.start(self.port, _Actions(self))

    async def stop(self) -> None:
        if self.placing:
            await asyncio.wait(self.placing, timeout=5)
        await super().stop()

    def originate(self, action: Action) -> list[Fields]:
        """The first answer; the outcome follows as an event."""
        name, _, about = action.get("variable", "").partition("=")
        self.dialled.append((action.get("channel", ""), unquote(about)))
        outcome = self.outcomes.pop(0) if self.outcomes else "no_answer"
        if outcome == "refused":
            return [error(action, "Permission denied")]
        task = asyncio.get_running_loop().create_task(self._place(action, {name: about}, outcome))
        self.placing.add(task)
        task.add_done_callback(self.placing.discard)
        return [response(action, "Success", ("Message", "Originate successfully queued"))]

    async def _place(self, action: Action, variables: dict[str, str], outcome: Outcome) -> None:
        taken = outcome == "taken"
        await asyncio.sleep(0)  # after the first answer
        self.switch.emit(
            Event(
                name="OriginateResponse",
                privilege="call",
                fields=(
                    ("ActionID", action.get("actionid", "")),
                    ("Response", "Success" if taken else "Failure"),
                    ("Channel", action.get("channel", "")),
                    ("Reason", "4" if taken else "3"),
                ),
            )
        )
        if not taken:
            return
        context = action.get("context", "")
        number = action.get("channel", "").rpartition("/")[2]
        channel = self.switch.caller_channel("PJSIP/out", number=number, name="", exten="s")
        channel.state, channel.variables = UP, variables
        behaviour = Behaviour()
        listener = Listener(channel, behaviour, keys=self.keys, clock=self.clock, emit=lambda _: None)
        commands = AgiCommands(channel, listener, clock=self.clock, prompt_seconds=self.switch.prompt_seconds)
        try:
            await run_agi(self.dialplan[context], channel, listener, commands, dialled="", dialogue=[])
        finally:
            listener.leave()
            self.switch.board.close(channel)


class _Actions(AmiActions):
    def __init__(self, pbx: CallingOut) -> None:
        super().__init__(pbx.switch)
        self._pbx = pbx

    def answer(self, action: Action) -> list[Fields]:
        if action.get("action", "").lower() == "originate":
            return self._pbx.originate(action)
        return super().answer(action)
