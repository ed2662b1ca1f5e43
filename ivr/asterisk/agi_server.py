"""The FastAGI server: listens, limits, and hands each call to the handler of its route."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.agi_session import AgiLimits, AgiSession
from ivr.errors import CallerHungUp, PhoneError, PostcallError, SettingsError
from ivr.network import network_reason

Handler = Callable[[AgiRequest, AgiPhone], Awaitable[None]]
"""Serves one call. The session is closed when it returns or raises."""

WRITING_SECONDS = 5.0
"""How long, when the server stops, what handled a call may go on after the call: the answer, the end, the credit."""
_BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AgiCounts:
    """What a server has seen since it was made."""

    open: int
    """Connections now, those included that have not sent their header yet."""
    accepted: int
    """Calls whose header was complete."""
    refused: int
    """Connections closed because `AgiLimits.sessions` were open."""
    bad_requests: int
    """Connections without a good header in time: port scans, and what is not Asterisk."""
    unknown_routes: int
    """Calls for a path that has no handler."""
    failed: int
    """Calls whose handler raised anything but `CallerHungUp`."""
    dropped_lines: int
    """Lines that meant nothing, such as those of a caller name with a line break in it."""


class AgiServer:
    """Serves ``agi://host:port/<route>`` for each route, such as ``survey``."""

    def __init__(
        self,
        host: str,
        port: int,
        routes: Mapping[str, Handler],
        limits: AgiLimits,
        prompt_prefix: str = "postcall",
    ) -> None:
        self._host = host
        self._port = port
        self._routes = dict(routes)
        self._limits = limits
        self._prefix = prompt_prefix
        self._log = structlog.get_logger("postcall.fastagi")
        self._server: asyncio.Server | None = None
        self._bound_port = 0
        self._sessions: set[AgiSession] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._stopping = False
        self._full = False
        self._accepted = self._refused = self._bad = self._unknown = self._failed = self._dropped = 0

    @property
    def port(self) -> int:
        """The port that is listened on; the system chose it when 0 was asked for. Known from `start` on, also when no
        more callers are taken."""
        if not self._bound_port:
            raise RuntimeError("the FastAGI server has not listened yet")
        return self._bound_port

    @property
    def is_open(self) -> bool:
        """Whether callers can be brought: from `start` until `drain` or `stop`."""
        return self._server is not None

    @property
    def counts(self) -> AgiCounts:
        """What was seen so far."""
        return AgiCounts(
            open=len(self._sessions),
            accepted=self._accepted,
            refused=self._refused,
            bad_requests=self._bad,
            unknown_routes=self._unknown,
            failed=self._failed,
            dropped_lines=self._dropped,
        )

    async def start(self) -> None:
        """Listen. Raises `SettingsError` when the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._stopping = False
        try:
            self._server = await loop.create_server(
                lambda: AgiSession(self._limits, self), self._host, self._port, backlog=_BACKLOG
            )
        except OSError as error:
            raise SettingsError(f"fastagi {self._host}:{self._port}: {network_reason(error)}") from error
        self._bound_port = int(self._server.sockets[0].getsockname()[1])

    async def drain(self, seconds: float) -> int:
        """Listen no more, so that Asterisk is refused at once and the dialplan goes on, and give the calls under way
        `seconds` to end. Returns how many have not ended."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in [session for session in self._sessions if session.request is None]:
            session.close()
        if not self._calls:
            return 0
        _, late = await asyncio.wait(self._calls, timeout=seconds)
        return len(late)

    async def stop(self, grace_seconds: float) -> None:
        """`drain`, then end the calls that are left as if their PBX were gone: every dialplan goes on, and what was
        keyed can still be written for `WRITING_SECONDS`. All connections are closed when it returns."""
        if await self.drain(grace_seconds):
            for session in list(self._sessions):
                session.end(PhoneError("the service stops"))
            _, late = await asyncio.wait(self._calls, timeout=WRITING_SECONDS)
            for call in late:
                call.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for session in list(self._sessions):
            session.close()
        while self._sessions:
            self._empty.clear()
            await self._empty.wait()

    # --- told by the sessions ---

    def admit(self, session: AgiSession) -> bool:
        """Count the connection, unless there are too many."""
        if self._stopping or len(self._sessions) >= self._limits.sessions:
            self._refused += 1
            if not self._full and not self._stopping:
                self._full = True
                self._log.warning("fastagi is full: calls go on without a survey", sessions=self._limits.sessions)
            return False
        # Only well below the limit, so that a server at its limit does not warn again with every call.
        self._full = self._full and len(self._sessions) > self._limits.sessions * 0.9
        self._sessions.add(session)
        return True

    def refused(self, session: AgiSession, reason: str) -> None:
        """Count a connection that was no call; port scans are not worth more than a debug line."""
        self._bad += 1
        self._log.debug("fastagi connection is no call", reason=reason)

    def requested(self, session: AgiSession) -> None:
        """Start the handler of the route."""
        request = session.request
        assert request is not None
        self._accepted += 1
        handler = self._routes.get(request.path)
        if handler is None or self._stopping:
            if handler is None:
                self._unknown += 1
                self._log.warning(
                    "fastagi route is unknown",
                    path=request.path,
                    known=sorted(self._routes),
                    uniqueid=request.uniqueid,
                )
            session.close()
            return
        call = asyncio.get_running_loop().create_task(self._serve(session, request, handler))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    def ended(self, session: AgiSession) -> None:
        """Forget a connection."""
        self._dropped += session.dropped_lines
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()

    async def _serve(self, session: AgiSession, request: AgiRequest, handler: Handler) -> None:
        try:
            await handler(request, AgiPhone(session, self._prefix))
        except CallerHungUp:
            self._log.debug("the caller hung up", path=request.path, uniqueid=request.uniqueid)
        except PostcallError as error:
            self._failed += 1
            self._log.warning("a call failed", path=request.path, uniqueid=request.uniqueid, reason=str(error))
        except Exception:
            self._failed += 1
            self._log.exception("a call failed", path=request.path, uniqueid=request.uniqueid)
        finally:
            session.close()
