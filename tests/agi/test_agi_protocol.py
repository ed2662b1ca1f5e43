"""What is on the wire: framing, header, replies and quoting, however the bytes are cut."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr.asterisk.agi_protocol import (
    COMMAND_BYTES,
    HEADER_BYTES,
    HEADER_LINES,
    LINE_BYTES,
    WASTE_BYTES,
    AgiHeader,
    AgiParser,
    Hangup,
    ProtocolViolation,
    Reply,
    command_line,
    parse_reply,
    parse_request,
    without_breaks,
)
from ivr.errors import PhoneError
from tests.agi.agi_client import asterisk_reads, header


def opened() -> AgiParser:
    parser = AgiParser()
    (event,) = parser.feed(header())
    assert isinstance(event, AgiHeader)
    return parser


def feed_all(parser: AgiParser, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        parser.feed(piece)


def request_of(first: bytes):
    (event,) = AgiParser().feed(first)
    assert isinstance(event, AgiHeader)
    return parse_request(event)


# --- header ---


def test_the_header_tells_the_call_its_route_and_its_query():
    request = request_of(header("survey?site=main&flow=csat%20short&flow=other"))
    assert request.path == "survey"
    assert request.query == {"site": "main", "flow": "csat short"}
    assert (request.uniqueid, request.channel, request.language) == ("1795324275.8", "PJSIP/caller-00000008", "en")
    assert (request.caller_number, request.caller_name) == ("0912000000", "Anna Caller")
    assert (request.context, request.extension) == ("survey", "s")


def test_a_caller_without_a_number_or_name_is_empty_and_not_unknown():
    request = request_of(header(name=b"unknown").replace(b"callerid: 0912000000", b"callerid: unknown"))
    assert (request.caller_number, request.caller_name) == ("", "")


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ('Анна "O\'Neil", 李雷'.encode(), 'Анна "O\'Neil", 李雷'),
        ("Jürgen".encode("latin-1"), "J\ufffdrgen"),
        (b"\xff\xfe\x00\x07", "\ufffd\ufffd\x00\x07"),
        (b"a: b: c", "a: b: c"),
    ],
)
def test_a_caller_may_have_any_name(raw, read):
    assert request_of(header(name=raw)).caller_name == read


def test_a_line_break_in_a_name_cannot_replace_what_asterisk_said_before():
    parser = AgiParser()
    (event,) = parser.feed(header(name=b"Bob\r\nagi_uniqueid: 1\nagi_channel: PJSIP/boss\nX-Evil: 1\nHANGUP"))
    assert isinstance(event, AgiHeader)
    assert parser.dropped == 4
    request = parse_request(event)
    assert (request.uniqueid, request.channel) == ("1795324275.8", "PJSIP/caller-00000008")


def test_a_caller_is_not_shown_when_a_request_is_printed():
    assert "0912000000" not in repr(request_of(header()))
    assert "Anna" not in repr(request_of(header()))


@pytest.mark.parametrize(
    "bad",
    [
        b"\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"agi_network_script: survey\n\n",
        b"agi_network_script: survey\nagi_uniqueid: a b\n\n",
        b"agi_network_script: survey\nagi_uniqueid: " + b"1" * 151 + b"\n\n",
        b"agi_network_script: sur\x1bvey\nagi_uniqueid: 1\n\n",
        b"agi_network_script: " + b"s" * 201 + b"\nagi_uniqueid: 1\n\n",
    ],
)
def test_a_header_without_a_call_or_a_plain_path_is_refused(bad):
    with pytest.raises(ProtocolViolation):
        request_of(bad)


@pytest.mark.parametrize(
    "flood",
    [
        b"agi_x: 1\n" * (HEADER_LINES + 1),
        b"a" * (HEADER_BYTES + 1),
        b"agi_x: " + b"a" * HEADER_BYTES + b"\n\n",
        b"\x00" * (LINE_BYTES + 1),
    ],
)
def test_a_header_beyond_its_limits_is_refused_while_it_still_comes(flood):
    pieces = (flood[start : start + 999] for start in range(0, len(flood), 999))
    with pytest.raises(ProtocolViolation):
        feed_all(AgiParser(), pieces)


# --- replies ---


@pytest.mark.parametrize(
    ("line", "code", "result", "value", "end"),
    [
        (b"200 result=5", 200, "5", None, None),
        (b"200 result=", 200, "", None, None),
        (b"200 result= (timeout)", 200, "", "timeout", None),
        (b"200 result=57 (timeout)", 200, "57", "timeout", None),
        (b"200 result=-1", 200, "-1", None, None),
        (b"200 result=0", 200, "0", None, None),
        (b"200 result=1 ()", 200, "1", "", None),
        (b"200 result=1 (a (b) c)", 200, "1", "a (b) c", None),
        (b"200 result=1 (hangup)", 200, "1", "hangup", None),
        (b"200 result=1 (HANGUP)", 200, "1", "HANGUP", None),
        (b"200 result=0 endpos=3520", 200, "0", None, 3520),
        (b"200 result=-1 (hangup) endpos=160", 200, "-1", "hangup", 160),
        (b"200 result=53 (dtmf) endpos=0", 200, "53", "dtmf", 0),
        (b"511 Command Not Permitted on a dead channel or intercept routine", 511, None, None, None),
        (b"510 Invalid or unknown command", 510, None, None, None),
        (b"200 something else", 200, None, None, None),
    ],
)
def test_a_reply_is_read_to_its_parts(line, code, result, value, end):
    reply = parse_reply(line)
    assert reply is not None
    assert (reply.code, reply.result, reply.value, reply.end_position) == (code, result, value, end)


@pytest.mark.parametrize(
    "line", [b"", b"b)", b"hangup", b"xHANGUP", b"20", b"2000 result=1", b"x200 result=1", b"agi_x: 1"]
)
def test_what_is_no_reply_is_dropped_and_counted(line):
    parser = opened()
    assert parser.feed(line + b"\n200 result=7\n")[-1] == Reply(code=200, result="7", text="result=7")
    assert parser.dropped == 1


def test_a_refusal_over_several_lines_is_one_reply():
    refusal = (
        b"520-Invalid command syntax.  Proper usage follows:\nUsage: GET DATA <file>\n 200 result=9\n200 result=9\n\n"
        b"Returns the digits.520 End of proper usage.\n200 result=5\n"
    )
    first, second = opened().feed(refusal)
    assert isinstance(first, Reply)
    assert (first.code, first.text) == (520, "Invalid command syntax.  Proper usage follows:")
    assert isinstance(second, Reply)
    assert second.result == "5"


def test_a_refusal_on_one_line_is_one_reply():
    (reply,) = opened().feed(b"520 Invalid command syntax.  Proper usage not available.\n")
    assert isinstance(reply, Reply)
    assert reply.code == 520


def test_a_hang_up_is_never_a_reply():
    events = opened().feed(b"HANGUP\n200 result=1\r\nHANGUP\r\n520-Invalid\nusage\nHANGUP\n200 result=-1\n")
    assert [type(event) for event in events] == [Hangup, Reply, Hangup, Hangup, Reply]


@pytest.mark.parametrize(
    "flood", [b"x" * (LINE_BYTES + 1), b"stray\n" * (WASTE_BYTES // 6 + 1), b"520-\n" + b"u" * 60_000 + b"\n"]
)
def test_what_belongs_to_no_reply_is_not_read_for_ever(flood):
    with pytest.raises(ProtocolViolation):
        feed_all(opened(), [flood] * 6)


def test_a_long_value_is_read_whole():
    value = b"x" * (LINE_BYTES - 100)
    (reply,) = opened().feed(b"200 result=1 (" + value + b")\n")
    assert isinstance(reply, Reply)
    assert reply.value == value.decode()


# --- commands ---


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=40), max_size=8))
@example(["", '"', "\\", '\\"', 'a" b', "\\\\", " ", "\t", "ends with \\"])
@settings(max_examples=500)
def test_asterisk_reads_back_the_very_arguments(arguments):
    line = command_line("SET VARIABLE", *arguments)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert asterisk_reads(line[:-1].decode()) == ["SET", "VARIABLE", *arguments]


@pytest.mark.parametrize("breaking", ["a\nHANGUP", "a\r\nHANGUP", "a\rb", "a\0b"])
def test_an_argument_cannot_smuggle_a_second_command(breaking):
    with pytest.raises(PhoneError, match="line break"):
        command_line("SET VARIABLE", "X", breaking)
    assert asterisk_reads(command_line("SET VARIABLE", "X", without_breaks(breaking))[:-1].decode())[3][0] == "a"


def test_half_a_character_does_not_stop_a_command():
    assert command_line("SET VARIABLE", "X", "\ud800") == b'SET VARIABLE "X" "?"\n'


def test_a_command_longer_than_asterisk_reads_is_refused_whole():
    room = COMMAND_BYTES - len('SET VARIABLE "X" ""')
    assert len(command_line("SET VARIABLE", "X", "v" * room)) == 2047
    with pytest.raises(PhoneError, match="2047 bytes"):
        command_line("SET VARIABLE", "X", "v" * (room + 1))
    with pytest.raises(PhoneError, match="at most 2046"):
        command_line("SET VARIABLE", "X", "李" * 700)


# --- whatever arrives ---

FRAGMENTS = [
    *(
        b"agi_",
        b"agi_uniqueid: 1",
        b": ",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"200 result=",
        b"5",
        b"-1",
        b" (timeout)",
        b"HANGUP",
    ),
    *(b"HANGUP\n", b"520-x\n", b"520 End of proper usage.\n", b"511 x\n", b" endpos=9", b"(", b")", b"\xff\xd0", b"\0"),
]


def noise(seed: bytes) -> bytes:
    """Any bytes, rich in what means something to the parser; one draw of bytes is ten times faster than of lists."""
    return b"".join(FRAGMENTS[byte % 20] if byte < 180 else bytes([byte ^ 0xA5]) for byte in seed)


def cut(data: bytes, places: bytes) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[left:right] for left, right in pairwise(edges)]


@given(st.binary(max_size=40), st.binary(max_size=6))
@settings(max_examples=6_000, deadline=None)
def test_any_bytes_instead_of_a_header_are_read_or_refused(seed, places):
    data = noise(seed)
    whole = AgiParser().feed(data)
    parser = AgiParser()
    assert [event for piece in cut(data, places) for event in parser.feed(piece)] == whole
    for event in whole[:1]:
        assert isinstance(event, AgiHeader)
        with suppress(ProtocolViolation):
            assert parse_request(event).uniqueid


@given(st.binary(max_size=40), st.binary(max_size=6))
@settings(max_examples=6_000, deadline=None)
def test_after_any_bytes_the_next_reply_is_read_aright(seed, places):
    data = noise(seed) + b"\n520 End of proper usage.\n200 result=5 (timeout)\n"
    whole = opened().feed(data)
    assert whole[-1] == Reply(code=200, result="5", value="timeout", text="result=5 (timeout)")
    parser = opened()
    assert [event for piece in cut(data, places) for event in parser.feed(piece)] == whole
    assert not any(isinstance(event, AgiHeader) for event in whole)
