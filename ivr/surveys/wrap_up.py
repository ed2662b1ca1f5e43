"""What an agent says, with a few keys after a call, of why the caller had called."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

import structlog

from ivr.calls import AgentRef
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.request import reason_code
from storage import queries
from storage.engine import Database
from storage.recorder import Recorder

log = structlog.get_logger()

Noted = Literal["ok", "no_call", "wrong_reason"]
"""What became of it: kept, no call of that agent, or no reason code."""

LAST_CALL = timedelta(hours=12)
"""A call that began before that is no longer the one that an agent wraps up."""
CLOCKS_APART = timedelta(minutes=1)
"""By so much the PBX's clock may be ahead of ours."""


class WrapUps:
    """Keeps the reasons that agents give for their last call. `now` tells the time, with its zone."""

    def __init__(
        self, *, recorder: Recorder, database: Database, agents: AgentDirectory, now: Callable[[], datetime]
    ) -> None:
        self._recorder = recorder
        self._database = database
        self._agents = agents
        self._now = now

    async def note(self, site: str, device: AgentRef, reason: str) -> Noted:
        """Note why the caller of the last call of whoever sits at `device` had called; hostile text in `reason` is no
        reason. The agent may still be talking. Raises `DatabaseError`."""
        code = reason_code(reason)
        if not code:
            log.warning("a wrap-up gives no reason code", site=site, agent=device.interface, length=len(reason))
            return "wrong_reason"
        now = self._now()
        agent = self._agents.identify(site, device, now)
        # What seems to be yet to come is older than the last call: the clock was put back since.
        span = (now - LAST_CALL, now + CLOCKS_APART)
        linkedid = await queries.last_call_of(self._database, site, agent, *span) if agent else None
        if linkedid is None:
            log.warning("a wrap-up of an agent without a call", site=site, agent=agent or device.interface)
            return "no_call"
        await self._recorder.set_reason(site, linkedid, code, "wrap_up")
        log.info("a call is wrapped up", site=site, linkedid=linkedid, agent=agent, reason=code)
        return "ok"
