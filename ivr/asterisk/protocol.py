"""One connection to the AMI: bytes in, messages out, and the actions that wait for their answers."""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

import structlog
from panoramisk.ami_protocol import AMIProtocol

from ivr.asterisk.actions import AmiAction, Reply
from ivr.asterisk.messages import Framer, Message

_log = structlog.get_logger()

OnEvent = Callable[[Message, datetime], None]
"""Takes events one after the other, each with the time at which it arrived."""


class AmiProtocol(AMIProtocol):  # type: ignore[misc]
    """Reads at once whatever comes: Asterisk ends a session that it cannot write to for 100 ms (`writetimeout`)."""

    responses: dict[str, AmiAction]

    def __init__(self, on_event: OnEvent, on_skipped: Callable[[int], None], wanted: Collection[str] | None) -> None:
        """`on_event` gets the events named in `wanted`; all for None."""
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[str] = loop.create_future()
        """Done with the version of AMI once the greeting came."""
        self.lost: asyncio.Future[None] = loop.create_future()
        """Done when the connection is over, whoever ended it."""
        self.heard_at = loop.time()
        """When bytes last came, on the loop's clock."""
        self._framer = Framer(wanted=wanted)
        self._on_event = on_event
        self._on_skipped = on_skipped

    def send(self, data: AmiAction, as_list: bool | None = None) -> "asyncio.Future[Reply]":
        """Write an action; its future is done once the whole answer came, or failed when it cannot come any more."""
        self.responses[data.id] = data
        # Whatever ends the wait (the answer, a deadline, the caller's own cancellation) leaves nothing behind.
        data.future.add_done_callback(lambda _: self.responses.pop(data.id, None))
        self.transport.write(data.encode())
        return data.future  # type: ignore[no-any-return]

    def data_received(self, data: bytes) -> None:
        """Take bytes from the socket."""
        skipped = self._framer.skipped
        messages = self._framer.feed(data, answers_due=bool(self.responses))
        if self._framer.version is not None and not self.greeted.done():
            self.version = self._framer.version
            self.greeted.set_result(self._framer.version)
        if self._framer.skipped > skipped:
            self._on_skipped(self._framer.skipped - skipped)
        arrived = datetime.now(UTC)
        for message in messages:
            self.handle_message(message, arrived)
        self.heard_at = asyncio.get_running_loop().time()

    def handle_message(self, message: Message, arrived: datetime) -> None:
        """Give a message to the action it answers, or to the listener. Nothing that goes wrong here ends the link."""
        action = self.responses.get(message.action_id) if self.responses else None
        try:
            # An event with the id of an action that has no response yet is news, not part of an answer.
            if action is not None and (message.response or action.multi):
                if action.add_message(message):
                    self.responses.pop(action.id, None)
            elif message.event:
                self._on_event(message, arrived)
        except Exception:
            self._on_skipped(1)
            _log.exception("an AMI message failed", message_kind=message.event or message.response)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self.closed = True
        if not self.lost.done():
            self.lost.set_result(None)

    def close(self) -> None:
        """End the connection at once, without waiting for a peer that may be gone."""
        if not self.closed:
            self.closed = True
            self.transport.abort()
