"""Puts a flow to a caller of paper."""

from datetime import UTC, datetime

from callflows.interview import Interview
from callflows.model import Flow
from callflows.steps import (
    Ask,
    Context,
    End,
    Input,
    Keys,
    Played,
    Record,
    Recorded,
    Save,
    Saved,
    Say,
    Step,
)

MONDAY_MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CONTEXT = Context(at=MONDAY_MORNING)
NOTHING = Keys(pressed="", timed_out=True)
HASH = Keys(pressed="", timed_out=False)


def put(flow: Flow, *inputs: Input | str, language: str = "en", context: Context = CONTEXT) -> list[Step]:
    """All steps of an interview. What is said is played and what is to be kept is kept; a text is keys pressed."""
    interview = Interview(flow, language, context)
    left = list(inputs)
    steps = [interview.start()]
    while not isinstance(steps[-1], End):
        if isinstance(steps[-1], Ask | Record):
            came = left.pop(0)
            came = Keys(pressed=came, timed_out=False) if isinstance(came, str) else came
        else:
            came = Played() if isinstance(steps[-1], Say) else Saved()
        steps.append(interview.send(came))
    assert not left, "the interview ended before the caller did all of this"
    return steps


def heard(steps: list[Step]) -> list[str]:
    """The sounds that are played, in order, without language and flow."""
    said = [prompt for step in steps if isinstance(step, Say | Ask) for prompt in step.prompts]
    return [prompt.partition("/")[2].partition("-")[2] for prompt in said]


def kept(steps: list[Step]) -> dict[str, int | str | None]:
    """The value of each answer, or else how it ended."""
    answers = [step.answer for step in steps if isinstance(step, Save)]
    return {answer.question: answer.ended if answer.value is None else answer.value for answer in answers}


def outcome(steps: list[Step]) -> str:
    """How the survey ended."""
    assert isinstance(steps[-1], End)
    return steps[-1].outcome


def comment(seconds: float) -> Recorded:
    """What the caller said for so long."""
    return Recorded(seconds=seconds)
