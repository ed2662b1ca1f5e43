"""The FastAGI wire protocol as pure functions and one sans-IO parser: bytes in, header, replies and hang-ups out.

Asterisk opens a connection, sends a header of ``agi_name: value`` lines that ends with an empty line, and then answers
one command line at a time. The facts are those of Asterisk's ``res/res_agi.c``, measured on 22.10 and 16.28.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from ivr.errors import PhoneError

HEADER_LINES: Final = 128
"""Most lines in a header, ignored ones included; Asterisk sends about 23 and one for each argument."""
HEADER_BYTES: Final = 32_768
"""Most bytes in a header."""
LINE_BYTES: Final = 65_536
"""Most bytes in one line; holds the longest answer of `agi_variables`."""
WASTE_BYTES: Final = 262_144
"""Most bytes in one session that belong to no reply: stray lines, and the usage text of a refused command."""
COMMAND_BYTES: Final = 2_046
"""Most bytes in a command without its line feed: Asterisk reads into 2,048 and takes what is over as a new command."""

_KEPT_LINES: Final = 256
"""Commands that are not put together again: callers are played the same prompts."""
_USAGE_END: Final = b"520 End of proper usage."
_HEADER_END: Final = re.compile(rb"(?:\A|\n)\r?\n")
_HEADER_LINE: Final = re.compile(r"^agi_([a-z0-9_]{1,64}): ?(.*)", re.MULTILINE)
_REPLY: Final = re.compile(r"([2-5]\d\d)(?:[ -](result=(\S*)(?: \((.*)\))?(?: endpos=(\d{1,18}))?\s*|.*))?", re.DOTALL)
_PATH: Final = re.compile(r"[!-~]{0,200}")
_UNIQUEID: Final = re.compile(r"[!-~]{1,150}")
_UNSENDABLE: Final = re.compile(r"[\r\n\0]")
_SPECIAL: Final = re.compile(r"[\r\n\0\\\"]")


class ProtocolViolation(Exception):
    """The other side sent what no Asterisk sends, or more than is allowed; the connection is of no use any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgiRequest:
    """What Asterisk says of the call when it connects.

    A line break in a caller's name can forge every field that Asterisk sends after it; `path`, `query`, `uniqueid`,
    `channel` and `language` come before any text from the phone, and the first of two equal names wins.
    """

    path: str
    """The route of ``agi://host/route?query``, without slashes at its ends."""
    query: dict[str, str]
    """The part after ``?``; the first of two equal names wins."""
    uniqueid: str
    """The caller's channel; 1 to 150 printable ASCII characters without a space."""
    channel: str
    language: str
    caller_number: str = field(repr=False)
    """Hostile text, as is `caller_name`; empty when Asterisk does not know it."""
    caller_name: str = field(repr=False)
    context: str
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgiHeader:
    """The whole header."""

    values: dict[str, str]
    """The first value of each name (without ``agi_``); other lines are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Asterisk's answer to one command."""

    code: int
    """200 done, 510 unknown command, 511 the channel is dead, 520 wrong usage."""
    result: str | None = None
    """What follows ``result=``, such as ``-1``, ``5`` or an empty string; None when the line has none."""
    value: str | None = None
    """What stands in parentheses, such as ``timeout`` or a variable's value; None when nothing does."""
    end_position: int | None = None
    """Samples played or recorded; None when not told."""
    text: str = ""
    """The line after its code, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    """The out-of-band line ``HANGUP``: the channel is gone. It comes at any time and answers nothing."""


AgiEvent = AgiHeader | Reply | Hangup


class AgiParser:
    """Cuts the bytes of one session into header, replies and hang-ups, however they are split. Lines that are none of
    these are dropped and counted. After a `ProtocolViolation` it must not be fed again."""

    __slots__ = ("_buffer", "_header_due", "_skip_to", "_usage", "_waste", "dropped")

    def __init__(self) -> None:
        self.dropped = 0
        self._buffer = bytearray()
        """What has come of the header, and then of a line."""
        self._header_due = True
        self._skip_to = b""
        self._usage: str | None = None
        self._waste = 0

    def skip_to(self, word: str) -> None:
        """Drop all but hang-ups until the reply whose value starts with `word`."""
        self._skip_to = b"200 result=1 (" + word.encode()

    def feed(self, data: bytes) -> list[AgiEvent]:
        """Take what arrived and return what it completed. Raises `ProtocolViolation` beyond a limit."""
        events: list[AgiEvent] = []
        if self._header_due:
            header = self._header(data)
            if header is None:
                return events
            events.append(header)
            data = bytes(self._buffer)
            self._buffer.clear()
        buffer = self._buffer
        # A line that comes in many parts is put together once.
        if b"\n" not in data:
            buffer += data
        else:
            lines = (bytes(buffer) + data if buffer else data).split(b"\n")
            buffer[:] = lines.pop()
            for line in lines:
                if len(line) > LINE_BYTES:
                    raise ProtocolViolation(f"a line is longer than {LINE_BYTES} bytes")
                event = self._reply_line(line)
                if event is not None:
                    events.append(event)
        if len(buffer) > LINE_BYTES:
            raise ProtocolViolation(f"a line is longer than {LINE_BYTES} bytes")
        return events

    def _header(self, data: bytes) -> AgiHeader | None:
        """The header, once it is whole: it is read in one go. What came after it stays in the buffer."""
        buffer = self._buffer
        before = len(buffer)
        buffer += data
        # The empty line may come in up to three parts.
        found = _HEADER_END.search(buffer, max(0, before - 2))
        end = found.end() if found else len(buffer)
        lines = buffer.count(b"\n", 0, end)
        if lines > HEADER_LINES:
            raise ProtocolViolation(f"the header has more than {HEADER_LINES} lines")
        if end > HEADER_BYTES:
            raise ProtocolViolation(f"the header is longer than {HEADER_BYTES} bytes")
        if found is None:
            return None
        text = buffer[:end].decode(errors="replace").replace("\r\n", "\n")
        del buffer[:end]
        # From the end, so that of equal names the first one is left.
        values: dict[str, str] = dict(reversed(_HEADER_LINE.findall(text)))
        self.dropped += lines - 1 - len(values)
        self._header_due = False
        return AgiHeader(values=values)

    def _reply_line(self, line: bytes) -> Reply | Hangup | None:
        line = line.removesuffix(b"\r")
        if line == b"HANGUP":
            self._usage = None
            return Hangup()
        if self._skip_to:
            if not line.startswith(self._skip_to):
                self._drop(line)
                return None
            self._skip_to = b""
            self._usage = None
        if self._usage is not None:
            # The usage text may lack a line feed of its own before the line that ends it.
            if line.endswith(_USAGE_END):
                reply = Reply(code=520, text=self._usage)
                self._usage = None
                return reply
            self._count_waste(line)
            return None
        if line.startswith(b"520-"):
            self._usage = line[4:].decode(errors="replace")
            return None
        reply_or_none = parse_reply(line)
        if reply_or_none is None:
            self._drop(line)
        return reply_or_none

    def _drop(self, line: bytes) -> None:
        self.dropped += 1
        self._count_waste(line)

    def _count_waste(self, line: bytes) -> None:
        self._waste += len(line) + 1
        if self._waste > WASTE_BYTES:
            raise ProtocolViolation(f"more than {WASTE_BYTES} bytes belong to no reply")


def parse_reply(line: bytes) -> Reply | None:
    """Read one line such as ``200 result=5 (timeout)``; None when it is no reply at all."""
    found = _REPLY.fullmatch(line.decode(errors="replace"))
    if found is None:
        return None
    code, text, result, value, end_position = found.groups()
    return Reply(
        code=int(code),
        result=result,
        value=value,
        end_position=int(end_position) if end_position else None,
        text=text or "",
    )


def parse_request(header: AgiHeader) -> AgiRequest:
    """Read the call from the header. Raises `ProtocolViolation` when it names no call, or the path is not plain."""
    values = header.values
    uniqueid = values.get("uniqueid", "")
    path, _, query = values.get("network_script", "").partition("?")
    if not _UNIQUEID.fullmatch(uniqueid):
        raise ProtocolViolation("the header has no agi_uniqueid of 1 to 150 printable characters")
    if not _PATH.fullmatch(path):
        raise ProtocolViolation("the path is longer than 200 characters, or has other than printable ASCII in it")
    pairs: dict[str, str] = {}
    for name, value in parse_qsl(query[:2000], keep_blank_values=True) if query else ():
        pairs.setdefault(name, value)
    return AgiRequest(
        path=path.strip("/"),
        query=pairs,
        uniqueid=uniqueid,
        channel=values.get("channel", ""),
        language=values.get("language", ""),
        caller_number=_known(values.get("callerid", "")),
        caller_name=_known(values.get("calleridname", "")),
        context=values.get("context", ""),
        extension=values.get("extension", ""),
    )


def _known(value: str) -> str:
    return "" if value == "unknown" else value


def quote(argument: str) -> str:
    """Quote an argument so that Asterisk's ``parse_args`` reads back exactly it.

    Within double quotes, a backslash makes the next character literal. Raises `PhoneError` for a line break or NUL,
    which would end the command.
    """
    if not _SPECIAL.search(argument):
        return f'"{argument}"'
    if _UNSENDABLE.search(argument):
        raise PhoneError("an AGI argument has a line break or a NUL in it")
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@lru_cache(maxsize=_KEPT_LINES)
def command_line(command: str, *arguments: str | int) -> bytes:
    """Return `command` (plain words, such as ``STREAM FILE``) with its arguments quoted, and the line feed.

    Raises `PhoneError` when an argument cannot be sent, or the whole is longer than `COMMAND_BYTES`.
    """
    words = [command, *[str(word) if isinstance(word, int) else quote(word) for word in arguments]]
    line = " ".join(words).encode(errors="replace")
    if len(line) > COMMAND_BYTES:
        raise PhoneError(f"the AGI command {command} is {len(line)} bytes long; at most {COMMAND_BYTES} are allowed")
    return line + b"\n"


def without_breaks(value: str) -> str:
    """Return `value` with each line break and NUL made a space: what can be sent in a command."""
    return _UNSENDABLE.sub(" ", value)
