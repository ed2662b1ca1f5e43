"""The Asterisk side of FastAGI for tests: a client that connects, sends a header, and answers as it is told."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import quote

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.agi_server import AgiServer, Handler
from ivr.asterisk.agi_session import AgiLimits, AgiSession
from ivr.errors import CallerHungUp

LIMIT = 5.0
"""Seconds that a test waits for anything."""


def header(script: str = "survey", uniqueid: str = "1795324275.8", name: bytes = b"Anna Caller", **more: str) -> bytes:
    """The header as Asterisk 22 sends it, `name` raw and in its place."""
    before = (
        f"agi_network: yes\nagi_network_script: {script}\nagi_request: agi://127.0.0.1:4573/{script}\n"
        f"agi_channel: PJSIP/caller-00000008\nagi_language: en\nagi_type: PJSIP\nagi_uniqueid: {uniqueid}\n"
        "agi_version: 22.10.1\nagi_callerid: 0912000000\nagi_calleridname: "
    )
    after = (
        "\nagi_callingpres: 0\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: 8000\n"
        "agi_rdnis: unknown\nagi_context: survey\nagi_extension: s\nagi_priority: 2\nagi_enhanced: 0.0\n"
        "agi_accountcode: \nagi_threadid: 140686874756800\n"
    ) + "".join(f"agi_{key}: {value}\n" for key, value in more.items())
    return before.encode() + name + after.encode() + b"\n"


def asterisk_reads(line: str) -> list[str]:
    """A model of parse_args in Asterisk's res_agi.c: words of a command line; a quote toggles, a backslash escapes."""
    words: list[str] = []
    quoted = escaped = False
    between = True
    for char in line:
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append("")
                between = False
        elif char in " \t" and not quoted and not escaped:
            between = True
        elif char == "\\" and not escaped:
            escaped = True
        else:
            if between:
                words.append("")
                between = False
            words[-1] += char
            escaped = False
    return words


class FakeAsterisk:
    """One channel that is in AGI()."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.has_uri_functions = True
        self.synchronises = True
        self._value_begins = ""

    @classmethod
    async def dial(cls, port: int, first: bytes | None = None) -> "FakeAsterisk":
        """Connect and send `first`, by default a good header."""
        async with asyncio.timeout(LIMIT):
            asterisk = cls(*await asyncio.open_connection("127.0.0.1", port))
        asterisk.says(header() if first is None else first)
        return asterisk

    def says(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(raw)

    async def hears(self) -> list[str]:
        """The words of the next command. Answers by itself the question by which a session synchronises; where that is
        asked together with variables, `answers` and `tells` do, and it is left out here."""
        async with asyncio.timeout(LIMIT):
            line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the server closed the connection")
        words = asterisk_reads(line[:-1].decode())
        sync = re.fullmatch(r"([0-9a-f]{16})\$\{URIENCODE\(a b\)\}(?:\|(.+))?", words[-1])
        if sync and self.synchronises:
            begins = f"{sync[1]}{'a%20b' if self.has_uri_functions else ''}"
            if sync[2]:
                self._value_begins = f"{begins}|"
                return [*words[:-1], sync[2]]
            self.says(f"200 result=1 ({begins})\n".encode())
            return await self.hears()
        return words

    async def answers(self, *raw: bytes) -> list[list[str]]:
        """Wait for one command for each of `raw`, and answer with it; returns the commands."""
        heard = []
        for answer in raw:
            heard.append(await self.hears())
            self.says(self._whole(answer))
        return heard

    async def tells(self, variables: Mapping[str, bytes]) -> list[str]:
        """Answer one GET FULL VARIABLE of URIENCODEd variables as Asterisk does; returns the names asked for."""
        words = await self.hears()
        assert words[:3] == ["GET", "FULL", "VARIABLE"]
        names = []
        values = []
        for part in words[3].split("|"):
            found = re.fullmatch(r"\$\{URIENCODE\(\$\{(.*)\}\)\}", part)
            assert found, part
            names.append(found[1])
            values.append(quote(variables.get(found[1], b""), safe="-_.!~*'()") if self.has_uri_functions else "")
        self.says(self._whole(f"200 result=1 ({'|'.join(values)})\n".encode()))
        return names

    def _whole(self, answer: bytes) -> bytes:
        """The answer with what a question by which the session synchronises adds to it."""
        begins, self._value_begins = self._value_begins, ""
        return answer.replace(b"200 result=1 (", b"200 result=1 (" + begins.encode(), 1)

    async def is_let_go(self) -> bytes:
        """Wait until the server closes the connection; returns what it sent before that."""
        async with asyncio.timeout(LIMIT):
            try:
                rest = await self.reader.read()
            except ConnectionError:
                rest = b""
        self.drops()
        return rest

    def drops(self) -> None:
        """Close the connection from Asterisk's side."""
        self.writer.close()


class WatchedServer(AgiServer):
    """Tells when its counters may have changed."""

    changed: asyncio.Event

    def admit(self, session: AgiSession) -> bool:
        self.changed.set()
        return super().admit(session)

    def refused(self, session: AgiSession, reason: str) -> None:
        super().refused(session, reason)
        self.changed.set()

    def ended(self, session: AgiSession) -> None:
        super().ended(session)
        self.changed.set()


@dataclass
class Site:
    """A server under test, and what its only handler did."""

    server: WatchedServer
    requests: list[AgiRequest] = field(default_factory=list)
    results: asyncio.Queue[object] = field(default_factory=asyncio.Queue)
    """What the handler returned, or the exception it raised, one for each call."""
    dialled_in: list[FakeAsterisk] = field(default_factory=list)

    async def dialled(self, first: bytes | None = None) -> FakeAsterisk:
        asterisk = await FakeAsterisk.dial(self.server.port, first)
        self.dialled_in.append(asterisk)
        return asterisk

    async def result(self) -> object:
        """The outcome of the next call that ends."""
        async with asyncio.timeout(LIMIT):
            return await self.results.get()

    async def counts(self, **wanted: int) -> None:
        """Wait until the server's counters have these values."""
        async with asyncio.timeout(LIMIT):
            while any(getattr(self.server.counts, name) != value for name, value in wanted.items()):
                self.server.changed.clear()
                await self.server.changed.wait()

    async def serves_a_good_call(self) -> None:
        """The proof that the server still lives: a call that is answered and let go."""
        asterisk = await self.dialled(header(uniqueid="good.1"))
        assert await asterisk.hears()
        asterisk.says(b"HANGUP\n")
        assert await asterisk.is_let_go() == b""
        assert isinstance(await self.result(), CallerHungUp)


Talk = Callable[[AgiPhone], Awaitable[object]]


@asynccontextmanager
async def site(talk: Talk, *, route: str = "survey", **limits: float):
    """A server on a free port of the loopback whose route carries out `talk`."""
    made: Site

    async def handler(request: AgiRequest, phone: AgiPhone) -> None:
        made.requests.append(request)
        try:
            made.results.put_nowait(await talk(phone))
        except BaseException as error:
            made.results.put_nowait(error)
            raise

    routes: dict[str, Handler] = {route: handler}
    server = WatchedServer("127.0.0.1", 0, routes, AgiLimits(**limits))  # type: ignore[arg-type]
    server.changed = asyncio.Event()
    made = Site(server)
    await server.start()
    try:
        yield made
    finally:
        await server.stop(0)
        for asterisk in made.dialled_in:
            asterisk.drops()
            with suppress(ConnectionError):
                await asterisk.writer.wait_closed()
