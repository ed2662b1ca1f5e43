"""Calls back the callers who could not be asked at the end of their call. Everything that must outlast the service is
in the database: who is due, how often was tried, and the number until the last try."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ivr.calls import Call
from ivr.errors import DatabaseError, PbxError, PbxRefused
from ivr.surveys.callback_plan import CallbackPlan
from ivr.surveys.privacy import CallerKey
from ivr.surveys.sealed_numbers import NumberSeal
from storage.callback_records import CallbackEnd, CallbackLimits, CallbackRecord
from storage.outage import Outage
from storage.recorder import Recorder

log = structlog.get_logger()

TICK_SECONDS = 1.0
NOT_PLACED_PAUSE = timedelta(minutes=1)
"""After the PBX did not place a call, which is for an admin to mend."""

Refuses = Callable[[str, str], Awaitable[bool]]
"""Whether the caller with a digest never wants to be asked, at a site: `(site, caller_digest)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSite:
    """How one site calls back."""

    plan: CallbackPlan
    place: Callable[[str, str], Awaitable[str]]
    """Dial a number about the call with a linkedid: `taken`, `no_answer`, `busy` or `failed`. Raises `PbxRefused` when
    no telephone rang, and `PbxError` when the outcome is not known."""
    is_here: Callable[[], bool]
    """Whether it is this replica of the service that calls back."""
    is_ready: Callable[[], bool]
    """Whether calls can be placed right now."""


class Callbacks:
    """Takes in whom to call back, and calls them while `run` runs. `now` tells the time, with its zone."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        callers: CallerKey,
        seal: NumberSeal,
        sites: Mapping[str, CallbackSite],
        refuses: Refuses,
        now: Callable[[], datetime],
    ) -> None:
        self._recorder = recorder
        self._callers = callers
        self._seal = seal
        self._sites = sites
        self._refuses = refuses
        self._now = now
        self._trying: set[asyncio.Task[None]] = set()
        self.ended: Counter[tuple[str, CallbackEnd]] = Counter()
        """How many tries ended how, by site."""
        self._away = Outage("nobody is called back: the database does not answer", "callers are called back again")

    async def not_asked(self, call: Call, exclusion: str) -> None:
        """A call is over without a survey: have the caller called back, if that is wanted. May be told twice."""
        site = self._sites.get(call.site)
        leg = call.last_leg
        if site is None or call.ended_at is None or leg is None or exclusion not in site.plan.exclusions:
            return
        number, due_at = site.plan.number(call.caller_number), site.plan.first(call.ended_at)
        if number is None or due_at is None:
            return
        digest = self._callers.caller(call.caller_number).digest
        if await self._refuses(call.site, digest):
            return
        await self._recorder.add_callback(
            CallbackRecord(
                site=call.site,
                linkedid=call.linkedid,
                sealed_number=self._seal.seal(number),
                caller_digest=digest,
                agent=leg.agent.interface,
                queue=leg.queue or call.queue,
                due_at=due_at,
                expires_at=site.plan.expires_at(call.ended_at),
            )
        )

    async def run(self) -> None:
        """Call whoever is due, until cancelled; tries under way are then left to the PBX, and found again later."""
        try:
            while True:
                for code in [code for code, site in self._sites.items() if site.is_here()]:
                    try:
                        await self.step(code)
                    except DatabaseError as error:
                        self._away.failed(str(error))
                    except Exception:
                        log.exception("call-backs failed", site=code)
                    else:
                        self._away.worked()
                await asyncio.sleep(TICK_SECONDS)
        finally:
            for task in self._trying:
                task.cancel()
            await asyncio.gather(*self._trying, return_exceptions=True)

    async def step(self, code: str) -> None:
        """Give up lost tries, and begin those that are due and within the limits."""
        site = self._sites[code]
        plan, now = site.plan, self._now()
        for lost in await self._recorder.lost_callbacks(code, called_before=now - plan.longest):
            await self.failed(lost, "lost")
        limits = CallbackLimits(at_once=plan.at_once, per_minute=plan.per_minute)
        while plan.is_open(self._now()) and site.is_ready():
            due = await self._recorder.claim_callback(code, self._now(), limits)
            if due is None:
                return
            task = asyncio.create_task(self._try(site, due), name="call-back")
            self._trying.add(task)
            task.add_done_callback(self._trying.discard)

    async def failed(self, callback: CallbackRecord, why: CallbackEnd) -> None:
        """A try reached nobody: there is another one, or it was the last."""
        plan, now = self._sites[callback.site].plan, self._now()
        again_at = plan.next(now, callback.tries, callback.expires_at)
        await self._recorder.callback_failed(
            callback.site, callback.linkedid, tries=callback.tries, why=why, again_at=again_at, at=now
        )
        self.ended[callback.site, why] += 1
        log.info(
            "a call-back reached nobody",
            site=callback.site,
            linkedid=callback.linkedid,
            why=why,
            again_at=again_at.isoformat() if again_at else None,
        )

    async def withdrawn(self, callback: CallbackRecord, why: CallbackEnd) -> None:
        """The caller is not to be called any more."""
        is_new = await self._recorder.withdraw_callback(callback.site, callback.linkedid, why, self._now())
        self.ended[callback.site, why] += is_new

    async def answered(self, callback: CallbackRecord) -> bool:
        """Somebody pressed a key, and is asked; False when that was so before."""
        is_new = await self._recorder.callback_answered(callback.site, callback.linkedid, self._now())
        self.ended[callback.site, "answered"] += is_new
        return is_new

    async def _try(self, site: CallbackSite, due: CallbackRecord) -> None:
        told = log.bind(site=due.site, linkedid=due.linkedid)
        number = self._seal.open(due.sealed_number)
        try:
            if await self._refuses(due.site, due.caller_digest):
                await self.withdrawn(due, "opted_out")
            elif number is None:
                told.warning("a call-back is given up: its number was sealed under another key")
                await self.withdrawn(due, "unreadable")
            else:
                await self._place(site, due, number)
        except DatabaseError as error:
            # Found again as a lost try.
            told.error("how a call-back ended is not stored", why=str(error))
        except Exception:
            told.exception("a call-back failed")

    async def _place(self, site: CallbackSite, due: CallbackRecord, number: str) -> None:
        told = log.bind(site=due.site, linkedid=due.linkedid)
        told.info("a caller is called back", tries=due.tries)
        try:
            placed = await site.place(number, due.linkedid)
        except PbxRefused as error:
            told.error("a call-back is not placed", why=str(error))
            await self._recorder.callback_not_placed(
                due.site, due.linkedid, tries=due.tries, again_at=self._now() + NOT_PLACED_PAUSE
            )
        except PbxError as error:
            told.warning("how a call-back began is not known", why=str(error))
        else:
            match placed:
                case "no_answer" | "busy" | "failed":
                    await self.failed(due, placed)
                case _:
                    pass  # taken: who is there shows in the greeting, which ends the try
