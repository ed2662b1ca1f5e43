"""Bytes from the wire become messages, whatever the bytes are and however TCP cuts them."""

import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ivr.asterisk.events import TYPED, WANTED, EventMalformed, typed
from ivr.asterisk.messages import Framer, Message
from ivr.asterisk.translate import Translator
from tests import recordings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nUniqueid: 1.7\r\n\r\n"


def framed(*chunks: bytes, max_bytes: int = 65536) -> tuple[list[Message], Framer]:
    framer = Framer(max_bytes)
    return [message for chunk in chunks for message in framer.feed(chunk)], framer


def uniqueids(messages: list[Message]) -> list[str]:
    return [message.get("uniqueid") for message in messages]


def test_the_greeting_tells_the_version_and_is_no_message() -> None:
    messages, framer = framed(GREETING + HANGUP)
    assert framer.version == "11.0.0"
    assert uniqueids(messages) == ["1.7"]


@pytest.mark.parametrize("cut", range(1, len(GREETING + HANGUP)))
def test_a_stream_cut_anywhere_reads_the_same(cut: int) -> None:
    stream = GREETING + HANGUP
    messages, framer = framed(stream[:cut], stream[cut:])
    assert (framer.version, uniqueids(messages), framer.skipped) == ("11.0.0", ["1.7"], 0)


def test_a_peer_without_a_greeting_is_read_all_the_same() -> None:
    messages, framer = framed(HANGUP)
    assert framer.version is None
    assert uniqueids(messages) == ["1.7"]


def test_a_name_cut_inside_a_character_stays_whole() -> None:
    stream = "Event: QueueCallerJoin\r\nCallerIDName: Иванов 李雷\r\n\r\n".encode()
    messages, _ = framed(*[stream[i : i + 1] for i in range(len(stream))])
    assert [message.get("CallerIDName") for message in messages] == ["Иванов 李雷"]


def test_bytes_that_are_no_text_do_not_stop_the_stream() -> None:
    messages, framer = framed(b"Event: Hangup\r\nCallerIDName: \xff\xfe\x00x\r\nUniqueid: 1.1\r\n\r\n" + HANGUP)
    assert uniqueids(messages) == ["1.1", "1.7"]
    assert messages[0].get("CallerIDName") == "\ufffd\ufffd\ufffdx"
    assert framer.skipped == 0


def test_of_a_repeated_event_header_the_first_one_counts() -> None:
    # A dialplan's UserEvent(Mine,Event: Hangup) adds a second one.
    messages, _ = framed(b"Event: UserEvent\r\nUserEvent: Mine\r\nEvent: Hangup\r\nuniqueid: a\r\nUniqueid: b\r\n\r\n")
    assert messages[0].event == "UserEvent"
    assert messages[0].get("UNIQUEID") == "a"
    assert messages[0].get_all("Uniqueid") == ("a", "b")


def test_a_header_in_another_spelling_is_found_where_there_is_none_as_asterisk_writes_it() -> None:
    # Asterisk 16 and 22 differ in some: BridgeId, BridgeID. The letter before it has two lower-case characters.
    (message,) = framed("Event: Status\r\nName: İ\r\nBRIDGEID:b\r\nLinkedid: 1.7\r\n\r\n".encode())[0]
    assert [message.get(name) for name in ("BridgeID", "linkedid", "name")] == ["b", "1.7", "İ"]
    assert (message.get("Missing"), message.get("Missing", "none")) == ("", "none")


def test_a_header_that_somebody_adds_never_goes_before_asterisk_s_own() -> None:
    # Both are as a dialplan may append them to its UserEvent.
    (message,) = framed(b"Event: UserEvent\r\nUniqueid: 1.7\r\nuniqueid: forged\r\nUniqueid: forged\r\n\r\n")[0]
    assert (message.get("Uniqueid"), message.get("UniqueID")) == ("1.7", "1.7")


OTHER = b"Event: RTCPSent\r\nChannel: PJSIP/1001-0000000f\r\n\r\n"
PART_OF_AN_ANSWER = b"Event: QueueMember\r\nActionID: 5\r\nUniqueid: 5\r\n\r\n"


