"""Writes call events as the rows of a table that a telephony admin can read, and makes AMI events in few words."""

from datetime import UTC, datetime

from ivr.asterisk.events import typed
from ivr.asterisk.messages import Message
from ivr.asterisk.translate import Translator
from ivr.calls import CallEnded, CallEvent, CallStarted, Gap, LegConnected, LegEnded

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def message(event: str, at: float | None = None, **headers: str) -> Message:
    """An AMI event; `at` is in seconds after noon."""
    stamp = {} if at is None else {"Timestamp": f"{NOON.timestamp() + at:.6f}"}
    return of_headers(("Event", event), *{**stamp, **headers}.items())


def of_headers(*headers: tuple[str, str]) -> Message:
    """Any AMI message, from the bytes that Asterisk would send."""
    return Message("\r\n".join(f"{name}: {value}" for name, value in headers).encode())


def row(told: CallEvent | Gap) -> str:
    """One event in one line; what is not known is a dash."""
    match told:
        case CallStarted():
            return f"call started | {told.queue}"
        case LegConnected():
            return f"connected | {_agent(told)} | {told.queue or '-'} | waited {_seconds(told.hold_seconds)}"
        case LegEnded():
            return f"ended | {_agent(told)} | by {told.ended_by} | talked {_seconds(told.talk_seconds)}"
        case CallEnded():
            return "call ended | abandoned" if told.abandoned else "call ended"
        case Gap():
            return f"gap | live {','.join(sorted(told.live)) or '-'}"
        case _:
            raise AssertionError(told)


def rows(table: str) -> list[str]:
    """The rows of a pasted table, however wide its columns are."""
    return [" | ".join(cell.strip() for cell in line.split("|")) for line in table.strip().splitlines()]


def told_by(translator: Translator, *messages: Message) -> list[CallEvent]:
    """What comes out for these messages."""
    out: list[CallEvent] = []
    for one in messages:
        event = typed(one, NOON)
        out += translator.feed(event) if event else []
    return out


def _agent(told: LegConnected | LegEnded) -> str:
    return f"{told.agent.interface} {told.agent.name or '-'}"


def _seconds(value: int | None) -> str:
    return "-" if value is None else f"{value} s"
