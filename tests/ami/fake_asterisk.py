"""A small AMI server whose every answer a test can replace. It speaks bytes, and knows nothing of the code it tests."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

Action = dict[str, str]
Answer = Callable[["Session", Action], Awaitable[None] | None]
LIMIT = 5.0


class Session:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> Action:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        return dict(line.split(": ", 1) for line in lines if line)

    def send(self, *messages: str) -> None:
        """Each message with LF between its lines, as it is easiest to read in a test."""
        for message in messages:
            text = "\n".join(line.strip() for line in message.strip().split("\n"))
            self.writer.write(text.replace("\n", "\r\n").encode() + b"\r\n\r\n")

    def answer(self, action: Action, *headers: str, response: str = "Success") -> None:
        self.send("\n".join([f"Response: {response}", f"ActionID: {action['ActionID']}", *headers]))

    def answer_list(self, action: Action, *items: str) -> None:
        """A list as Asterisk 16 and 22 send it."""
        action_id = f"ActionID: {action['ActionID']}"
        self.answer(action, "EventList: start", "Message: will follow")
        for item in items:
            first, _, rest = item.strip().partition("\n")
            self.send(f"{first}\n{action_id}\n{rest}")
        self.send(f"Event: {action['Action']}Complete\n{action_id}\nEventList: Complete\nListItems: {len(items)}")

    def drop(self) -> None:
        self.writer.transport.abort()


class FakeAsterisk:
    """Listens on a port of its own; `answers` maps the name of an action to what is done about it."""

    def __init__(self, secret: str = "right") -> None:
        self.secret = secret
        self.greeting = b"Asterisk Call Manager/11.0.0\r\n"
        self.channels: list[str] = []
        self.queues: list[str] = []
        self.answers: dict[str, Answer] = {
            "Login": self._login,
            "Ping": lambda session, action: session.answer(action, "Ping: Pong"),
            "QueueStatus": lambda session, action: session.answer_list(action, *self.queues),
            "CoreShowChannels": lambda session, action: session.answer_list(action, *self.channels),
            "Setvar": lambda session, action: session.answer(action, "Message: Variable Set"),
        }
        self.session: Session
        self.sessions = 0
        self.port = 0
        self.got: list[Action] = []
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: list[Session] = []

    async def listen(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and drop every connection."""
        if self._server:
            self._server.close()
        for session in self._open:
            session.drop()
        if self._server:
            await self._server.wait_closed()

    async def asked(self, name: str, times: int = 1) -> list[Action]:
        """Wait until an action has come that often, and give all of them."""
        async with asyncio.timeout(LIMIT):
            while len(found := [action for action in self.got if action["Action"] == name]) < times:
                self._changed.clear()
                await self._changed.wait()
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.session = session = Session(reader, writer)
        self._open.append(session)
        self.sessions += 1
        self._changed.set()
        writer.write(self.greeting)
        try:
            while True:
                action = await session.read()
                self.got.append(action)
                if answer := self.answers.get(action["Action"]):
                    waiting = answer(session, action)
                    if waiting is not None:
                        await waiting
                else:
                    session.answer(action, "Message: Invalid/unknown command", response="Error")
                self._changed.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _login(self, session: Session, action: Action) -> None:
        if action["Secret"] == self.secret:
            session.answer(action, "Message: Authentication accepted")
        else:
            session.answer(action, "Message: Authentication failed", response="Error")
            session.writer.close()


def silent(_: Session, __: Action) -> None:
    """An answer that never comes."""
