"""The AMI session with one Asterisk: connect, log in, ask. Whether to try again is for the link to decide."""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from panoramisk import Manager

from ivr.asterisk.actions import AmiAction, Headers, Reply
from ivr.asterisk.protocol import AmiProtocol, OnEvent
from ivr.errors import PbxError, PbxRefused, SettingsError
from ivr.network import network_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiAccess:
    """Where an Asterisk's AMI is, and as whom to log in."""

    host: str = "127.0.0.1"
    port: int = 5038
    username: str
    secret: str = field(repr=False)
    tls: bool = False
    """Whether to speak TLS (`tlsenable` in manager.conf). The certificate and its host name are always verified."""
    ca_file: str | None = None
    """PEM file of the authority that signed the certificate; None for those that the system trusts."""
    events: str = "agent,call,system,user"
    """The classes of events to ask for; Asterisk sends those of them that the user may read."""

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiTiming:
    """Deadlines and pauses of a link, in seconds."""

    connect: float = 5.0
    """For the connection, the greeting and the login together."""
    answer: float = 5.0
    """For the answer to an action."""
    ping_every: float = 10.0
    ping_answer: float = 5.0
    """An unanswered ping means that the connection is dead, whatever TCP believes."""
    first_pause: float = 1.0
    """Before the first new try; it doubles with each one."""
    longest_pause: float = 30.0
    refused_pause: float = 60.0
    """After a refusal, which only an admin can mend."""
    stop: float = 2.0
    """How long `stop` waits for the events in the queue to be handled."""


