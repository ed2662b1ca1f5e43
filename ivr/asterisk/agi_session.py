"""One FastAGI session: a connection on which Asterisk carries out one command at a time, with a deadline on everything.

The connection is closed the moment the caller is gone, a deadline passes or the other side makes no sense: an Asterisk
whose FastAGI socket stays open keeps the dead channel alive, and a caller in silence.
"""

import asyncio
import math
import secrets
from dataclasses import dataclass
from typing import Final, Protocol, cast

from ivr.asterisk.agi_protocol import (
    AgiHeader,
    AgiParser,
    AgiRequest,
    Hangup,
    ProtocolViolation,
    Reply,
    command_line,
    parse_request,
)
from ivr.errors import CallerHungUp, PhoneError

_UNASKED_REPLIES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AgiLimits:
    """What a FastAGI server puts up with. All times are in seconds and positive."""

    sessions: int = 2000
    """Connections at once; one more is closed as it comes, and its dialplan goes on."""
    header_seconds: float = 5.0
    """From the connection to the end of the header."""
    reply_seconds: float = 5.0
    """How long an answer may take beyond the time that the command itself needs."""
    prompt_seconds: float = 120.0
    """The longest prompt."""
    session_seconds: float = 900.0
    """From the header to the end of the session, whatever is under way."""


class SessionOwner(Protocol):
    """Who hears of a session's life; called from the event loop, and must not raise."""

    def admit(self, session: "AgiSession") -> bool:
        """A connection came. False closes it, and `ended` is not called."""

    def requested(self, session: "AgiSession") -> None:
        """The header is complete: `request` is set and commands may be sent."""

    def refused(self, session: "AgiSession", reason: str) -> None:
        """What came is no header, or none came in time. The connection is being closed."""

    def ended(self, session: "AgiSession") -> None:
        """The connection is closed."""


