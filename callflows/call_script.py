"""Call scripts: how calls to a flow are to go, as text tables in which each row is an event.

A script says how its author means a flow to go. `callflows.rehearsal` carries it out without a telephone;
docs/flow-scripts.md is for those who write one.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from callflows.checks import unknown
from callflows.fields import WEEKDAYS
from callflows.steps import AnswerEnd, Outcome
from callflows.yamltree import short
from ivr.errors import FlowError

MAX_BYTES = 256 * 1024
"""The largest script that is read."""

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
"""When a call is made that says nothing of the time."""

ENDS: tuple[str, ...] = get_args(AnswerEnd)
OUTCOMES: tuple[str, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event, at its place in the script."""

    line: int
    """From 1."""
    text: str
    """As it was written, with single blanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hears(Row):
    """A prompt is said."""

    sound: str
    """The sound's name, or the end of it behind the flow's code; empty when `words` tells."""
    words: str
    """Part of what is said; empty when `sound` tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presses(Row):
    """The caller presses keys, one soon after the other."""

    keys: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IsSilent(Row):
    """The caller lets the wait run out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Says(Row):
    """The caller speaks after the tone."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HangsUp(Row):
    """The caller is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultIs(Row):
    """A question has ended in a certain way by now."""

    question: str
    value: str
    """A value, a label, or how the question ended."""
    tries: int | None
    """None for any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeIs(Row):
    """The survey is over, and how it ended."""

    outcome: str


@dataclass(slots=True, kw_only=True)
class ScriptedCall:
    """One call of a script."""

    title: str
    line: int
    language: str = ""
    """Empty for the flow's first."""
    queue: str = ""
    team: str = ""
    reason: str = ""
    at: datetime = MONDAY
    variables: dict[str, str] = field(default_factory=dict)
    drawn: tuple[str, ...] = ()
    """Questions that are drawn for this caller."""
    rows: list[Row] = field(default_factory=list)


class _Wrong(Exception):
    """A row that cannot be read; its text says why, and what is allowed."""


def load_script(path: Path) -> list[ScriptedCall]:
    """Read a script. Raises `FlowError` with a line for each mistake: ``file:line: what is wrong; what is allowed``."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FlowError(f"{path}: cannot be read: {error.strerror}; allowed: a readable file") from None
    if len(raw) > MAX_BYTES:
        raise FlowError(f"{path}: too large; allowed: up to {MAX_BYTES} bytes")
    try:
        return parse_script(raw.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise FlowError(f"{path}: not UTF-8; allowed: UTF-8 text") from None


def parse_script(text: str, name: str) -> list[ScriptedCall]:
    """Read the text of a script; `name` is the file's in messages. Raises `FlowError` as `load_script` does."""
    calls: list[ScriptedCall] = []
    mistakes: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        word, rest = words[0], " ".join(words[1:])
        try:
            if word == "call":
                calls.append(
                    ScriptedCall(title=_given(rest, "a title, such as call The caller presses 5"), line=number)
                )
            elif not calls:
                raise _Wrong('a row before the first call; required: a row such as "call The caller presses 5"')
            else:
                _read(calls[-1], word, rest, number)
        except _Wrong as error:
            mistakes.append(f"{name}:{number}: {error}")
    if not calls and not mistakes:
        mistakes.append(f'{name}:1: no call; required: a row such as "call The caller presses 5"')
    if mistakes:
        raise FlowError("\n".join("".join(c if c.isprintable() else "?" for c in mistake) for mistake in mistakes))
    return calls


def _read(call: ScriptedCall, word: str, rest: str, line: int) -> None:
    if word in _CONDITIONS:
        if call.rows:
            raise _Wrong(f'"{word}" after the call has begun; allowed: before its first event')
        _CONDITIONS[word](call, rest)
    elif word in _EVENTS:
        call.rows.append(_EVENTS[word](rest, line, f"{word} {rest}"))
    else:
        raise _Wrong(unknown("row", word, ("call", *_CONDITIONS, *_EVENTS)))


def _given(text: str, what: str) -> str:
    if not text:
        raise _Wrong(f"nothing is said; required: {what}")
    return text


# --- what is so before the call ---


def _language(call: ScriptedCall, text: str) -> None:
    call.language = _given(text, "a language, such as language zh")


