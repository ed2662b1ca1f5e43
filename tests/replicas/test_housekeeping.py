"""What is ended that was broken off, and what is not."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from ivr.parts.housekeeping import LONGEST_SURVEY_SECONDS, Housekeeping
from ivr.parts.jobs import HOUSEKEEPING, Jobs
from storage.engine import open_database
from storage.journal import open_journal
from storage.journal_entries import Answered, Finished, written
from storage.journaled import JournaledSurveys
from storage.recorder import Recorder
from storage.tables import Survey
from storage.verify import verify
from tests.storage.samples import MADRID, NOON, SITE, at, offer, rated, version


async def test_a_survey_whose_end_waits_in_the_journal_is_left_to_the_journal(url: str, tmp_path: Path) -> None:
    journal = await open_journal(tmp_path / "journal.db")
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(MADRID)
        await recorder.publish(version())
        for survey in ("1.1", "1.2"):
            await recorder.offer(offer(survey))
            await recorder.start(SITE, survey, at(1))
        for happened in (Answered(answer=rated(4)), Finished(outcome="completed", at=at(20))):
            await journal.append(SITE, "1.1", written(happened))
        house = Housekeeping(
            database=database,
            sites=[SITE],
            keep_months=None,
            jobs=Jobs([HOUSEKEEPING], is_alone=True),
            now=lambda: NOON + timedelta(seconds=LONGEST_SURVEY_SECONDS + 1),
            journal=journal,
        )

        async def ends() -> dict[str, str]:
            rows = await database.read(lambda connection: connection.execute(select(Survey.survey, Survey.status)))
            return {row.survey: row.status for row in rows}

        await house.step()
        assert await ends() == {"1.1": "started", "1.2": "failed"}
        surveys = JournaledSurveys(recorder=recorder, database=database, journal=journal)
        assert await surveys.bring_over()
        await house.step()
        assert await ends() == {"1.1": "completed", "1.2": "failed"}
        assert await verify(database) == []
    await journal.close()
