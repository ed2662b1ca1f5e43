"""What is said of a recorded call whose events do not all come, or not once, or not in order: the right agent, or none.

The stream of a real Asterisk is cut at every byte and taken up again at every later moment; events are told late, twice
and in another order from channel to channel. In the end the caller rates, and the rating is credited.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.events import AmiEvent, Hangup, typed
from ivr.asterisk.messages import Framer, Message
from ivr.asterisk.reconcile import LiveChannel, Member, Snapshot
from ivr.asterisk.translate import Translator
from ivr.calls import Gap
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution, asked_call
from ivr.surveys.request import SurveyRequest
from ivr.surveys.tracker import CallTracker
from tests import recordings
from tests.scenarios.recorded import EPOCH, heard_caller, request_of
from tests.scenarios.table import scenarios

SITE = "main"
RECORDED = [
    (name, scenario.expects("credited"))
    for scenario in scenarios()
    for name in scenario.expected.get("recorded", [])
    if scenario.expects("asked") == "yes"
]
IDS = [name for name, _ in RECORDED]
DECIDE = Attribution({}, AgentDirectory().identify).decide
MEMBERS = tuple(
    Member(queue="support", interface=f"PJSIP/{number}", state_interface=f"PJSIP/{number}", name="")
    for number in (1001, 1002)
)


class Listener:
    """A service that hears one site, without a database."""

    def __init__(self) -> None:
        self.calls = CallTracker(lambda call: None)
        self._translator = Translator(SITE)

    def feed(self, event: AmiEvent) -> None:
        """Take in one event."""
        for told in self._translator.feed(event):
            self.calls.handle(told)

    def resume(self, snapshot: Snapshot) -> None:
        """The link is back, and Asterisk has told what is up."""
        for told in self._translator.resume(snapshot, snapshot.at):
            if isinstance(told, Gap):
                self.calls.handle_gap(told)
            else:
                self.calls.handle(told)


@dataclass(frozen=True)
class Recording:
    """A call that a real Asterisk told, up to the moment at which its caller is asked."""

    stream: bytes
    messages: list[Message]
    events: list[AmiEvent | None]
    """Of each message; None for those that the service takes no notice of."""
    request: SurveyRequest
    expected: str
    """Who is credited when all is heard."""

    def credited(self, listener: Listener) -> str:
        """To whom the rating would go now."""
        at = max(event.at for event in self.events if event) + timedelta(milliseconds=10)
        known = listener.calls.find(SITE, self.request.linkedid)
        return DECIDE(asked_call(known, self.request, at)).agent.removeprefix("PJSIP/")

    def told(self) -> list[AmiEvent]:
        """All events, in order."""
        return [event for event in self.events if event]


@cache
def recording(name: str, expected: str) -> Recording:
    """What a recording tells before the caller's own hang-up: by then the survey is over."""
    stream = recordings.stream(name)
    messages = Framer().feed(stream)
    events = [typed(message, EPOCH) for message in messages]
    caller = heard_caller(name)
    last = next(i for i, event in enumerate(events) if isinstance(event, Hangup) and event.uniqueid == caller)
    return Recording(stream, messages[:last], events[:last], request_of(name, SITE), expected)


def snapshot(messages: Sequence[Message]) -> Snapshot:
    """What Asterisk would answer about its channels after these messages."""
    told_at = float(messages[-1].get("Timestamp")) if messages else 0.0
    names: dict[str, tuple[str, str]] = {}
    bridges: dict[str, str] = {}
    queues: dict[str, str] = {}
    for message in messages:
        uniqueid = message.get("Uniqueid")
        match message.event:
            case "Newchannel":
                names[uniqueid] = message.get("Channel"), message.get("Linkedid")
            case "Hangup":
                for table in (names, bridges, queues):
                    table.pop(uniqueid, None)  # type: ignore[attr-defined]
            case "BridgeEnter":
                names[uniqueid] = message.get("Channel"), message.get("Linkedid")
                bridges[uniqueid] = message.get("BridgeUniqueid")
            case "BridgeLeave":
                bridges.pop(uniqueid, None)
            case "QueueCallerJoin":
                queues[uniqueid] = message.get("Queue")
            case "BlindTransfer":
                queues.pop(message.get("TransfereeUniqueid"), None)
    channels = {
        uniqueid: LiveChannel(
            name=name,
            uniqueid=uniqueid,
            linkedid=linkedid,
            bridge=bridges.get(uniqueid, ""),
            application="Queue" if uniqueid in queues else "Dial",
            data=f"{queues[uniqueid]},c" if uniqueid in queues else "",
        )
        for uniqueid, (name, linkedid) in names.items()
    }
    return Snapshot(at=datetime.fromtimestamp(told_at, UTC), channels=channels, waiting=(), members=MEMBERS)


