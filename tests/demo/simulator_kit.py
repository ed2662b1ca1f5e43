"""Reads recordings of a real PBX, and drives the simulated one over its two wires, as a service does."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

from ivr.demo.behaviour import Behaviour
from ivr.demo.call import SimulatedCall
from ivr.demo.queues import Member, Queue
from ivr.demo.simulator import SimulatedPbx

RECORDINGS = Path(__file__).parent.parent / "recordings"
DIALOGUES = Path(__file__).parent / "dialogues"
LIMIT = 10.0
"""Seconds of the wall clock that anything may take."""

Fields = list[tuple[str, str]]


def recorded_events(path: Path) -> list[Fields]:
    """The messages of a recording, in order; lines that begin with ``#`` are notes."""
    blocks = re.split(r"\n\s*\n|\n(?=#)", path.read_text(encoding="utf-8").replace("\r\n", "\n"))
    events = []
    for block in blocks:
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if lines and lines[0].startswith("Event:"):
            events.append([(name, value.removeprefix(" ")) for name, _, value in (x.partition(":") for x in lines)])
    return events


def recorded_dialogue(name: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The AGI environment of a recording, and its commands with their replies."""
    lines = (DIALOGUES / name).read_text(encoding="utf-8").splitlines()
    env = next(line for line in lines if line.startswith("AGI env "))
    headers = dict(re.findall(r"(\w+)='([^']*)'", env))
    sent = [line.removeprefix("AGI >> ") for line in lines if line.startswith("AGI >> ")]
    got = [line.removeprefix("AGI << ") for line in lines if line.startswith("AGI << ")]
    return headers, list(zip(sent, got, strict=True))


class AmiClient:
    """A plain AMI client: what came, in order, as lists of headers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.greeting = b""
        self.messages: list[Fields] = []
        self.raw = b""
        self.on_event: Callable[[dict[str, str]], None] = lambda _: None
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.closed = False

    @classmethod
    async def connect(cls, pbx: SimulatedPbx) -> Self:
        client = cls(*await asyncio.open_connection("127.0.0.1", pbx.port, limit=1 << 20))
        client.greeting = await client._reader.readline()
        client._task = asyncio.create_task(client._read())
        return client

    @classmethod
    async def logged_in(cls, pbx: SimulatedPbx, **more: str) -> Self:
        client = await cls.connect(pbx)
        answer = await client.ask(Action="Login", Username=pbx.user, Secret=pbx.secret, **more)
        assert answer["Response"] == "Success"
        return client

    def write(self, **headers: str) -> None:
        self._writer.write("".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n")

    def write_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    async def ask(self, **headers: str) -> dict[str, str]:
        """The response to an action."""
        before = len(self.messages)
        self.write(**headers)
        return await self.until(lambda message: "Response" in message, after=before)

    async def until(self, wanted: Callable[[dict[str, str]], bool], *, after: int = 0) -> dict[str, str]:
        """The first message, from the one numbered `after`, that is as wanted."""

        def found() -> dict[str, str] | None:
            return next((one for one in map(dict, self.messages[after:]) if wanted(one)), None)

        async with asyncio.timeout(LIMIT), self._news:
            await self._news.wait_for(lambda: found() or self.closed)
        message = found()
        assert message, "the connection was closed before it came"
        return message

    async def gone(self) -> None:
        """Wait until the PBX has closed the connection."""
        async with asyncio.timeout(LIMIT), self._news:
            await self._news.wait_for(lambda: self.closed)

    def events(self) -> list[Fields]:
        return [message for message in self.messages if message[0][0] == "Event"]

    def names(self) -> list[str]:
        return [message[0][1] for message in self.events()]

    async def close(self) -> None:
        self._writer.close()
        if self._task:
            await self._task

    async def _read(self) -> None:
        try:
            while True:
                block = await self._reader.readuntil(b"\r\n\r\n")
                self.raw += block
                lines = block.decode("utf-8", "surrogateescape").removesuffix("\r\n\r\n").split("\r\n")
                fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
                self.messages.append(fields)
                self.on_event(dict(fields))
                async with self._news:
                    self._news.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True
            async with self._news:
                self._news.notify_all()


class AgiPeer:
    """One FastAGI session as its server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.headers: list[tuple[str, str]] = []

    async def read_headers(self) -> None:
        while line := (await self.line()):
            name, _, value = line.partition(": ")
            self.headers.append((name, value))

    async def line(self) -> str:
        async with asyncio.timeout(LIMIT):
            return (await self.reader.readline()).decode("utf-8", "surrogateescape").rstrip("\n")

    async def ask(self, command: str) -> str:
        self.writer.write(command.encode() + b"\n")
        return await self.line()

    async def at_end(self) -> bool:
        async with asyncio.timeout(LIMIT):
            return await self.reader.read() == b""


@asynccontextmanager
async def survey_server(serve: Callable[[AgiPeer], Awaitable[None]]) -> AsyncIterator[str]:
    """The address of a FastAGI server that handles each session with `serve`; what fails in there fails the test."""
    sessions: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = AgiPeer(reader, writer)
        try:
            await peer.read_headers()
            # A PBX that stops cuts its sessions off.
            with suppress(ConnectionError):
                await serve(peer)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.append(asyncio.create_task(handle(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1024)
    try:
        yield f"agi://127.0.0.1:{server.sockets[0].getsockname()[1]}/survey"
    finally:
        server.close()
        if sessions:
            _, late = await asyncio.wait(sessions, timeout=LIMIT)
            assert not late
            for session in sessions:
                session.result()


def recorded_site(*, continue_to: str = "survey") -> tuple[list[Queue], list[Member]]:
    """The queue and the agents of the recordings. Agent 1002 is only ever reached by a transfer."""
    queues = [
        Queue(name="support", exten="8000", continue_to=continue_to),
        Queue(name="second-line", exten="8009"),
    ]
    members = [
        Member(interface="PJSIP/1001", name="Sara 1001", queues=("support",)),
        Member(interface="PJSIP/1002", name="Doe 1002", queues=("second-line",)),
    ]
    return queues, members


def recorded_prompts(name: str) -> float | None:
    """How long the two prompts of the recordings are."""
    return {"beep": 0.44, "beeperr": 0.36}.get(name)


def place_recorded_call(pbx: SimulatedPbx, behaviour: Behaviour) -> SimulatedCall:
    """The caller of the recordings."""
    variables = {"CALL_REASON": "billing"}
    return pbx.place_call("support", "0912000000", "Anna Caller", behaviour, variables=variables, trunk="PJSIP/caller")


async def over(call: SimulatedCall) -> SimulatedCall:
    """Wait, with a limit, until a call is over."""
    async with asyncio.timeout(LIMIT):
        await call.wait()
    return call


def recorded_pbx(
    address: str, *, speed: float = 20, prompts: Callable[[str], float | None] = recorded_prompts
) -> SimulatedPbx:
    """The PBX of the recordings, whose survey is at `address`."""
    queues, members = recorded_site()
    return SimulatedPbx(
        queues=queues, members=members, speed=speed, seed=1, dialplan={"survey": address}, prompt_seconds=prompts
    )


async def survey_call(
    serve: Callable[[AgiPeer], Awaitable[None]],
    behaviour: Behaviour | None = None,
    *,
    variables: dict[str, str] | None = None,
    name: str = "Anna Caller",
) -> SimulatedCall:
    """One call, from its start to its end, whose survey is `serve`."""
    async with survey_server(serve) as address, recorded_pbx(address) as pbx:
        return await over(
            pbx.place_call(
                "support", "0912000000", name, behaviour or Behaviour(talk_seconds=0.5), variables=variables or {}
            )
        )
