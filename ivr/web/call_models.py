"""What `GET /api/v1/calls/{call}` says. A code that is not known is null."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from storage.call_story import CallStory, SurveyStory
from storage.records import AnswerRecord, LegRecord


class LegBody(BaseModel):
    """One agent's part of the call; lengths in seconds."""

    agent: str | None = Field(description="Interface of the agent; null when not known")
    queue: str | None = Field(description="Queue that arranged it; null after a transfer")
    connected_at: datetime | None = Field(description="When they began to talk")
    ended_at: datetime | None = Field(description="When they ceased to talk")
    ended_by: str | None = Field(description="agent, caller, transfer or unknown; null while they talk")
    ring_seconds: int | None = Field(description="How long the agent was rung")
    hold_seconds: int | None = Field(description="How long the caller waited in the queue")
    talk_seconds: int | None = Field(description="How long they talked")

    @classmethod
    def of(cls, leg: LegRecord) -> Self:
        """One leg."""
        return cls(
            agent=leg.agent or None,
            queue=leg.queue or None,
            connected_at=leg.connected_at,
            ended_at=leg.ended_at,
            ended_by=leg.ended_by,
            ring_seconds=leg.ring_seconds,
            hold_seconds=leg.hold_seconds,
            talk_seconds=leg.talk_seconds,
        )


class AnswerBody(BaseModel):
    """One question put to the caller."""

    question: str = Field(description="Code of the question")
    is_rating: bool = Field(description="Whether it was the headline question")
    keys: str = Field(description="Keys pressed")
    value: int | None = Field(description="What they mean; null without an answer")
    tries: int = Field(description="How often it was put, from 1")
    ended: str = Field(description="answered, no_input, no_match, hung_up or failed")
    answered_at: datetime = Field(description="When it ended")

    @classmethod
    def of(cls, answer: AnswerRecord) -> Self:
        """One answer."""
        return cls(
            question=answer.question,
            is_rating=answer.is_rating,
            keys=answer.keys,
            value=answer.value,
            tries=answer.tries,
            ended=answer.ended,
            answered_at=answer.answered_at,
        )


class SurveyBody(BaseModel):
    """The call's survey."""

    survey: str = Field(description="Uniqueid of the channel that was asked")
    flow: str = Field(description="Code of the flow")
    flow_version: str = Field(description="Digest of the flow version")
    language: str | None = Field(description="Language spoken")
    agent: str | None = Field(description="Credited agent; null when not known")
    queue: str | None = Field(description="Credited queue; null when not known")
    reason: str | None = Field(description="Credited reason; null when not known")
    status: str = Field(description="offered or started while it lasts, then how it ended")
    offered_at: datetime = Field(description="When the caller was about to be asked")
    started_at: datetime | None = Field(description="When the first prompt was played")
    ended_at: datetime | None = Field(description="When it ended; null while it lasts")
    answers: list[AnswerBody] = Field(description="In the order of time")

    @classmethod
    def of(cls, survey: SurveyStory) -> Self:
        """One survey."""
        return cls(
            survey=survey.survey,
            flow=survey.flow,
            flow_version=survey.flow_version,
            language=survey.language or None,
            agent=survey.agent or None,
            queue=survey.queue or None,
            reason=survey.reason or None,
            status=survey.status,
            offered_at=survey.offered_at,
            started_at=survey.started_at,
            ended_at=survey.ended_at,
            answers=[AnswerBody.of(answer) for answer in survey.answers],
        )


class DecisionBody(BaseModel):
    """Whether the caller was asked."""

    asked: bool = Field(description="Whether the caller was asked")
    reason_code: str | None = Field(description="Why not; null when asked")
    rule: str | None = Field(description="The rule that said so; null when asked, and when it was no rule")


class CallBody(BaseModel):
    """The story of one call."""

    site: str = Field(description="Code of the site")
    call: str = Field(description="The linkedid")
    queue: str | None = Field(description="Queue that the caller entered last; null when not known")
    reason: str | None = Field(description="Call reason; null when not known")
    caller: str | None = Field(description="The number with most digits hidden; null when it was withheld")
    started_at: datetime | None = Field(description="When the caller entered a queue; null when that was missed")
    ended_at: datetime | None = Field(description="When the caller was gone; null while the call is up")
    ended_by: str | None = Field(
        description="Who hung up first: agent, caller, transfer or unknown; null while the call is up"
    )
    abandoned: bool = Field(description="Whether the caller left the queue before an agent answered")
    decision: DecisionBody | None = Field(description="Null while it is open")
    legs: list[LegBody] = Field(description="In the order of time")
    survey: SurveyBody | None = Field(description="Null when the caller was not asked")

    @classmethod
    def of(cls, story: CallStory) -> Self:
        """One call."""
        call = story.call
        return cls(
            site=call.site,
            call=call.linkedid,
            queue=call.queue or None,
            reason=call.reason or None,
            caller=call.caller_mask or None,
            started_at=call.started_at,
            ended_at=call.ended_at,
            ended_by=call.ended_by,
            abandoned=call.abandoned,
            decision=_decision(story),
            legs=[LegBody.of(leg) for leg in story.legs],
            survey=SurveyBody.of(story.survey) if story.survey else None,
        )


def _decision(story: CallStory) -> DecisionBody | None:
    if story.survey:
        return DecisionBody(asked=True, reason_code=None, rule=None)
    if story.exclusion:
        return DecisionBody(asked=False, reason_code=story.exclusion.exclusion, rule=story.exclusion.rule or None)
    return None