class AgiSession(asyncio.Protocol):
    """The server's side of one connection."""

    __slots__ = (
        "_answer_due",
        "_asked",
        "_end",
        "_life_due",
        "_loop",
        "_owner",
        "_parser",
        "_synchronised",
        "_transport",
        "_unasked",
        "_waiter",
        "_watch",
        "limits",
        "request",
        "uri_encoding",
    )

    def __init__(self, limits: AgiLimits, owner: SessionOwner) -> None:
        self.limits = limits
        self.request: AgiRequest | None = None
        self.uri_encoding = False
        """Whether this Asterisk has the dialplan function URIENCODE; known after the first command."""
        self._owner: SessionOwner | None = owner
        self._parser = AgiParser()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._life_due = math.inf
        self._answer_due = math.inf
        self._asked = ("", 0.0)
        """The command under way, and how many seconds it may take."""
        self._waiter: asyncio.Future[Reply] | None = None
        self._synchronised = False
        self._unasked = 0
        self._end: PhoneError | None = None

    @property
    def dropped_lines(self) -> int:
        """Lines so far that were neither a header field, a reply nor a hang-up."""
        return self._parser.dropped

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert self._owner is not None
        self._transport = cast("asyncio.Transport", transport)
        if not self._owner.admit(self):
            self._owner = None
            self.end(PhoneError("there are too many sessions"))
            return
        self._life_due = self._loop.time() + self.limits.header_seconds
        self._watch_until(self._life_due)

    def data_received(self, data: bytes) -> None:
        if self._end is not None:
            return
        try:
            for event in self._parser.feed(data):
                match event:
                    case AgiHeader():
                        self._open(event)
                    case Reply():
                        self._take(event)
                    case Hangup():
                        self.end(CallerHungUp("the caller hung up"))
        except ProtocolViolation as error:
            if self.request is None:
                self._refuse(str(error))
            else:
                self.end(PhoneError(f"the PBX makes no sense: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.request is None and self._end is None:
            self._refuse("the connection was closed before the end of the header")
        self.end(PhoneError("the PBX closed the connection"))
        owner, self._owner, self._transport = self._owner, None, None
        if owner is not None:
            owner.ended(self)

    # --- called by who serves the call ---

    async def command(self, command: str, *arguments: str | int, own_seconds: float = 0.0) -> Reply:
        """Carry out one AGI command and return what Asterisk answered with code 200.

        `own_seconds` is the time that the command itself may take, beyond `AgiLimits.reply_seconds` for its answer.
        Raises `CallerHungUp` when the channel is dead, and `PhoneError` when the command cannot be sent or is refused,
        the answer is late, or the session is over. A session whose command is cancelled is closed, because the
        answer that is still to come would be read as that of the next one.
        """
        line = command_line(command, *arguments)
        if not self._synchronised:
            await self._synchronise()
        reply = await self._exchange(command, line, own_seconds)
        if reply.code == 511:
            raise self.end(CallerHungUp("the caller hung up"))
        if reply.code != 200 or reply.result is None:
            raise PhoneError(f"the PBX refused {command}: {reply.code} {reply.text[:100]}")
        return reply

    async def evaluate(self, expression: str) -> str:
        """What the channel makes of an expression such as ``${EXTEN}``, by ``GET FULL VARIABLE``. Raises as `command`
        does."""
        if not self._synchronised:
            return await self._synchronise(expression)
        return (await self.command("GET FULL VARIABLE", expression)).value or ""

    def end(self, why: PhoneError) -> PhoneError:
        """Close the connection at once; every later command raises `why`. The first reason stays, and is returned."""
        if self._end is None:
            self._end = why
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(_again(why))
            if self._transport is not None:
                if self._transport.get_write_buffer_size():
                    self._transport.abort()  # who does not read must not keep the socket open
                else:
                    self._transport.close()
        return _again(self._end)

    def close(self) -> None:
        """End the session; the dialplan goes on."""
        self.end(PhoneError("the session is over"))

    # --- inside ---

    def _open(self, header: AgiHeader) -> None:
        assert self._owner is not None
        self.request = parse_request(header)
        self._life_due = self._loop.time() + self.limits.session_seconds
        self._watch_until(self._life_due)
        self._owner.requested(self)

    def _refuse(self, reason: str) -> None:
        if self._owner is not None and self._end is None:
            self._owner.refused(self, reason)
        self.end(PhoneError(reason))

    def _take(self, reply: Reply) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._answer_due = math.inf
            self._waiter.set_result(reply)
            return
        self._unasked += 1
        if self._unasked > _UNASKED_REPLIES:
            raise ProtocolViolation(f"more than {_UNASKED_REPLIES} replies to no command")

    async def _synchronise(self, expression: str = "") -> str:
        """Ask for a random word and drop all that comes before it.

        A line break in a caller's name can end the header early, and then the rest of that name stands where the first
        reply is expected. The same question tells whether values can be had percent-encoded, and what the channel makes
        of `expression`, which is returned: a round trip less, before the caller hears anything.
        """
        word = secrets.token_hex(8)
        question = f"{word}${{URIENCODE(a b)}}"
        line = command_line("GET FULL VARIABLE", f"{question}|{expression}" if expression else question)
        reply = await self._exchange("GET FULL VARIABLE", line, 0.0, answer_begins=word)
        encoded, _, value = (reply.value or "").removeprefix(word).partition("|")
        self.uri_encoding = encoded == "a%20b"
        self._synchronised = True
        return value

    async def _exchange(self, command: str, line: bytes, own_seconds: float, answer_begins: str = "") -> Reply:
        if self._waiter is not None:
            raise RuntimeError("an AGI session carries out one command at a time")
        if self._end is not None:
            raise _again(self._end)
        assert self._transport is not None
        if answer_begins:
            self._parser.skip_to(answer_begins)
        seconds = own_seconds + self.limits.reply_seconds
        self._asked = command, seconds
        self._answer_due = self._loop.time() + seconds
        self._watch_until(self._answer_due)
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        self._waiter = waiter
        try:
            self._transport.write(line)
            return await waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiter = None

    def _watch_until(self, due: float) -> None:
        """Have `_look` called by then.

        One timer serves all deadlines of a session. It is only ever brought forward, and looks again later when it
        comes too early: most commands are answered long before, and cost no timer of their own.
        """
        if self._watch is not None:
            if self._watch.when() <= due:
                return
            self._watch.cancel()
        self._watch = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._watch = None
        now = self._loop.time()
        if now >= self._answer_due:
            command, seconds = self._asked
            self.end(PhoneError(f"the PBX did not answer {command} within {seconds:g} s"))
        elif now < self._life_due:
            self._watch_until(min(self._answer_due, self._life_due))
        elif self.request is None:
            self._refuse(f"no header within {self.limits.header_seconds:g} s")
        else:
            self.end(PhoneError(f"the session took longer than {self.limits.session_seconds:g} s"))


def _again(error: PhoneError) -> PhoneError:
    """A fresh copy: an exception that is raised again and again collects tracebacks, and keeps their frames alive."""
    return type(error)(str(error))
