"""What is known of a call and its caller in the middle of an interview, and which case of a branch that makes true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callflows.model import Branch, Case, Flow
from callflows.steps import Context

CONDITIONS = ("answer", "queue", "team", "reason", "language", "time", "weekday", "variable")
"""The settings of a case that are conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a branch may ask for."""

    context: Context
    language: str
    reason: str
    values: Mapping[str, int | None]
    """The value of each question put so far."""


def way(flow: Flow, branch: Branch, known: Known) -> str | None:
    """The step that the first case which holds names, else `otherwise`; None goes on with the step below."""
    return next((case.go for case in branch.cases if holds(flow, case, known)), branch.otherwise)


def holds(flow: Flow, case: Case, known: Known) -> bool:
    """Whether all conditions of a case hold. Texts are compared without regard to capitals and outer blanks."""
    context = known.context
    return (
        all(_answered(flow, code, wanted, known) for code, wanted in case.answer.items())
        and _is_one_of(context.queue, case.queue)
        and _is_one_of(context.team, case.team)
        and (not case.reason or any(_is_below(known.reason, reason) for reason in case.reason))
        and (not case.language or known.language in case.language)
        and _is_between(context.at.hour * 60 + context.at.minute, case.time)
        and (not case.weekday or context.at.weekday() in case.weekday)
        and all(_is_one_of(context.variables.get(name, ""), wanted) for name, wanted in case.variable.items())
    )


def known_language(flow: Flow, context: Context) -> str | None:
    """The language that the flow's channel variable names, or else that of the queue; None when neither tells."""
    choice = flow.language
    named = context.variables.get(choice.variable, "") if choice.variable else ""
    by_queue = (language for queue, language in choice.queues.items() if same(queue, context.queue))
    return flow.nearest_language(named) or next(by_queue, None)


def same(given: str, written: str) -> bool:
    """Whether a text from the PBX is the one that the flow names."""
    return given.strip().casefold() == written.strip().casefold()


def _answered(flow: Flow, code: str, wanted: Sequence[int | str], known: Known) -> bool:
    question = next(question for question in flow.keypad_questions if question.code == code)
    value = known.values.get(code)
    return any(value in question.meant(item) for item in wanted)


def _is_one_of(given: str, wanted: Sequence[str]) -> bool:
    return not wanted or any(same(given, word) for word in wanted)


def _is_below(reason: str, wanted: str) -> bool:
    """``billing`` takes ``billing/refund`` along."""
    return same(reason, wanted) or reason.casefold().startswith(f"{wanted.casefold()}/")


def _is_between(minute: int, hours: tuple[int, int] | None) -> bool:
    if hours is None:
        return True
    start, end = hours
    return start <= minute < end if start < end else minute >= start or minute < end
