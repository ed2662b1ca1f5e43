"""Surveys go on while the database is away: what it does not take at once waits in a journal, and follows in order.

Whoever looks back at the past (rules) cannot do so without the database; then a caller is asked as if there were none.
That a call is asked once holds all the same: twice at this service never, and an offer that turns out to be a second
one is not counted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import chain
from typing import TypeVar

import structlog
from sqlalchemy import text

from ivr.errors import DatabaseAway, DatabaseError
from storage import journal_entries
from storage.carrying_out import carry_out
from storage.counts import Counts, with_counts
from storage.engine import Database
from storage.journal import Entry, Journal
from storage.journal_entries import Answered, Finished, Happened, Noted, Offered, ReasonChosen, Started
from storage.outage import Outage
from storage.recorder import Recorder
from storage.records import AnswerRecord, Outcome, SurveyOffer
from storage.survey_steps import Admit
from storage.transaction import Transaction

log = structlog.get_logger()

Kept = TypeVar("Kept")

TRY_SECONDS = 0.7
"""How long a caller waits for the database before the journal takes what was said."""
AWAY_SECONDS = 1.0
"""How long nobody waits for a database that was away, and how often it is tried again."""
SLOW_SECONDS = 5.0
MOST_WAITING = 1_000_000
"""Entries, some 300 MB, above which nobody is asked any more; surveys under way are kept to their end."""
AT_ONCE = 400
"""Entries carried out before they are taken out of the journal."""
TOGETHER = 25
"""Surveys whose entries are carried out in one transaction: their counts are written once."""
SIDE_BY_SIDE = 4
"""Such transactions at the same time."""
REFUSALS = 3
"""So often a database that answers may refuse an entry until that is set aside."""


class JournaledSurveys:
    """Keeps surveys as a `Recorder` does, and while its database is away in a journal; `run` brings them over."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        database: Database,
        journal: Journal,
        kept: Callable[[str, str], object] = lambda _site, _linkedid: None,
    ) -> None:
        """`kept` is told the site and linkedid of each survey that the database has after all."""
        self._recorder = recorder
        self._database = database
        self.journal = journal
        self._kept = kept
        self._away_until = 0.0
        self._away = Outage("surveys go into the journal: the database is away", "surveys go into the database again")
        self._stuck = Outage(
            "the journal cannot be brought over: its file does not work", "the journal's file works again"
        )
        self._offered: set[tuple[str, str]] = set()
        """Site and linkedid of calls whose offers went into the journal since it was empty."""
        self._refused: dict[int, int] = {}
        """How often the entries that are refused were tried, by number."""

    async def offer(self, offer: SurveyOffer, admit: Admit | None = None) -> bool:
        """Begin a survey, as `Recorder.offer` does; without the database `admit` is not asked.

        Raises `DatabaseError` when the journal is full, too.
        """
        call = (offer.site, offer.linkedid)
        if call in self._offered:
            return False

        async def direct() -> bool:
            return await self._recorder.offer(offer, admit)

        if not self._is_away:
            try:
                return await self._tried(direct())
            except DatabaseError as error:
                self._away.failed(str(error))
        if self.journal.waiting >= MOST_WAITING:
            raise DatabaseError(f"the journal is full: {self.journal.waiting} entries wait for the database")
        self._offered.add(call)
        try:
            await self._append(offer.site, offer.survey, Offered(offer=offer))
        except asyncio.CancelledError:
            # The journal has it all the same, and nobody is asked any more.
            end = Finished(outcome="failed", at=offer.offered_at)
            self.journal.append_unseen(offer.site, offer.survey, journal_entries.written(end))
            raise
        return True

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """The caller has heard the first prompt."""
        return await self._keep(site, survey, Started(at=at), lambda: self._recorder.start(site, survey, at))

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """The caller has dealt with a question."""
        return await self._keep(
            site, survey, Answered(answer=answer), lambda: self._recorder.record_answer(site, survey, answer)
        )

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        """The caller has said why they called."""
        await self._keep(
            site, survey, ReasonChosen(reason=reason), lambda: self._recorder.choose_reason(site, survey, reason)
        )

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        """The language that is spoken from now on, or the code that the caller was given."""
        await self._keep(
            site,
            survey,
            Noted(language=language, incentive=incentive),
            lambda: self._recorder.note(site, survey, language=language, incentive=incentive),
        )

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """The survey is over."""
        return await self._keep(
            site, survey, Finished(outcome=outcome, at=at), lambda: self._recorder.finish(site, survey, outcome, at)
        )

    async def check(self) -> None:
        """Raise `DatabaseError` when the journal takes no entry, or one has waited for longer than `SLOW_SECONDS`."""
        await self.journal.check()
        oldest = self.journal.oldest_at
        if oldest is not None and self.journal.oldest_seconds > SLOW_SECONDS:
            raise DatabaseError(f"{self.journal.waiting} entries wait for the database since {oldest:%H:%M:%S} UTC")

    async def run(self) -> None:
        """Bring over what waits, until cancelled."""
        while True:
            await self.journal.some.wait()
            try:
                is_through = await self.bring_over()
            except DatabaseError as error:
                self._stuck.failed(str(error))
                is_through = False
            else:
                self._stuck.worked()
            if not is_through:
                await asyncio.sleep(AWAY_SECONDS)

    async def bring_over(self) -> bool:
        """Carry out the oldest entries; False when the database does not take all of them."""
        by_survey: dict[tuple[str, str], list[Entry]] = {}
        for entry in await self.journal.oldest(AT_ONCE):
            by_survey.setdefault((entry.site, entry.survey), []).append(entry)
        surveys = list(by_survey.values())
        together = [surveys[first : first + TOGETHER] for first in range(0, len(surveys), TOGETHER)]
        some = asyncio.Semaphore(SIDE_BY_SIDE)

        async def bring(surveys: Sequence[Sequence[Entry]]) -> bool:
            async with some:
                return await self._carry_out(surveys)

        # All of them are through when one fails: none may be carried out, and taken out, twice at the same time.
        taken = await asyncio.gather(*map(bring, together), return_exceptions=True)
        for result in taken:
            if isinstance(result, BaseException):
                raise result
        if not self.journal.waiting:
            self._offered.clear()
        return all(taken)

    async def _carry_out(self, surveys: Sequence[Sequence[Entry]]) -> bool:
        """Carry out and take out the entries of some surveys, each in order; False when one is not taken."""
        entries = list(chain.from_iterable(surveys))
        try:
            happened = await self._keep_together(entries)
        except DatabaseAway:
            return False
        except Exception:
            # One by one, so that what is refused is found, and the others do not wait for it.
            return all([await self._carry_out_singly(entries) for entries in surveys])
        await self._take_out(entries, happened)
        return True

    async def _carry_out_singly(self, entries: Sequence[Entry]) -> bool:
        for entry in entries:
            try:
                happened = await self._keep_together([entry])
            except Exception as error:
                if not await self._is_hopeless(entry, error):
                    return False
                log.exception("a journal entry is set aside", site=entry.site, survey=entry.survey)
                await self.journal.set_aside(entry, str(error))
            else:
                await self._take_out([entry], happened)
        return True

    async def _keep_together(self, entries: Sequence[Entry]) -> Sequence[Happened]:
        """Have the database keep entries in one transaction; returns what they say."""
        happened = [journal_entries.read(entry.body) for entry in entries]

        async def work(connection: Transaction, counts: Counts) -> None:
            for entry, what in zip(entries, happened, strict=True):
                # An offer may be there because the database was slow and not away; what was answered says so.
                await carry_out(connection, counts, entry.site, entry.survey, what)

        await self._database.write(with_counts(work))
        return happened

    async def _take_out(self, entries: Sequence[Entry], happened: Sequence[Happened]) -> None:
        await self.journal.remove(entries)
        for what in happened:
            if isinstance(what, Offered):
                self._kept(what.offer.site, what.offer.linkedid)

    async def _is_hopeless(self, entry: Entry, error: Exception) -> bool:
        if isinstance(error, DatabaseError):
            try:
                await self._database.read(lambda transaction: transaction.scalar(text("SELECT 1")), seconds=TRY_SECONDS)
            except DatabaseError:
                return False
        self._refused[entry.number] = self._refused.get(entry.number, 0) + 1
        if self._refused[entry.number] < REFUSALS:
            return False
        del self._refused[entry.number]
        return True

    async def _keep(
        self, site: str, survey: str, happened: Happened, direct: Callable[[], Awaitable[bool | None]]
    ) -> bool:
        if not self._is_away and not self.journal.holds(site, survey):
            try:
                return await self._tried(direct()) is not False
            except DatabaseError as error:
                self._away.failed(str(error))
        await self._append(site, survey, happened)
        return True

    async def _tried(self, direct: Awaitable[Kept]) -> Kept:
        try:
            async with asyncio.timeout(TRY_SECONDS):
                result = await direct
        except TimeoutError as error:
            self._away_until = asyncio.get_running_loop().time() + AWAY_SECONDS
            raise DatabaseError(f"no answer within {TRY_SECONDS:g} s") from error
        except DatabaseError:
            self._away_until = asyncio.get_running_loop().time() + AWAY_SECONDS
            raise
        self._away.worked()
        return result

    @property
    def _is_away(self) -> bool:
        return asyncio.get_running_loop().time() < self._away_until

    async def _append(self, site: str, survey: str, happened: Happened) -> None:
        await self.journal.append(site, survey, journal_entries.written(happened))
