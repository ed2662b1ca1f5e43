"""What can happen in a survey, as a journal keeps it: one JSON object each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from storage.records import AnswerRecord, Outcome, SurveyOffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """The caller is about to be asked."""

    offer: SurveyOffer
    kind: Literal["offered"] = "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The caller has heard the first prompt."""

    at: datetime
    kind: Literal["started"] = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The caller has dealt with a question."""

    answer: AnswerRecord
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonChosen:
    """The caller has said why they called."""

    reason: str
    kind: Literal["reason_chosen"] = "reason_chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What is to be kept beside the answers."""

    language: str | None
    incentive: str | None
    kind: Literal["noted"] = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The survey is over."""

    outcome: Outcome
    at: datetime
    kind: Literal["finished"] = "finished"


Happened = Annotated[
    Offered | Started | Answered | ReasonChosen | Noted | Finished,
    Field(discriminator="kind"),
]
_BODY: TypeAdapter[Happened] = TypeAdapter(Happened)


def written(happened: Happened) -> str:
    """The body of a journal entry."""
    return _BODY.dump_json(happened).decode()


def read(body: str) -> Happened:
    """What a body says. Raises ValueError for what `written` never wrote."""
    return _BODY.validate_json(body)