def _queue(call: ScriptedCall, text: str) -> None:
    call.queue = _given(text, "a queue, such as queue support")


def _team(call: ScriptedCall, text: str) -> None:
    call.team = _given(text, "a team, such as team gold")


def _reason(call: ScriptedCall, text: str) -> None:
    call.reason = _given(text, "a reason, such as reason billing/refund")


def _time(call: ScriptedCall, text: str) -> None:
    found = re.fullmatch(r"([a-z]{3}) ([0-9]{2}):([0-9]{2})", text)
    if not found or found[1] not in WEEKDAYS or int(found[2]) > 23 or int(found[3]) > 59:
        raise _Wrong(f'"{short(text)}" is no time; allowed: a day and a time, such as time mon 10:30')
    day = MONDAY + timedelta(days=WEEKDAYS.index(found[1]))
    call.at = day.replace(hour=int(found[2]), minute=int(found[3]))


def _variable(call: ScriptedCall, text: str) -> None:
    found = re.fullmatch(r"(\w+) = ?(.*)", text)
    if not found:
        raise _Wrong(f'"{short(text)}" is no variable; allowed: a name and a value, such as variable VIP = yes')
    call.variables[found[1]] = found[2]


def _drawn(call: ScriptedCall, text: str) -> None:
    call.drawn += tuple(_given(text, "questions of a bank, such as drawn reliability").replace(",", " ").split())


_CONDITIONS: Mapping[str, Callable[[ScriptedCall, str], None]] = {
    "language": _language,
    "queue": _queue,
    "team": _team,
    "reason": _reason,
    "time": _time,
    "variable": _variable,
    "drawn": _drawn,
}


# --- what happens ---


def _hears(rest: str, line: int, text: str) -> Row:
    _given(rest, 'a prompt, such as hears wrong-key, or hears "Thank you"')
    if len(rest) > 2 and rest[0] in '"“' and rest[-1] in '"”':
        return Hears(line=line, text=text, sound="", words=rest[1:-1])
    if not re.fullmatch(r"[A-Za-z0-9_/-]+", rest):
        raise _Wrong(f'"{short(rest)}" is no prompt; allowed: its name, such as wrong-key, or its words in quotes')
    return Hears(line=line, text=text, sound=rest, words="")


def _caller(rest: str, line: int, text: str) -> Row:
    does, _, what = rest.partition(" ")
    if does == "presses":
        keys = what.replace(" ", "").replace("then", "").replace(",", "")
        if not re.fullmatch(r"[0-9*#A-D]{1,20}", keys):
            raise _Wrong(f'"{short(what)}" are no keys; allowed: 0-9, * and #, such as caller presses 10')
        return Presses(line=line, text=text, keys=keys)
    if rest == "is silent":
        return IsSilent(line=line, text=text)
    if rest == "hangs up":
        return HangsUp(line=line, text=text)
    if rest == "says nothing":
        return Says(line=line, text=text, seconds=0)
    if found := re.fullmatch(r"says ([0-9]{1,3}(?:\.[0-9])?) seconds?", rest):
        return Says(line=line, text=text, seconds=float(found[1]))
    allowed = "caller presses 5, caller is silent, caller says 8 seconds, caller says nothing, caller hangs up"
    raise _Wrong(f'"{short(text)}" is nothing that a caller does; allowed: {allowed}')


def _result(rest: str, line: int, text: str) -> Row:
    found = re.fullmatch(r"([a-z][a-z0-9-]*) = (.+?)(?: after ([1-9][0-9]?) (?:try|tries))?", rest)
    if not found:
        raise _Wrong(f'"{short(text)}" is no result; allowed: such as result satisfaction = 4 after 2 tries')
    tries = int(found[3]) if found[3] else None
    return ResultIs(line=line, text=text, question=found[1], value=found[2], tries=tries)


def _outcome(rest: str, line: int, text: str) -> Row:
    if rest not in OUTCOMES:
        raise _Wrong(unknown("outcome", rest, OUTCOMES))
    return OutcomeIs(line=line, text=text, outcome=rest)


_EVENTS: Mapping[str, Callable[[str, int, str], Row]] = {
    "hears": _hears,
    "caller": _caller,
    "result": _result,
    "outcome": _outcome,
}