class AmiManager(Manager):  # type: ignore[misc]
    """One session at a time. `on_event` gets the events named in `wanted`, all for None; what it raises is logged, and
    told to `on_skipped` as one message."""

    protocol: AmiProtocol | None
    awaiting_actions: deque[AmiAction]

    def __init__(
        self,
        access: AmiAccess,
        timing: AmiTiming,
        *,
        on_event: OnEvent,
        on_skipped: Callable[[int], None],
        wanted: Collection[str] | None,
    ) -> None:
        super().__init__(host=access.host, port=access.port, username=access.username, events=access.events)
        self.version = ""
        """Of the AMI protocol, from the last greeting."""
        self._access = access
        self._timing = timing
        self._on_event = on_event
        self._on_skipped = on_skipped
        self._wanted = wanted
        self._tls = _tls(access)

    async def connect(self) -> None:  # type: ignore[override, unused-ignore]
        """Connect and log in, once.

        Raises `PbxRefused` when Asterisk does not accept the user, and `PbxError` when it cannot be reached in time.
        """
        where = f"AMI {self._access.address}"
        protocol: AmiProtocol | None = None
        try:
            async with asyncio.timeout(self._timing.connect):
                _, protocol = await asyncio.get_running_loop().create_connection(
                    lambda: AmiProtocol(self._on_event, self._on_skipped, self._wanted),
                    self._access.host,
                    self._access.port,
                    ssl=self._tls,
                )
                await self._greeting(protocol)
                await self._login(protocol)
        except TimeoutError as error:
            stage = (
                "cannot be reached"
                if protocol is None
                else "does not answer"
                if protocol.version
                else "sends no greeting"
            )
            raise PbxError(f"{where} {stage} within {self._timing.connect:g} s") from error
        except ssl.SSLCertVerificationError as error:
            raise PbxError(f"{where} has a certificate that is not accepted: {error.verify_message}") from error
        except (OSError, UnicodeError) as error:
            raise PbxError(f"{where} cannot be reached: {network_reason(error)}") from error
        finally:
            if protocol is not None and protocol is not self.protocol:
                protocol.close()

    async def _greeting(self, protocol: AmiProtocol) -> None:
        await asyncio.wait((protocol.greeted, protocol.lost), return_when=asyncio.FIRST_COMPLETED)
        if not protocol.greeted.done():
            raise PbxError(f"AMI {self._access.address} closed the connection without a greeting")

    async def _login(self, protocol: AmiProtocol) -> None:
        access = self._access
        action = AmiAction("Login", {"Username": access.username, "Secret": access.secret, "Events": access.events})
        answer = protocol.send(action)
        try:
            await asyncio.wait((answer, protocol.lost), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise PbxError(f"AMI {access.address} closed the connection during the login")
        finally:
            answer.cancel()
        if (said := answer.result().refusal) is not None:
            raise PbxRefused(
                f'AMI {access.address} refused user "{access.username}": {said}'
                " - check username and secret in manager.conf"
            )
        self.protocol = protocol
        self.version = str(protocol.version)
        self.authenticated = True

    @property
    def connected(self) -> bool:
        """Whether the session is up, as far as is known."""
        return self.protocol is not None and not self.protocol.closed

    @property
    def local_host(self) -> str:
        """Our own address of the connection; empty when there is none."""
        if self.protocol is None:
            return ""
        return str((self.protocol.transport.get_extra_info("sockname") or ("",))[0])

    def submit(self, action: AmiAction, timeout_seconds: float | None = None) -> "asyncio.Future[Reply]":
        """Send an action at once. Its future has the answer, be it a refusal; it fails with `PbxError` when none comes
        in time, or the connection is lost.

        Raises `PbxError` when there is no connection.
        """
        if self.protocol is None or self.protocol.closed:
            raise PbxError(f"AMI {self._access.address} is not connected")
        seconds = self._timing.answer if timeout_seconds is None else timeout_seconds
        reason = f"did not answer {action.name} within {seconds:g} s"
        deadline = asyncio.get_running_loop().call_later(seconds, self._fail, action, reason)
        action.future.add_done_callback(lambda _: deadline.cancel())
        return self.protocol.send(action)

    async def request(self, action: AmiAction, timeout_seconds: float | None = None) -> Reply:
        """Send an action and wait for its answer.

        Raises `PbxRefused` when Asterisk answers with an error, and `PbxError` as `submit` does.
        """
        reply = await self.submit(action, timeout_seconds)
        if reply.refusal is not None:
            raise PbxRefused(f"AMI {self._access.address} refused {action.name}: {reply.refusal}")
        return reply

    def send_action(self, action: Headers, as_list: bool | None = None, **kwargs: str) -> "asyncio.Future[Reply]":
        """As in panoramisk; whether a list follows is read from the answer."""
        headers = {**action, **kwargs}
        name = str(headers.pop("Action"))
        return self.submit(AmiAction(name, headers))

    def send_awaiting_actions(self, *_: object) -> None:
        """Send again what was under way when the last connection was lost."""
        waiting, self.awaiting_actions = self.awaiting_actions, deque()
        for action in waiting:
            if not action.future.done() and self.protocol is not None:
                action.responses.clear()
                self.protocol.send(action)

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle what was under way: what may be sent again waits for the next session, the rest fails."""
        protocol, self.protocol, self.authenticated = self.protocol, None, False
        if protocol is None:
            return
        protocol.close()
        for action in list(protocol.responses.values()):
            if action.may_be_sent_again:
                self.awaiting_actions.append(action)
            else:
                self._fail(action, f"was lost before it answered {action.name}")

    def close(self) -> None:
        """End the session; every action under way fails."""
        self.connection_lost(None)
        while self.awaiting_actions:
            action = self.awaiting_actions.popleft()
            self._fail(action, f"was closed before it answered {action.name}")

    def _fail(self, action: AmiAction, reason: str) -> None:
        if not action.future.done():
            action.future.set_exception(PbxError(f"AMI {self._access.address} {reason}"))
            # Nobody may be waiting any more, and that is no cause for a warning.
            with contextlib.suppress(PbxError):
                action.future.result()


def _tls(access: AmiAccess) -> ssl.SSLContext | None:
    if not access.tls:
        return None
    try:
        return ssl.create_default_context(cafile=access.ca_file)
    except OSError as error:
        raise SettingsError(
            f"AMI {access.address}: the CA file {access.ca_file!r} cannot be read: {error.strerror or error}"
        ) from error
