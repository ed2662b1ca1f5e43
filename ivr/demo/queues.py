"""The queues of the simulated PBX: who waits, which agent is free, and the figures that Asterisk keeps of them."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ivr.demo.channels import Channel, Fields

DeviceState = Literal[1, 2, 6]
"""Not in use, in use, ringing: as `include/asterisk/devicestate.h` numbers them."""


@dataclass(slots=True, kw_only=True)
class Member:
    """An agent with a phone, who may serve several queues."""

    interface: str
    """Such as ``PJSIP/1001``."""
    name: str
    queues: tuple[str, ...]
    state: DeviceState = 1
    calls_taken: int = 0
    last_call: int = 0
    """When the last call ended, in seconds since 1970; 0 before the first."""
    login_time: int = 0
    reserved: bool = False
    """True from the moment that a caller was given to this agent until that call is over."""

    @property
    def number(self) -> str:
        """The phone's own number, such as ``1001``, which ``Local/1001@agents/n`` dials, too."""
        return self.interface.partition("/")[2].partition("@")[0]

    def standing(self) -> Fields:
        """The headers that QueueMemberStatus and QueueMember share."""
        return [
            ("StateInterface", self.interface),
            ("Membership", "static"),
            ("Penalty", "0"),
            ("CallsTaken", str(self.calls_taken)),
            ("LastCall", str(self.last_call)),
            ("LastPause", "0"),
            ("LoginTime", str(self.login_time)),
            ("InCall", "1" if self.state == 2 else "0"),
            ("Status", str(self.state)),
            ("Paused", "0"),
            ("PausedReason", ""),
        ]


@dataclass(slots=True, kw_only=True)
class Waiting:
    """A caller in a queue."""

    channel: Channel
    joined: float
    """PBX time."""
    original_position: int


@dataclass(slots=True, kw_only=True)
class Queue:
    """One queue and its figures."""

    name: str
    exten: str
    continue_to: str = ""
    """The context that a caller goes to when the agent hangs up, as with ``Queue(…,c)``; empty for a plain queue,
    after which the caller is hung up."""
    callers: list[Waiting] = field(default_factory=list)
    completed: int = 0
    abandoned: int = 0
    hold_average: int = 0
    talk_average: int = 0

    def join(self, channel: Channel, now: float) -> Waiting:
        place = Waiting(channel=channel, joined=now, original_position=len(self.callers) + 1)
        self.callers.append(place)
        return place

    def position(self, place: Waiting) -> int:
        """1 for the caller who is next."""
        return self.callers.index(place) + 1

    def note_hold(self, seconds: int) -> None:
        """Average the hold time as app_queue does: the first call counts whole, each later one a quarter."""
        first = not self.completed and not self.abandoned
        self.hold_average = seconds if first else (self.hold_average * 3 + seconds) >> 2

    def note_talk(self, seconds: int) -> None:
        self.completed += 1
        self.talk_average = seconds if self.completed == 1 else (self.talk_average * 3 + seconds) >> 2

    def variables(self) -> dict[str, str]:
        """What `setqueuevar=yes` sets on the caller's channel."""
        return {
            "QUEUENAME": self.name,
            "QUEUEMAX": "0",
            "QUEUESTRATEGY": "linear",
            "QUEUECALLS": str(len(self.callers)),
            "QUEUEHOLDTIME": str(self.hold_average),
            "QUEUETALKTIME": str(self.talk_average),
            "QUEUECOMPLETED": str(self.completed),
            "QUEUEABANDONED": str(self.abandoned),
        }


class Floor:
    """Gives free agents to waiting callers: the longest-waiting caller first, among free agents at random."""

    def __init__(self, members: Sequence[Member], rng: random.Random) -> None:
        self.members = tuple(members)
        self._rng = rng
        self._wanted: list[tuple[str, asyncio.Future[Member]]] = []

    async def member_for(self, queue: str, *, within: float) -> Member | None:
        """A free agent of `queue`, taken for the caller; None when there was none `within` wall-clock seconds."""
        if free := self._free(queue):
            return self._take(free)
        wish: asyncio.Future[Member] = asyncio.get_running_loop().create_future()
        entry = (queue, wish)
        self._wanted.append(entry)
        try:
            async with asyncio.timeout(within):
                return await wish
        except TimeoutError:
            return None if wish.cancelled() else wish.result()
        except asyncio.CancelledError:
            # The call was ended in the very moment that an agent became free: others may have that agent.
            if not wish.cancelled():
                self.release(wish.result())
            raise
        finally:
            if entry in self._wanted:
                self._wanted.remove(entry)

    def colleague_of(self, member: Member) -> Member | None:
        """Another free agent, taken to hand a caller over to; None when all are busy."""
        others = [other for other in self.members if not other.reserved and other is not member]
        return self._take(others) if others else None

    def release(self, member: Member) -> None:
        """Let an agent go, to the caller who has waited longest in one of the agent's queues."""
        member.reserved = False
        for entry in self._wanted:
            queue, wish = entry
            if queue in member.queues and not wish.done():
                self._wanted.remove(entry)
                wish.set_result(self._take([member]))
                return

    def _free(self, queue: str) -> list[Member]:
        return [member for member in self.members if queue in member.queues and not member.reserved]

    def _take(self, free: list[Member]) -> Member:
        member = self._rng.choice(free)
        member.reserved = True
        return member
