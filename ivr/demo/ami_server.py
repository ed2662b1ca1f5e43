"""The AMI port of the simulated PBX: logins, actions and the event stream, on the wire as Asterisk puts them."""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Collection
from typing import cast

from ivr.demo.ami_actions import Action, AmiActions, error, response
from ivr.demo.channels import Fields
from ivr.demo.events import Event, wire_message

_GREETING = b"Asterisk Call Manager/11.0.0\r\n"
_END = b"\r\n\r\n"
_ALL = "all"
_MOST_BYTES = 65536
"""Of one action; a client that sends more without an empty line is dropped."""
_SEND_BUFFER_BYTES = 65536


class AmiServer:
    """Serves any number of AMI clients on a loopback port."""

    def __init__(
        self,
        *,
        user: str,
        secret: str = "",
        events: Collection[str] | None,
        timestamp: Callable[[], float],
        write_timeout: float,
    ) -> None:
        self.user = user
        self.secret = secret or secrets.token_urlsafe(18)
        self.write_timeout = write_timeout
        self._events = events
        self._timestamp = timestamp
        self._sessions: set[_Session] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int, actions: AmiActions) -> int:
        """Listen, and let `actions` answer; returns the port, a free one for 0. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self, actions), "127.0.0.1", port)
        return cast("int", self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, and drop every client."""
        if self._server:
            self._server.close()
            self.drop_clients()
            await self._server.wait_closed()
            self._server = None

    def drop_clients(self) -> None:
        """Cut every connection, as a restart of the PBX does."""
        for session in list(self._sessions):
            session.drop()

    def send(self, event: Event) -> None:
        """Send an event to every client that has logged in, if it passes the filter."""
        if self._events is not None and event.name not in self._events:
            return
        data = event.wire(self._timestamp())
        for session in list(self._sessions):
            session.send_event(event.privilege, data)

    @property
    def clients(self) -> int:
        """How many connections are open, logged in or not."""
        return len(self._sessions)

    def add(self, session: "_Session") -> None:
        self._sessions.add(session)

    def remove(self, session: "_Session") -> None:
        self._sessions.discard(session)

    def accepts(self, action: Action) -> bool:
        """Whether these are the right user and secret."""
        given = f"{action.get('username', '')}\0{action.get('secret', '')}".encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, f"{self.user}\0{self.secret}".encode())


class _Session(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: AmiServer, actions: AmiActions) -> None:
        self._server = server
        self._actions = actions
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._logged_in = False
        self._classes: frozenset[str] = frozenset()
        """The classes of events that the client asked for; `_ALL` in it stands for every class."""
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_SEND_BUFFER_BYTES)
        self._server.add(self)
        self._transport.write(_GREETING)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.remove(self)
        self._transport = None
        self.resume_writing()

    def pause_writing(self) -> None:
        # Asterisk ends a session whose socket it cannot write to for `writetimeout`.
        self._stuck = asyncio.get_running_loop().call_later(self._server.write_timeout, self.drop)

    def resume_writing(self) -> None:
        if self._stuck:
            self._stuck.cancel()
            self._stuck = None

    def drop(self) -> None:
        if self._transport:
            self._transport.abort()

    def send_event(self, privilege: str, data: bytes) -> None:
        if self._transport and self._logged_in and self._classes & {privilege, _ALL}:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._transport and (end := self._buffer.find(_END)) >= 0:
            block, self._buffer = self._buffer[:end], self._buffer[end + len(_END) :]
            self._take(_action(block))
        if len(self._buffer) > _MOST_BYTES:
            self.drop()

    def _take(self, action: Action) -> None:
        match action.get("action", "").lower():
            case "login":
                self._log_in(action)
            case "logoff":
                self._write(response(action, "Goodbye", ("Message", "Thanks for all the fish.")))
                self._close()
            case _ if not self._logged_in:
                self._write(error(action, "Permission denied"))
            case _:
                for message in self._actions.answer(action):
                    self._write(message)

    def _log_in(self, action: Action) -> None:
        if not self._server.accepts(action):
            self._write(error(action, "Authentication failed"))
            self._close()
            return
        self._write(response(action, "Success", ("Message", "Authentication accepted")))
        self._logged_in = True
        asked = action.get("events", "on").lower().replace(" ", "")
        if asked in ("on", "yes", "true", "1", "all"):
            self._classes = frozenset({_ALL})
        elif asked != "off":
            self._classes = frozenset(asked.split(","))
        if self._classes & {"system", _ALL}:
            self._write(self._actions.fully_booted())

    def _write(self, fields: Fields) -> None:
        if self._transport:
            self._transport.write(wire_message(fields))

    def _close(self) -> None:
        if self._transport:
            self._transport.close()
            self._transport = None


def _action(block: bytes) -> Action:
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "surrogateescape").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers
