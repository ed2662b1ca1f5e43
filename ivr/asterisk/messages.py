"""Bytes from the Asterisk Manager Interface (AMI) to messages. Pure: nothing here knows a socket.

AMI is lines of `Name: value` ended by CR LF, with an empty line after each message. A message is framed as bytes and
decoded whole, so that a character split over two TCP segments stays one character.
"""

from collections.abc import Iterator

_LINE = b"\r\n"
_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager/"
_GREETING_LIMIT = 256


class Message:
    """One AMI message: an event or a response. Immutable; names of headers are case-insensitive."""

    __slots__ = ("_first", "_headers")
    _first: dict[str, str]
    _headers: tuple[tuple[str, str], ...]

    def __init__(self, headers: tuple[tuple[str, str], ...]) -> None:
        first: dict[str, str] = {}
        for name, value in headers:
            # The first one wins: whatever a dialplan's UserEvent, or a line break smuggled into a value, appends to a
            # message comes after the headers that Asterisk itself wrote.
            first.setdefault(name.lower(), value)
        object.__setattr__(self, "_headers", headers)
        object.__setattr__(self, "_first", first)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Message is immutable")

    @property
    def event(self) -> str:
        """The name of the event; empty for a response."""
        return self._first.get("event", "")

    @property
    def response(self) -> str:
        """``Success``, ``Error``, ``Goodbye`` …; empty for an event."""
        return self._first.get("response", "")

    @property
    def action_id(self) -> str:
        """The ActionID of the action that this message answers; empty when it answers none."""
        return self._first.get("actionid", "")

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header."""
        return self._first.get(name.lower(), default)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value of a header that may come several times, such as ``Output`` or ``ChanVariable``."""
        wanted = name.lower()
        return tuple(value for key, value in self._headers if key.lower() == wanted)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._headers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._headers == other._headers

    def __hash__(self) -> int:
        return hash(self._headers)

    def __repr__(self) -> str:
        # Values hold callers' numbers, so a message that ends up in a log shows none of them.
        kind = f"event {self.event!r}" if self.event else f"response {self.response!r}"
        return f"<Message {kind}, {len(self._headers)} headers>"


def parse(block: bytes) -> Message | None:
    """The message in a framed block, or None when it is neither an event nor a response.

    Lines without a colon are passed over, and bytes that are no UTF-8 become U+FFFD.
    """
    # No database column takes a NUL, and no header has a use for one.
    text = block.decode("utf-8", errors="replace").replace("\0", "\ufffd")
    headers = []
    # Lines end with CR LF only: a bare LF belongs to a value, and must not let the value pose as a header.
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon and (name := name.strip()):
            headers.append((name, value[1:] if value.startswith(" ") else value))
    message = Message(tuple(headers))
    return message if message.event or message.response else None


class Framer:
    """Cuts a stream of bytes into messages. The cost is linear in the bytes fed, however they are chunked.

    A message of more than `max_bytes` is passed over up to its end; so is one that cannot be read. Both are counted
    in `skipped`, and neither harms what follows.
    """

    def __init__(self, max_bytes: int = 65536) -> None:
        self.version: str | None = None
        """The version of AMI from the greeting, such as ``11.0.0``; None until it was seen."""
        self.skipped = 0
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._greeting_due = True
        self._skipping = False

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes, and give the messages that they complete, in order."""
        buffer = self._buffer
        buffer += data
        start = self._after_greeting() if self._greeting_due else 0
        if self._greeting_due:
            return []
        messages = []
        while (end := buffer.find(_END, max(start, self._scanned))) >= 0:
            if self._skipping:
                self._skipping = False
            elif end - start > self._max_bytes:
                self.skipped += 1
            elif block := bytes(buffer[start:end]).strip(_LINE):
                message = parse(block)
                if message is None:
                    self.skipped += 1
                else:
                    messages.append(message)
            start = end + len(_END)
        del buffer[:start]
        # The end mark may be split over two chunks, so its first three bytes are looked at again.
        overlap = len(_END) - 1
        if not self._skipping and len(buffer) > self._max_bytes + overlap:
            self.skipped += 1
            self._skipping = True
        if self._skipping:
            del buffer[:-overlap]
        self._scanned = max(0, len(buffer) - overlap)
        return messages

    def _after_greeting(self) -> int:
        """Where the first message starts. The greeting is one line, without the empty line that ends a message."""
        buffer = self._buffer
        end = buffer.find(_LINE, 0, _GREETING_LIMIT + len(_LINE))
        if buffer.startswith(_GREETING) and end >= 0:
            self.version = buffer[len(_GREETING) : end].decode("ascii", errors="replace").strip()
            self._greeting_due = False
            return end + len(_LINE)
        may_still_come = _GREETING.startswith(buffer[: len(_GREETING)]) or buffer.startswith(_GREETING)
        self._greeting_due = end < 0 and may_still_come and len(buffer) < _GREETING_LIMIT + len(_LINE)
        return 0
