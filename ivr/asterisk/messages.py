"""Bytes from the Asterisk Manager Interface (AMI) to messages. Pure: nothing here knows a socket.

AMI is lines of `Name: value` ended by CR LF, with an empty line after each message. A message is framed as bytes and
decoded whole, so that a character split over two TCP segments stays one character.
"""

from collections.abc import Collection, Iterator
from functools import cache

_LINE = b"\r\n"
_END = b"\r\n\r\n"
_EVENT = b"Event: "
_ACTION_ID = b"\r\nActionID: "
_UNREADABLE = "\ufffd".encode()
_GREETING = b"Asterisk Call Manager/"
_GREETING_LIMIT = 256


class Message:
    """One AMI message: an event or a response. Immutable.

    A header is searched for when it is asked for: of the twenty that an event has, few ever are. First comes what
    Asterisk writes, ``Name: value`` with the name just so; only where that is missing, upper and lower case do not
    matter, nor does the space.
    """

    __slots__ = ("_event", "_lines")

    def __init__(self, block: bytes, event: str = "") -> None:
        """`block` is the lines of the message, without the empty line that ends it; `event` the event's name, if that
        was read already."""
        self._lines = f"\r\n{block.decode('utf-8', 'replace')}\r\n"
        self._event = event or self.get("Event")

    @property
    def event(self) -> str:
        """The name of the event; empty for a response."""
        return self._event

    @property
    def response(self) -> str:
        """``Success``, ``Error``, ``Goodbye`` …; empty for an event."""
        return self.get("Response")

    @property
    def action_id(self) -> str:
        """The ActionID of the action that this message answers; empty when it answers none."""
        return self.get("ActionID")

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header; bytes that are no UTF-8 are U+FFFD in it.

        The first one wins: whatever a dialplan's UserEvent, or a line break smuggled into a value, appends to a message
        comes after the headers that Asterisk itself wrote.
        """
        lines, mark = self._lines, _mark(name)
        begin = lines.find(mark)
        if begin < 0:
            return self._find_folded(name, default)
        begin += len(mark)
        return lines[begin : lines.find("\r\n", begin)]

    def _find_folded(self, name: str, default: str) -> str:
        # Folded as bytes: then each character keeps its place, as not every one does in `str.lower`.
        folded, mark = self._lines.encode().lower().decode(), f"\r\n{name.lower()}:"
        begin = folded.find(mark)
        if begin < 0:
            return default
        begin += len(mark)
        return self._lines[begin : self._lines.find("\r\n", begin)].removeprefix(" ")

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value of a header that may come several times, such as ``Output`` or ``ChanVariable``."""
        wanted = name.lower()
        return tuple(value for key, value in self if key.lower() == wanted)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Every header in order, as name and value. Lines without a name are passed over."""
        for line in self._lines.split("\r\n"):
            name, colon, value = line.partition(":")
            if name and colon:
                yield name, value.removeprefix(" ")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._lines == other._lines

    def __hash__(self) -> int:
        return hash(self._lines)

    def __repr__(self) -> str:
        # Values hold callers' numbers, so a message that ends up in a log shows none of them.
        kind = f"event {self.event!r}" if self.event else f"response {self.response!r}"
        return f"<Message {kind}, {len(tuple(self))} headers>"


@cache
def _mark(name: str) -> str:
    """How a line with this header begins. Only names that the code has are asked for, so all are kept."""
    # Lines end with CR LF only: a bare LF belongs to a value, and must not let the value pose as a header.
    return f"\r\n{name}: "


class Framer:
    """Cuts a stream of bytes into messages. The cost is linear in the bytes fed, however they are chunked.

    Of events only those named in `wanted` become messages; None means all. Names are compared as Asterisk writes them,
    and before anything else is read: of the events of a busy PBX two in three are of no use to us.

    A message of more than `max_bytes` is passed over up to its end; so is one that cannot be read. Both are counted
    in `skipped`, and neither harms what follows.
    """

    def __init__(self, max_bytes: int = 65536, wanted: Collection[str] | None = None) -> None:
        self.version: str | None = None
        """The version of AMI from the greeting, such as ``11.0.0``; None until it was seen."""
        self.skipped = 0
        self._max_bytes = max_bytes
        self._wanted = None if wanted is None else {_EVENT + name.encode(): name for name in wanted}
        self._buffer = bytearray()
        self._scanned = 0
        self._greeting_due = True
        self._skipping = False

    def feed(self, data: bytes, *, answers_due: bool = True) -> list[Message]:
        """Take the next bytes, and give the messages that they complete, in order.

        While `answers_due`, an event with an ActionID is always one of them: it may be part of the answer to an action.
        """
        # No database column takes a NUL, and no header has a use for one.
        self._buffer += data.replace(b"\0", _UNREADABLE)
        if self._greeting_due:
            self._take_greeting()
        if self._greeting_due:
            return []
        messages = []
        wanted, max_bytes, event = self._wanted, self._max_bytes, ""
        for block in self._whole_blocks():
            if len(block) > max_bytes:
                self.skipped += 1
                continue
            if wanted is not None:
                end = block.find(_LINE)
                event = wanted.get(block[:end] if end >= 0 else block, "")
                if not event and block.startswith(_EVENT) and not (answers_due and _ACTION_ID in block):
                    continue
            if stripped := block.strip(_LINE):
                message = Message(stripped, event)
                if event or message.event or message.response:
                    messages.append(message)
                else:
                    self.skipped += 1
        return messages

    def _whole_blocks(self) -> list[bytes]:
        """Take everything out of the buffer that has come to its end; of what is too large only the end is kept."""
        buffer = self._buffer
        blocks: list[bytes] = []
        if buffer.find(_END, self._scanned) >= 0:
            *blocks, rest = bytes(buffer).split(_END)
            buffer[:] = rest
            if self._skipping:
                self._skipping = False
                del blocks[0]
        # The end mark may be split over two chunks, so its first three bytes are looked at again.
        overlap = len(_END) - 1
        if not self._skipping and len(buffer) > self._max_bytes + overlap:
            self.skipped += 1
            self._skipping = True
        if self._skipping:
            del buffer[:-overlap]
        self._scanned = max(0, len(buffer) - overlap)
        return blocks

    def _take_greeting(self) -> None:
        """The greeting is one line, without the empty line that ends a message."""
        buffer = self._buffer
        end = buffer.find(_LINE, 0, _GREETING_LIMIT + len(_LINE))
        if buffer.startswith(_GREETING) and end >= 0:
            self.version = buffer[len(_GREETING) : end].decode("ascii", errors="replace").strip()
            self._greeting_due = False
            del buffer[: end + len(_LINE)]
            return
        may_still_come = _GREETING.startswith(buffer[: len(_GREETING)]) or buffer.startswith(_GREETING)
        self._greeting_due = end < 0 and may_still_come and len(buffer) < _GREETING_LIMIT + len(_LINE)
