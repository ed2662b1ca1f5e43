"""Writes what is known of calls, legs and gaps to the database, behind the calls and never in their way."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import islice

import structlog

from ivr.calls import Call, Gap
from ivr.errors import DatabaseError, DatabaseRefuses
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution, heard_call
from ivr.surveys.legs import leg_record
from ivr.surveys.privacy import CallerKey
from storage.outage import Outage
from storage.recorder import Recorder
from storage.records import AgentRecord, CallRecord, GapRecord, LegRecord

log = structlog.get_logger()

MAX_WAITING = 50_000
"""Calls that may wait while the database is away; past that the oldest is given up, and counted."""
RETRY_SECONDS = 1.0
SIDE_BY_SIDE = 4
"""Calls that are written at the same time."""


class FactWriter:
    """Keeps the newest state of each changed call until it is written; states in between are never written."""

    def __init__(
        self,
        recorder: Recorder,
        callers: CallerKey,
        agents: AgentDirectory,
        attribution: Attribution,
        not_asked: Callable[[Call, str], Awaitable[None]] | None = None,
    ) -> None:
        """`not_asked` is told, perhaps more than once, of each call that ended with an exclusion. What it raises is
        taken for a failure to write the call."""
        self._recorder = recorder
        self._not_asked = not_asked
        self._callers = callers
        self._agents = agents
        self._attribution = attribution
        self._calls: OrderedDict[tuple[str, str], Call] = OrderedDict()
        self._gaps: deque[Gap] = deque(maxlen=1000)
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._away = Outage("call facts wait for the database", "call facts are written again")
        self.given_up = 0
        """Calls that were never written since too many waited."""

    @property
    def waiting(self) -> int:
        """Calls and gaps not yet written."""
        return len(self._calls) + len(self._gaps)

    def call_changed(self, call: Call) -> None:
        """Have `call` written soon."""
        key = (call.site, call.linkedid)
        self._calls[key] = call
        self._calls.move_to_end(key)
        if len(self._calls) > MAX_WAITING:
            self._calls.popitem(last=False)
            self.given_up += 1
        self._wake()

    def gap_found(self, gap: Gap) -> None:
        """Have `gap` written soon."""
        self._gaps.append(gap)
        self._wake()

    async def all_written(self) -> None:
        """Wait until nothing waits."""
        await self._none.wait()

    async def run(self) -> None:
        """Write until cancelled; a database that is away is tried again every `RETRY_SECONDS`."""
        while True:
            await self._some.wait()
            try:
                await self._write_oldest()
            except DatabaseError as error:
                self._away.failed(str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._away.worked()
            if not self.waiting:
                self._some.clear()
                self._none.set()

    def _wake(self) -> None:
        self._none.clear()
        self._some.set()

    async def _write_oldest(self) -> None:
        """Write a gap, or some calls side by side: those may share a commit. Raises `DatabaseError` when the database
        is away; what it refuses is given up, for it must not hold up all others for ever."""
        if self._gaps:
            await self._or_give_up(self._write_gap(self._gaps[0]), site=self._gaps[0].site)
            self._gaps.popleft()
            return
        oldest = list(islice(self._calls.items(), SIDE_BY_SIDE))
        written = await asyncio.gather(*(self._write_call(*item) for item in oldest), return_exceptions=True)
        for result in written:
            if isinstance(result, BaseException):
                raise result

    async def _write_gap(self, gap: Gap) -> None:
        # The clock may be put back in a gap; how long it was is then not known.
        until = max(gap.since, gap.until)
        await self._recorder.record_gap(GapRecord(site=gap.site, since=gap.since, until=until))

    async def _write_call(self, key: tuple[str, str], call: Call) -> None:
        await self._or_give_up(self._write_heard(call), site=call.site, linkedid=call.linkedid)
        if self._calls.get(key) is call:
            del self._calls[key]

    async def _or_give_up(self, write: Awaitable[None], **what: str) -> None:
        try:
            await write
        except Exception as error:
            if isinstance(error, DatabaseError) and not isinstance(error, DatabaseRefuses):
                raise
            self.given_up += 1
            log.exception("a call cannot be written", **what)

    async def _write_heard(self, call: Call) -> None:
        legs: list[LegRecord] = []
        agents: list[AgentRecord] = []
        for leg in call.legs.values():
            at = leg.connected_at or leg.ended_at or datetime.now(UTC)
            agent = self._agents.describe(call.site, leg.agent, at)
            if agent:
                agents.append(agent)
            legs.append(leg_record(call, leg, agent=agent.agent if agent else ""))
        reason = exclusion(call)
        # What was heard may come after the survey, and change whose it is.
        decide = self._attribution.decide if legs else None
        await self._recorder.record_heard(self._call_record(call), legs, agents, reason or "", decide)
        if reason and self._not_asked:
            await self._not_asked(call, reason)

    def _call_record(self, call: Call) -> CallRecord:
        caller = self._callers.caller(call.caller_number)
        # Whose caller it was is known of those who were not asked as well.
        due = self._attribution.decide(heard_call(call, call.ended_at)) if call.ended_at else None
        return CallRecord(
            site=call.site,
            linkedid=call.linkedid,
            uniqueid=call.uniqueid,
            queue=call.queue,
            caller_digest=caller.digest,
            caller_mask=caller.mask,
            started_at=call.started_at,
            ended_at=call.ended_at,
            ended_by=call.ended_by,
            abandoned=call.abandoned,
            agent=due.agent if due else "",
            reason=due.reason if due else "",
            reason_source=due.reason_source if due else "",
        )


def exclusion(call: Call) -> str | None:
    """Why a call that is over was not asked, if it was not; None while it is up.

    `abandoned` the caller left the queue; `no_agent` no agent was reached otherwise; `caller_hung_up` the caller left
    the agent; `not_reached` an agent hung up first, and yet no survey began; `unknown` the end was missed.
    """
    if call.ended_at is None:
        return None
    if call.abandoned:
        return "abandoned"
    if not call.legs:
        return "no_agent"
    match call.ended_by:
        case "caller":
            return "caller_hung_up"
        case "agent" | "transfer":
            return "not_reached"
        case _:
            return "unknown"
