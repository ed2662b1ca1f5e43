"""The simulated PBX tells a call as the real one was recorded to tell it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import pytest

from ivr.asterisk.events import WANTED, typed
from ivr.asterisk.messages import Framer
from ivr.asterisk.translate import Translator
from ivr.calls import CallEvent, LegConnected, LegEnded
from ivr.demo.behaviour import Behaviour
from ivr.demo.events import SURVEY_EVENTS
from ivr.demo.simulator import SimulatedPbx
from tests.demo.simulator_kit import (
    RECORDINGS,
    AmiClient,
    Fields,
    over,
    place_recorded_call,
    recorded_dialogue,
    recorded_events,
    recorded_prompts,
    recorded_site,
    survey_server,
)

# For a recording: what the caller does in it, and the dialogue that the survey's server had (None: there was none).
SHAPES = {
    "a_normal": (Behaviour(keys=("5",)), "a_normal"),
    "b_caller_hangs_up_first": (Behaviour(ends="caller"), None),
    "c_abandon": (Behaviour(ring_seconds=30, patience_seconds=2.5), None),
    "d_hangup_in_survey": (Behaviour(hangs_up_in_survey_after=1.8), "d_hangup_in_survey"),
    "e_invalid_then_valid": (Behaviour(keys=("9", "4")), "e_invalid_then_valid"),
    "f_no_input": (Behaviour(), "f_no_input"),
    "g_blind_transfer_sip": (Behaviour(ends="blind_transfer", keys=("5",)), "a_normal"),
    "h_attended_transfer_sip": (Behaviour(ends="attended_transfer", keys=("5",)), "a_normal"),
}
IN_16 = ("a_normal", "b_caller_hangs_up_first", "g_blind_transfer_sip")
CASES = [*(f"ast22/{name}" for name in SHAPES), *(f"ast16/{name}" for name in IN_16)]

CORE = frozenset(
    [
        "Newchannel",
        "QueueCallerJoin",
        "AgentCalled",
        "DialBegin",
        "DialEnd",
        "QueueCallerLeave",
        "AgentConnect",
        "BridgeCreate",
        "BridgeEnter",
        "BridgeLeave",
        "BridgeDestroy",
        "HangupRequest",
        "AgentComplete",
        "SoftHangupRequest",
        "Hangup",
        "QueueCallerAbandon",
        "BlindTransfer",
        "AttendedTransfer",
    ]
)
# Asterisk's threads race, so that the recordings differ in the order of what befalls different channels. Of these
# events the order is always the same.
STORY = CORE - {"BridgeCreate", "BridgeEnter", "BridgeLeave", "BridgeDestroy", "Hangup", "SoftHangupRequest"}


@dataclass(frozen=True)
class Told:
    """One event, with channels and bridges named by the order in which they came up."""

    name: str
    channel: str
    dest: str
    linked: str
    bridge: str
    keys: tuple[str, ...]


def told(messages: list[Fields]) -> list[Told]:
    names: dict[str, str] = defaultdict(lambda: f"channel {len(names)}")
    bridges: dict[str, str] = defaultdict(lambda: f"bridge {len(bridges)}")
    out = []
    for message in messages:
        event = dict(message)
        if event["Event"] not in CORE:
            continue
        out.append(
            Told(
                name=event["Event"],
                channel=names[event["Uniqueid"]] if "Uniqueid" in event else "",
                dest=names[event["DestUniqueid"]] if "DestUniqueid" in event else "",
                linked=names[event["Linkedid"]] if "Linkedid" in event else "",
                bridge=bridges[event["BridgeUniqueid"]] if "BridgeUniqueid" in event else "",
                keys=tuple(key for key, _ in message),
            )
        )
    return out


def of_each(events: list[Told], what: str) -> dict[str, list[tuple[str, ...]]]:
    """The events of each channel, or of each bridge, in order."""
    found = defaultdict(list)
    for event in events:
        # BlindTransfer names a bridge, but races with the caller's leaving it.
        if event.name != "BlindTransfer" and (subject := getattr(event, what)):
            found[subject].append((event.name, event.channel, event.dest, event.linked))
    return found


_told: dict[str, list[Fields]] = {}


async def simulated(shape: str) -> list[Fields]:
    """All events of the simulated call of that shape; several tests look at one call."""
    if shape not in _told:
        _told[shape] = await simulate(shape, speed=20)
    return _told[shape]


async def simulate(shape: str, *, speed: float) -> list[Fields]:
    behaviour, dialogue = SHAPES[shape]

    async def replay(peer) -> None:
        for command, _ in recorded_dialogue(f"{dialogue}.txt")[1]:
            await peer.ask(command)

    queues, members = recorded_site()
    async with (
        survey_server(replay) as address,
        SimulatedPbx(
            queues=queues,
            members=members,
            speed=speed,
            seed=1,
            events=None,
            dialplan={"survey": address},
            prompt_seconds=recorded_prompts,
        ) as pbx,
    ):
        client = await AmiClient.logged_in(pbx)
        call = await over(place_recorded_call(pbx, behaviour))
        await client.until(lambda message: (message.get("Event"), message.get("Uniqueid")) == ("Hangup", call.uniqueid))
        await client.ask(Action="Ping")
        await client.close()
        return client.events()


@pytest.mark.parametrize("case", CASES)
async def test_a_simulated_call_is_told_as_the_recorded_one(case: str) -> None:
    real = told(recorded_events(RECORDINGS / f"{case}.txt"))
    ours = told(await simulated(case.partition("/")[2]))
    assert Counter(event.name for event in ours) == Counter(event.name for event in real)
    story = [[(e.name, e.channel, e.dest) for e in events if e.name in STORY] for events in (ours, real)]
    assert story[0] == story[1]
    assert of_each(ours, "channel") == of_each(real, "channel")
    assert of_each(ours, "bridge") == of_each(real, "bridge")


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_event_has_the_headers_of_the_recorded_one_in_their_order(shape: str) -> None:
    def headers(messages: list[Fields]) -> dict[tuple[str, int], tuple[str, ...]]:
        count: Counter[str] = Counter()
        found = {}
        for message in messages:
            name = message[0][1]
            found[name, count[name]] = tuple(key for key, _ in message)
            count[name] += 1
        return found

    real = headers(recorded_events(RECORDINGS / "ast22" / f"{shape}.txt"))
    ours = headers(await simulated(shape))
    both = real.keys() & ours.keys()
    assert {name for name, _ in both} >= {name for name, _ in real} & CORE
    assert {one: ours[one] for one in both} == {one: real[one] for one in both}


async def test_no_event_is_made_up() -> None:
    known = {name for path in RECORDINGS.rglob("*.txt") for name in (m[0][1] for m in recorded_events(path))}
    # A complete recording has these too; the shortened ones leave them out.
    known |= {"Unhold", "FullyBooted"}
    for shape in SHAPES:
        assert {message[0][1] for message in await simulated(shape)} <= known


# --- through the parser and the translator of the service ---


def neutral(messages: list[Fields]) -> list[CallEvent]:
    """What the service makes of these messages, byte for byte as they were sent."""
    framer, translator = Framer(), Translator("site")
    wire = b"Asterisk Call Manager/11.0.0\r\n"
    wire += b"".join(("".join(f"{k}: {v}\r\n" for k, v in fields) + "\r\n").encode() for fields in messages)
    out: list[CallEvent] = []
    for message in framer.feed(wire):
        event = typed(message, datetime.now(UTC))
        if event:
            out += translator.feed(event)
    return out


def without_ids(events: list[CallEvent]) -> list[tuple]:
    """The events with ids as numbers in order of their appearance, without times and durations."""
    seen: dict[str, int] = defaultdict(lambda: len(seen))
    out = []
    for event in events:
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        for name in ("at", "talk_seconds", "hold_seconds", "ring_seconds"):
            values.pop(name, None)
        for name in ("linkedid", "uniqueid", "channel", "leg"):
            if name in values:
                values[name] = seen[values[name]]
        out.append((type(event).__name__, sorted(values.items())))
    return out


@pytest.mark.parametrize("case", CASES)
async def test_the_service_makes_the_same_of_a_simulated_call_as_of_the_recorded_one(case: str) -> None:
    real = neutral(recorded_events(RECORDINGS / f"{case}.txt"))
    ours = neutral(await simulated(case.partition("/")[2]))
    assert without_ids(ours) == without_ids(real)
    assert real, "a recording that says nothing proves nothing"


async def test_talk_and_hold_times_are_those_that_the_caller_lived_through() -> None:
    """Recorded: 2 s of talk, and at most one second more by the clock's rounding."""
    events = neutral(await simulate("a_normal", speed=5))
    (connected,) = [event for event in events if isinstance(event, LegConnected)]
    ended = [event for event in events if isinstance(event, LegEnded)][-1]
    assert ended.talk_seconds in (2, 3)
    assert connected.hold_seconds in (0, 1)


def test_the_usual_filter_lets_through_what_the_service_wants_to_hear() -> None:
    assert set(WANTED) - {"FullyBooted", "Shutdown"} <= SURVEY_EVENTS
