"""All that is kept of one call, for people who ask what happened to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from storage.engine import Database
from storage.records import AnswerRecord, CallRecord, Exclusion, LegRecord
from storage.tables import Answer, Call, Credit, Leg, Survey
from storage.transaction import Transaction
from storage.upsert import table_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyStory:
    """A call's survey and what was answered."""

    survey: str
    flow: str
    flow_version: str
    language: str
    agent: str
    queue: str
    reason: str
    status: str
    offered_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    answers: list[AnswerRecord]
    """In the order in which they were answered."""
    shared_by: frozenset[str]
    """The codes of the agents who share it; empty when it is one agent's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStory:
    """One call."""

    call: CallRecord
    exclusion: Exclusion | None
    """Why it was not asked; None while that is open, and when it was asked."""
    legs: list[LegRecord]
    """In the order in which they connected."""
    survey: SurveyStory | None


async def call_story(database: Database, site: str, linkedid: str) -> CallStory | None:
    """What is kept of a call, as it stood at one moment; None for one that was never heard of."""

    async def work(connection: Transaction) -> CallStory | None:
        found = (await connection.execute(_of(Call, site, linkedid))).one_or_none()
        if found is None:
            return None
        legs = await connection.execute(_of(Leg, site, linkedid).order_by(Leg.connected_at.nulls_first(), Leg.leg))
        survey = (await connection.execute(_of(Survey, site, linkedid))).one_or_none()
        answers = (await connection.execute(_answers(site, survey.survey))).all() if survey else []
        shared_by: frozenset[str] = frozenset()
        if survey and survey.shared:
            shared_by = frozenset(await connection.scalars(_shares(site, survey.survey)))
        return CallStory(
            call=CallRecord(**_named(found, "exclusion", "exclusion_rule", "day", "hour")),
            exclusion=Exclusion(exclusion=found.exclusion, rule=found.exclusion_rule) if found.exclusion else None,
            legs=[LegRecord(**_named(leg)) for leg in legs],
            survey=_survey(
                survey,
                answers=[AnswerRecord(**_named(answer, "site", "survey")) for answer in answers],
                shared_by=shared_by,
            )
            if survey
            else None,
        )

    return await database.read(work)


def _of(entity: type[Call] | type[Leg] | type[Survey], site: str, linkedid: str) -> Select[Any]:
    return select(table_of(entity)).where(entity.site_id == site, entity.linkedid == linkedid)


def _answers(site: str, survey: str) -> Select[Any]:
    mine = (Answer.site_id == site, Answer.survey == survey)
    return select(table_of(Answer)).where(*mine).order_by(Answer.answered_at, Answer.question)


def _shares(site: str, survey: str) -> Select[Any]:
    return select(Credit.agent).where(Credit.site_id == site, Credit.survey == survey)


def _named(row: Row[Any], *without: str) -> dict[str, Any]:
    values = {("site" if name == "site_id" else name): value for name, value in row._mapping.items()}
    return {name: value for name, value in values.items() if name not in without}


def _survey(row: Row[Any], **more: Any) -> SurveyStory:
    names = SurveyStory.__dataclass_fields__.keys() - more.keys()
    return SurveyStory(**{name: row._mapping[name] for name in names}, **more)