@pytest.mark.parametrize(("name", "expected"), RECORDED, ids=IDS)
def test_a_link_that_is_cut_and_back_at_any_moment_never_credits_a_wrong_agent(name: str, expected: str) -> None:
    call = recording(name, expected)
    moments = [0, *(number + 1 for number, event in enumerate(call.events) if event)]
    outcomes = defaultdict(set)
    for cut in moments:
        for back in (moment for moment in moments if moment >= cut):
            listener = Listener()
            for event in filter(None, call.events[:cut]):
                listener.feed(event)
            if back < len(call.events) or cut < back:
                listener.resume(snapshot(call.messages[:back]))
            for event in filter(None, call.events[back:]):
                listener.feed(event)
            outcomes[call.credited(listener)].add((cut, back))
    assert not outcomes.keys() - {expected, ""}, outcomes
    # Unknown is the exception, and only where something was missed.
    assert len(outcomes[expected]) > 2 * len(outcomes[""])
    assert not [pair for pair in outcomes[""] if pair[0] == pair[1]]


@pytest.mark.parametrize(("name", "expected"), RECORDED, ids=IDS)
def test_a_stream_cut_at_any_byte_is_every_message_that_had_come_whole(name: str, expected: str) -> None:
    call = recording(name, expected)
    everything = Framer().feed(call.stream)
    framer = Framer()
    came = list(accumulate(len(framer.feed(call.stream[byte : byte + 1])) for byte in range(len(call.stream))))
    assert came[-1] == len(everything)
    blank = [end for end in range(4, len(call.stream) + 1) if call.stream[end - 4 : end] == b"\r\n\r\n"]
    assert came == [bisect_right(blank, byte + 1) for byte in range(len(call.stream))]
    # What follows a cut begins anew: half a message before it is never joined to half a message after it.
    for byte in range(0, len(call.stream), 97):
        rest = Framer().feed(call.stream[byte:])
        whole = len(everything) - came[byte - 1] - 1 if byte else len(everything)
        assert [str(message) for message in rest[len(rest) - whole :]] == [
            str(message) for message in everything[len(everything) - whole :]
        ]


def in_other_orders(draw: Callable[[st.SearchStrategy[int]], int], events: list[AmiEvent]) -> list[AmiEvent]:
    """The events of each channel in their order, the channels against each other in any."""
    waiting: dict[str, list[AmiEvent]] = defaultdict(list)
    for event in events:
        waiting[str(getattr(event, "uniqueid", ""))].append(event)
    told = []
    while waiting:
        channels = sorted(waiting)
        channel = channels[draw(st.integers(0, len(channels) - 1))]
        told.append(waiting[channel].pop(0))
        if not waiting[channel]:
            del waiting[channel]
    return told


@settings(max_examples=400, deadline=None)
@given(data=st.data(), which=st.sampled_from(RECORDED))
def test_events_reordered_between_channels_never_credit_a_wrong_agent(
    data: st.DataObject, which: tuple[str, str]
) -> None:
    call = recording(*which)
    listener = Listener()
    for event in in_other_orders(data.draw, call.told()):
        listener.feed(event)
    assert call.credited(listener) in (call.expected, "")


@settings(max_examples=400, deadline=None)
@given(data=st.data(), which=st.sampled_from(RECORDED))
def test_events_told_late_never_credit_a_wrong_agent(data: st.DataObject, which: tuple[str, str]) -> None:
    call = recording(*which)
    told = call.told()
    late = data.draw(st.integers(0, len(told) - 1))
    event = told.pop(late)
    told.insert(data.draw(st.integers(late, len(told))), event)
    listener = Listener()
    for event in told:
        listener.feed(event)
    assert call.credited(listener) in (call.expected, "")


@settings(max_examples=400, deadline=None)
@given(data=st.data(), which=st.sampled_from(RECORDED))
def test_events_told_twice_change_nothing(data: st.DataObject, which: tuple[str, str]) -> None:
    call = recording(*which)
    again = data.draw(st.sets(st.integers(0, len(call.told()) - 1)))
    listener = Listener()
    for number, event in enumerate(call.told()):
        for _ in range(2 if number in again else 1):
            listener.feed(event)
    assert call.credited(listener) == call.expected