def test_events_that_nobody_wants_are_passed_over_and_are_no_mistake() -> None:
    framer = Framer(wanted=["Hangup"])
    response = b"Response: Success\r\nUniqueid: 6\r\n\r\n"
    # A name is the whole name, and counts where the event's name stands.
    longer = b"Event: HangupRequest\r\nEvent: Hangup\r\nUniqueid: 8\r\n\r\n"
    assert uniqueids(framer.feed(GREETING + OTHER + HANGUP + longer + OTHER + response)) == ["1.7", "6"]
    assert framer.skipped == 0


def test_an_event_that_may_belong_to_an_answer_is_kept_while_answers_are_due() -> None:
    framer = Framer(wanted=["Hangup"])
    assert uniqueids(framer.feed(GREETING + OTHER + PART_OF_AN_ANSWER, answers_due=True)) == ["5"]
    assert uniqueids(framer.feed(OTHER + PART_OF_AN_ANSWER + HANGUP, answers_due=False)) == ["1.7"]


def test_an_event_that_nobody_wants_is_too_large_all_the_same() -> None:
    framer = Framer(max_bytes=100, wanted=["Hangup"])
    assert uniqueids(framer.feed(GREETING + b"Event: RTCPSent\r\nX: " + b"x" * 99 + b"\r\n\r\n" + HANGUP)) == ["1.7"]
    assert framer.skipped == 1


def test_every_line_of_a_command_s_output_is_kept() -> None:
    messages, _ = framed(b"Response: Success\r\nOutput: one: 1\r\nOutput: \r\nOutput:  two\r\n\r\n")
    assert messages[0].get_all("output") == ("one: 1", "", " two")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"no colon at all\r\n\r\n", "no header"),
        (b"Name: value\r\n\r\n", "neither event nor response"),
        (b"Event: \r\nUniqueid: 2\r\n\r\n", "an event without a name"),
        (b": x\r\n\r\n", "a header without a name"),
    ],
)
def test_a_message_that_makes_no_sense_is_counted_and_the_next_one_read(bad: bytes, why: str) -> None:
    messages, framer = framed(GREETING + bad + HANGUP)
    assert (uniqueids(messages), framer.skipped) == (["1.7"], 1), why


def test_a_line_without_a_colon_is_passed_over() -> None:
    messages, framer = framed(b"Event: Hangup\r\nnonsense\r\nUniqueid: 1.7\r\n\r\n")
    assert (uniqueids(messages), framer.skipped) == (["1.7"], 0)


def test_empty_lines_between_messages_are_nothing() -> None:
    messages, framer = framed(b"\r\n\r\n" + HANGUP + b"\r\n" + HANGUP + b"\r\n\r\n\r\n" + HANGUP)
    assert (len(messages), framer.skipped) == (3, 0)


def test_a_bare_line_feed_in_a_value_starts_no_header() -> None:
    messages, _ = framed(b"Event: VarSet\r\nValue: x\nUniqueid: forged\r\nUniqueid: 1.7\r\n\r\n")
    assert messages[0].get("Uniqueid") == "1.7"


@pytest.mark.parametrize("size", [101, 102, 103, 104, 105, 500, 70_000])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_an_oversized_message_is_passed_over_once(size: int, step: int) -> None:
    stream = HANGUP + b"Event: " + b"x" * (size - 7) + b"\r\n\r\n" + HANGUP
    chunks = [stream[i : i + step] for i in range(0, len(stream), step)]
    messages, framer = framed(*chunks, max_bytes=100)
    assert (uniqueids(messages), framer.skipped) == (["1.7", "1.7"], 1)


@pytest.mark.parametrize("step", [1, 99, 1000])
def test_a_message_of_just_the_limit_is_read(step: int) -> None:
    stream = b"Event: " + b"x" * 93 + b"\r\n\r\n"
    messages, framer = framed(*[stream[i : i + step] for i in range(0, len(stream), step)], max_bytes=100)
    assert (len(messages), framer.skipped) == (1, 0)


