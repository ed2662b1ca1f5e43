"""How fast the events of an Asterisk are taken in: from bytes to typed, ordered call events that reach their consumer.

python -m bench.ami_bench
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench.ami_peer import Filter, event_of, messages, peer, stream
from bench.ami_sides import by_hand, by_link, by_panoramisk
from bench.measure import Chart, Found, Rates, Row, in_turns
from ivr.asterisk.events import WANTED, typed
from ivr.asterisk.messages import Framer
from ivr.asterisk.translate import Translator
from ivr.calls import CallEvent

OURS, PANORAMISK, HAND = "Postcall", "panoramisk 1.4", "by hand"
STREAMS: dict[Filter, str] = {
    "none": "all events",
    "classes": "the classes asked for",
    "names": "only the events needed",
}
ROUNDS: dict[Filter, int] = {"none": 60, "classes": 100, "names": 200}


def measure(kept: Filter) -> Rates:
    """Messages a second of processor time, for each side."""
    once, rounds = messages(kept), ROUNDS[kept]
    told = _told(stream(kept, rounds))
    wanted = rounds * sum(event_of(message) in WANTED for message in once)

    with peer(kept, rounds) as port:

        def side(run: Callable[..., Any], expected: int) -> Callable[[], float]:
            def turn() -> float:
                got: list[Any] = []
                seconds = asyncio.run(run(port, expected, got))
                assert len(got) == expected, f"{run.__name__} told {len(got)} of {expected}"
                assert run is by_panoramisk or got == told, f"{run.__name__} told other things"
                return rounds * len(once) / float(seconds)

            return turn

        return in_turns(
            {
                PANORAMISK: side(by_panoramisk, wanted),
                OURS: side(by_link, len(told)),
                HAND: side(by_hand, len(told)),
            }
        )


def run() -> Found:
    """Measure the intake of each stream."""
    rows: list[Row] = []
    figures: dict[str, dict[str, float]] = {}
    for kept, name in STREAMS.items():
        rates = measure(kept)
        figures[name] = {side: rates.median(side) for side in (PANORAMISK, OURS, HAND)}
        rows += [_row(name, rates, PANORAMISK, 3.0), _row(name, rates, HAND, 0.8)]
    chart = Chart(file="ami-intake", title="AMI intake", unit="messages in a second of processor time", figures=figures)
    return Found(rows=rows, charts=[chart])


def _row(stream: str, rates: Rates, other: str, wanted: float) -> Row:
    ratio = rates.ratio(OURS, other)
    return Row(
        what=f"AMI intake, {stream}: {rates.median(OURS):,.0f} messages/s",
        against=f"{other}: {rates.median(other):,.0f}",
        wanted=f"≥ {wanted:g} ×",
        measured=f"{ratio:.2f} ×",
        reached=ratio >= wanted,
    )


def _told(sent: bytes) -> list[CallEvent]:
    translator, now = Translator("main"), datetime.now(UTC)
    events = (typed(message, now) for message in Framer().feed(sent))
    return [told for event in events if event for told in translator.feed(event)]
