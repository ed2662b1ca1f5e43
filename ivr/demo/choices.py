"""The PBXs that the demonstration can run beside."""

import random
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.demo.callers import team, traffic
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.demo.pbx.download import asterisk_root
from ivr.demo.pbx.people import people
from ivr.demo.simulator import SimulatedPbx

SPEED = 20.0
"""How many seconds of the simulated PBX pass in one."""
CALLS_PER_MINUTE = 5.0
"""Of the simulated PBX's time; about what its seven agents can take."""
SURVEY_CONTEXT = "postcall-survey"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPbx:
    """A PBX that runs, and the people who will call it."""

    about: str
    """What it is, for a person."""
    ami_port: int
    ami_user: str
    ami_secret: str = field(repr=False)
    agi_port: int
    """Where it will look for the service."""
    traffic: Callable[[], Coroutine[Any, Any, None]]
    """Lets people call until it is cancelled."""


@asynccontextmanager
async def simulated_pbx() -> AsyncIterator[DemoPbx]:
    """A PBX that lives in this process."""
    queues, members = team()
    agi_port = free_port()
    dialplan = {SURVEY_CONTEXT: f"agi://127.0.0.1:{agi_port}/survey"}
    async with SimulatedPbx(queues=queues, members=members, speed=SPEED, dialplan=dialplan) as pbx:
        yield DemoPbx(
            about=f"a simulated PBX, {SPEED:g} times as fast as time",
            ami_port=pbx.port,
            ami_user=pbx.user,
            ami_secret=pbx.secret,
            agi_port=agi_port,
            traffic=lambda: traffic(pbx, CALLS_PER_MINUTE),
        )


@asynccontextmanager
async def real_pbx(prompts: Path) -> AsyncIterator[DemoPbx]:
    """A real Asterisk, which plays `prompts`. Raises `PbxError` when it cannot be had on this machine."""
    agi_port = free_port()
    user = AmiUser(name="postcall", read="agent,call", write="call")
    survey_url = f"agi://127.0.0.1:{agi_port}/survey"
    root = await asterisk_root()
    async with AsteriskServer(root, users=[user], survey_url=survey_url, prompts=prompts) as pbx:
        yield DemoPbx(
            about=f"a real {pbx.version}",
            ami_port=pbx.ami_port,
            ami_user=user.name,
            ami_secret=user.secret,
            agi_port=agi_port,
            traffic=lambda: people(pbx.sip_port, random.Random()),
        )


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
