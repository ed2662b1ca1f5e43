"""What the scenarios are made of."""

from datetime import UTC, date, datetime, timedelta
from importlib.resources import as_file, files
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, select

from storage.engine import Database
from storage.records import AnswerRecord, FlowVersionRecord, SiteRecord, SurveyOffer
from storage.tables import Base

SITE = "main"
MADRID = SiteRecord(site=SITE, name="Head office", zone="Europe/Madrid")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
ANA = "PJSIP/1001"
BOB = "PJSIP/1002"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def version(digest: str = "aa", **changes: Any) -> FlowVersionRecord:
    given = {"digest": digest, "flow": "csat", "title": "Satisfaction", "source": "flow: csat", "published_at": NOON}
    return FlowVersionRecord(**{**given, **changes})


def offer(survey: str = "1.1", **changes: Any) -> SurveyOffer:
    given = {
        "site": SITE,
        "survey": survey,
        "linkedid": survey,
        "flow": "csat",
        "flow_version": "aa",
        "offered_at": NOON,
        "language": "en",
        "agent": ANA,
        "queue": "support",
        "reason": "billing/refund",
    }
    return SurveyOffer(**{**given, **changes})


def rated(value: int = 5, *, question: str = "rating", is_rating: bool = True) -> AnswerRecord:
    return AnswerRecord(
        question=question,
        is_rating=is_rating,
        keys=str(value),
        value=value,
        tries=1,
        ended="answered",
        answered_at=at(10),
    )


def silent(question: str = "rating") -> AnswerRecord:
    return AnswerRecord(
        question=question, is_rating=True, keys="", value=None, tries=3, ended="no_input", answered_at=at(10)
    )


async def rows(database: Database, table: type[Base]) -> list[dict[str, Any]]:
    """All rows of a table, in the order of its key."""

    async def work(connection: Any) -> list[dict[str, Any]]:
        found = await connection.execute(select(table.__table__).order_by(*table.__table__.primary_key))
        return [dict(row._mapping) for row in found]

    return await database.read(work)


def take_back(connection: Connection, revision: str) -> None:
    """Take the migrations after `revision` back."""
    with as_file(files("migrations")) as folder:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(folder))
        command.downgrade(config, revision)