def test_a_stream_without_an_end_keeps_no_more_than_the_limit() -> None:
    framer = Framer(1000)
    for _ in range(10_000):
        framer.feed(b"x" * 100)
    assert len(framer._buffer) <= 1000
    assert framer.skipped == 1
    assert uniqueids(framer.feed(b"\r\n\r\n" + HANGUP)) == ["1.7"]


def test_four_times_the_bytes_cost_about_four_times_the_time() -> None:
    def cost(size: int) -> float:
        framer = Framer(10_000_000)
        chunk = b"x" * 64
        start = time.process_time()
        for _ in range(size // len(chunk)):
            framer.feed(chunk)
        return time.process_time() - start

    # A quadratic one costs 16 times as much.
    cost(100_000)
    assert min(cost(4_000_000) / cost(1_000_000) for _ in range(3)) < 8


def test_a_message_cannot_be_changed_and_shows_no_number_in_a_log() -> None:
    message = framed(b"Event: QueueCallerJoin\r\nCallerIDNum: 0912345678\r\n\r\n")[0][0]
    with pytest.raises(AttributeError):
        message.event = "x"  # type: ignore[misc]
    assert "0912345678" not in repr(message)


# Each byte drawn stands for one of these pieces, or for itself: hostile streams that are quick to make.
PIECES = (
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"\n",
        b"\0",
        b": ",
        b"Event: ",
        b"Response: Success",
        GREETING,
        HANGUP,
        b"\xff",
        b"x" * 70,
    ),
    *(f"Event: {name}\r\n".encode() for name in WANTED),
    *(
        f"{name}: 1.7\r\n".encode()
        for name in ("Uniqueid", "Linkedid", "DestUniqueid", "TransfererUniqueid", "Timestamp")
    ),
    *(b"Channel: PJSIP/9-01\r\n", b"Queue: support\r\n", b"Interface: PJSIP/1001\r\n", b"BridgeUniqueid: b\r\n"),
    *(b"TalkTime: -1\r\n", b"HoldTime: \xd9\xa3\r\n", b"Timestamp: nan\r\n", b"Reason: \r\n", b"BridgeType: basic\r\n"),
)


# The big one: twelve thousand streams, some ten seconds.
@settings(max_examples=12_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(drawn=st.binary(max_size=80), cuts=st.binary(max_size=8))
@example(drawn=b"\x00" * 40 + b"\x09", cuts=b"\x01\x03\x4d")
def test_no_bytes_raise_and_cuts_change_nothing(drawn: bytes, cuts: bytes) -> None:
    stream = b"".join(PIECES[byte] if byte < len(PIECES) else bytes([byte]) for byte in drawn)
    at_once, one = framed(stream, max_bytes=300)
    edges = [0, *sorted(cut * len(stream) // 256 for cut in cuts), len(stream)]
    in_pieces, many = framed(*[stream[a:b] for a, b in pairwise(edges)], max_bytes=300)
    assert in_pieces == at_once
    assert (many.version, many.skipped) == (one.version, one.skipped)
    translator = Translator("main")
    for message in at_once:
        try:
            event = typed(message, NOW)
        except EventMalformed:
            continue
        for told in translator.feed(event) if event else []:
            assert told.linkedid


@pytest.mark.parametrize("name", recordings.names())
def test_of_a_recording_nothing_that_is_typed_is_passed_over(name: str) -> None:
    stream = GREETING + recordings.stream(name)
    kept = Framer(wanted=TYPED).feed(stream, answers_due=False)
    assert {message.event for message in kept} <= {*TYPED, ""}
    events = [
        [event for message in messages if (event := typed(message, NOW))] for messages in (kept, framed(stream)[0])
    ]
    assert events[0] == events[1] != []


@pytest.mark.parametrize("name", recordings.names())
def test_a_recording_reads_the_same_byte_by_byte(name: str) -> None:
    stream = GREETING + recordings.stream(name)
    at_once, framer = framed(stream)
    assert framer.skipped == 0
    assert len(at_once) == len(list(recordings.timed_messages(name)))
    assert framed(*[stream[i : i + 1] for i in range(len(stream))])[0] == at_once
