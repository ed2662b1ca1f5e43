"""A small PBX that runs in the process: it speaks AMI and FastAGI over loopback, and its callers come when told."""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Self

from ivr.demo.ami_actions import AmiActions
from ivr.demo.ami_server import AmiServer
from ivr.demo.behaviour import Behaviour
from ivr.demo.call import SimulatedCall
from ivr.demo.clock import Clock
from ivr.demo.events import SURVEY_EVENTS
from ivr.demo.queues import Floor, Member, Queue
from ivr.demo.scenes import play
from ivr.demo.stage import Stage
from ivr.demo.switch import Dialplan, Switch

PROMPT_SECONDS = 2.0
"""How long a sound lasts unless the caller of the constructor knows better."""


class SimulatedPbx:
    """An Asterisk stand-in. Use it as an async context manager, or `start` and `stop` it.

    `queues` and `members` are its own from then on. `speed` is how many seconds of its time pass in one second;
    time stamps stay those of the wall clock; `clock` takes the place of both. `events` names the AMI events that
    clients get, None for all that it has. An empty `secret` makes one up. `prompt_seconds` gives a sound's length, or
    None for a sound that is not there. `write_timeout` is in wall-clock seconds. Every choice comes from one random
    generator with `seed`.
    """

    def __init__(
        self,
        *,
        queues: Sequence[Queue],
        members: Sequence[Member],
        user: str = "postcall",
        secret: str = "",
        port: int = 0,
        speed: float = 1.0,
        seed: int | None = None,
        events: Collection[str] | None = SURVEY_EVENTS,
        dialplan: Dialplan | None = None,
        prompt_seconds: Callable[[str], float | None] = lambda _: PROMPT_SECONDS,
        write_timeout: float = 0.1,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock(speed)
        self.rng = random.Random(seed)
        self.port = port
        """The AMI port; a free one once started, when 0 was given."""
        self.dialplan: dict[str, str | Sequence[str]] = dict(dialplan or {})
        """What each context runs; may be changed while running."""
        self.calls: set[SimulatedCall] = set()
        """The calls under way."""
        self.ami = AmiServer(
            user=user,
            secret=secret,
            events=events,
            timestamp=self.clock.timestamp,
            write_timeout=write_timeout,
        )
        self.switch = Switch(
            clock=self.clock,
            rng=self.rng,
            queues={queue.name: queue for queue in queues},
            floor=Floor(members, self.rng),
            emit=self.ami.send,
            dialplan=self.dialplan,
            prompt_seconds=prompt_seconds,
        )

    @property
    def user(self) -> str:
        """The AMI user."""
        return self.ami.user

    @property
    def secret(self) -> str:
        """The AMI user's secret."""
        return self.ami.secret

    async def start(self) -> None:
        """Open the AMI port. Raises OSError when it is taken."""
        self.port = await self.ami.start(self.port, AmiActions(self.switch))
        for member in self.switch.floor.members:
            member.login_time = int(self.clock.timestamp())

    async def stop(self) -> None:
        """Cut off every call and client, and close the port."""
        tasks = [call.task for call in self.calls if call.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.ami.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def place_call(
        self,
        queue: str,
        number: str,
        name: str = "",
        behaviour: Behaviour | None = None,
        *,
        reason: str = "",
        variables: Mapping[str, str] | None = None,
        trunk: str = "PJSIP/trunk",
    ) -> SimulatedCall:
        """Let somebody call a queue; returns at once. `reason` becomes the channel variable ``POSTCALL_REASON``.

        Raises KeyError when there is no such queue.
        """
        exten = self.switch.queues[queue].exten
        channel = self.switch.caller_channel(trunk, number=number, name=name, exten=exten)
        channel.variables = {"POSTCALL_REASON": reason} if reason else {}
        channel.variables |= variables or {}
        call = SimulatedCall(channel=channel, queue=queue, dialled=exten, behaviour=behaviour or Behaviour())
        call.task = asyncio.get_running_loop().create_task(play(Stage(self.switch, call)), name=f"call {call.uniqueid}")
        self.calls.add(call)
        call.task.add_done_callback(lambda _: self.calls.discard(call))
        return call
