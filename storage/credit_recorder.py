"""Credits surveys elsewhere when more becomes known."""

from collections.abc import Sequence
from functools import partial

from storage.call_counts import counted, recount
from storage.counts import Counts, with_counts
from storage.credit_steps import (
    Decide,
    KeptReason,
    choose_reason,
    is_due_elsewhere,
    recredit_call,
    recredit_survey,
    set_reason,
)
from storage.engine import Database
from storage.locked_call import lock_call
from storage.locked_survey import shares_of
from storage.records import ReasonSource, Share
from storage.tables import CODE
from storage.transaction import Transaction
from storage.types import clip


class CreditRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recredit(
        self,
        site: str,
        survey: str,
        *,
        agent: str | None = None,
        queue: str | None = None,
        reason: str | None = None,
        shares: Sequence[Share] | None = None,
    ) -> bool:
        """Credit a survey elsewhere and move all its counts along; None leaves as it is, ``""`` means not known.

        `shares` are those of several agents, in place of `agent`. False when that is where it stood. Of a trial the
        row alone is changed. Raises `LookupError` when the survey was never offered.
        """
        given = {"queue": queue, "reason": reason}
        codes = {name: clip(code, CODE) for name, code in given.items() if code is not None}
        whose = None if agent is None and not shares else shares_of(shares or (), agent or "")
        return await self._database.write(
            with_counts(partial(recredit_survey, site=site, survey=survey, shares=whose, codes=codes))
        )

    async def recredit_call(self, site: str, linkedid: str, decide: Decide) -> bool:
        """Let `decide` credit the survey of a call again, from all that is stored now. False when there is no survey,
        or it stays where it is; then nothing is locked."""

        async def work(connection: Transaction, counts: Counts) -> bool:
            call = await lock_call(connection, site, linkedid)
            if call is None:
                return False
            before = await counted(connection, call)
            moved = await recredit_call(connection, counts, call, decide)
            await recount(connection, counts, call, before)
            return moved

        # Most calls that become better known stay credited where they are; those cost a read and no lock.
        look = partial(is_due_elsewhere, site=site, linkedid=linkedid, decide=decide)
        return await self._database.read(look) and await self._database.write(with_counts(work))

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        """Keep the reason that the caller chose, of the call and of its survey, unless a more trusted source has given
        one. Of a trial the row alone is changed. Raises `LookupError` when the survey was never offered."""
        await self._database.write(with_counts(partial(choose_reason, site=site, survey=survey, reason=reason)))

    async def set_reason(self, site: str, linkedid: str, reason: str, source: ReasonSource) -> KeptReason:
        """Say why the caller of a call had called, unless a more trusted source has said so already; a survey of the
        call moves along. Returns what the call has now. Raises `LookupError` when the call is not known."""
        return await self._database.write(
            with_counts(partial(set_reason, site=site, linkedid=linkedid, reason=reason, source=source))
        )
