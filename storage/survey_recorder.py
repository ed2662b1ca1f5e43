"""Writes the life of a survey: each step with its counts in one transaction, each at most once."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, case, select

from storage.counts import Counts, with_counts
from storage.engine import Database
from storage.locked_survey import is_answered, lock
from storage.records import NEVER_PUBLISHED, AnswerRecord, FlowVersionRecord, Outcome, SurveyOffer
from storage.survey_steps import Admit, add_answer, end_survey, note_survey, offer_survey, start_survey
from storage.tables import FlowVersion, Survey
from storage.transaction import Transaction
from storage.upsert import Columns, insert_new, upsert


class SurveyRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails.

    A method that is given a survey raises `LookupError` when that was never offered.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, version: FlowVersionRecord) -> None:
        """Keep a flow version for ever. One that was published before becomes the flow's newest again."""

        async def work(connection: Transaction) -> None:
            await upsert(
                connection,
                FlowVersion,
                _newest,
                digest=version.digest,
                flow=version.flow,
                title=version.title,
                source=version.source,
                published_at=version.published_at,
            )

        await self._database.write(work)

    async def keep_draft(self, version: FlowVersionRecord) -> None:
        """Keep a flow version that is only tried. It does not become the flow's newest, unless it is that already."""

        async def work(connection: Transaction) -> None:
            await insert_new(
                connection,
                FlowVersion,
                digest=version.digest,
                flow=version.flow,
                title=version.title,
                source=version.source,
                published_at=NEVER_PUBLISHED,
            )

        await self._database.write(work)

    async def offer(self, offer: SurveyOffer, admit: Admit | None = None) -> bool:
        """Begin a survey. False when this one, or another of the same call, exists already: do not ask again.

        False, too, when `admit` says no, which is asked in the same transaction while the call is locked.

        An exclusion of the call is taken back, so that no call counts as both asked and excluded. A reason of the call
        from a more trusted source goes before the offer's. Raises `LookupError` when the site is not known.
        """
        return await self._database.write(with_counts(partial(offer_survey, offer=offer, admit=admit)))

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        """The caller has heard the first prompt. False, and nothing changed, when it was started or ended before."""
        return await self._database.write(with_counts(partial(start_survey, site=site, survey=survey, at=at)))

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        """Keep an answer and count it. False, and nothing changed, when the question has an answer already.

        Also starts a survey whose start was missed, and takes an answer that comes after the survey's end.
        """
        return await self._database.write(with_counts(partial(add_answer, site=site, survey=survey, answer=answer)))

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        """Keep the language that the caller chose, or the code that the caller is given; None leaves as it is."""
        await self._database.write(
            partial(note_survey, site=site, survey=survey, language=language, incentive=incentive)
        )

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        """End a survey. False, and nothing changed, when it had ended by then.

        One that was ended as of later, as `close_interrupted` does, has ended so after all.
        """
        return await self._database.write(
            with_counts(partial(end_survey, site=site, survey=survey, outcome=outcome, at=at))
        )

    async def close_interrupted(
        self, site: str, *, offered_before: datetime, at: datetime, spare: Callable[[str], bool] = lambda _survey: False
    ) -> int:
        """End the surveys that a crash left open, and return how many: `partial` with an answer, else `failed`.

        `offered_before` lies further back than any survey lasts: another replica may be conducting the younger ones.
        `spare` says of which survey more is known than the database has.
        """
        is_open = and_(Survey.site_id == site, Survey.ended_at.is_(None), Survey.offered_at < offered_before)

        async def find(connection: Transaction) -> list[str]:
            return list((await connection.scalars(select(Survey.survey).where(is_open))).all())

        async def close(survey: str, connection: Transaction, counts: Counts) -> bool:
            await lock(connection, site, survey)
            outcome: Outcome = "partial" if await is_answered(connection, site, survey) else "failed"
            return await end_survey(connection, counts, site, survey, outcome, at)

        closed = 0
        for survey in await self._database.read(find):
            if spare(survey):
                continue
            closed += await self._database.write(with_counts(partial(close, survey)))
        return closed


def _newest(new: Columns, old: Columns) -> Mapping[str, ColumnElement[Any]]:
    later = case((new["published_at"] > old["published_at"], new["published_at"]), else_=old["published_at"])
    return {"published_at": later}
