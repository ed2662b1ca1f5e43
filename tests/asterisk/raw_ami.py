"""A manager session that is no part of the product: actions and events as dictionaries, nothing hidden."""

import asyncio
from types import TracebackType
from typing import Self

from ivr.demo.pbx.configuration import AmiUser

LIMIT = 10.0


class RawAmi:
    """Logged in while the context lasts; `events` keeps all that came, in order."""

    def __init__(self, port: int, user: AmiUser) -> None:
        self._port, self._user = port, user
        self.events: list[dict[str, str]] = []
        self._replies: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._reader.readline()
        self._task = asyncio.create_task(self._read_forever())
        reply = await self.act("Login", Username=self._user.name, Secret=self._user.secret)
        assert reply["Response"] == "Success", reply
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        self._writer.close()

    async def act(self, action: str, **fields: str) -> dict[str, str]:
        """Send one action and return its response."""
        lines = "".join(f"{key}: {value}\r\n" for key, value in {"Action": action, **fields}.items())
        self._writer.write(f"{lines}\r\n".encode())
        return await asyncio.wait_for(self._replies.get(), LIMIT)

    async def event(self, name: str, **fields: str) -> dict[str, str]:
        """Wait for an event, unless it has come already, and return it."""
        wanted = {"Event": name, **fields}.items()
        async with asyncio.timeout(LIMIT), self._news:
            while not (found := [event for event in self.events if wanted <= event.items()]):
                await self._news.wait()
        return found[0]

    async def _read_forever(self) -> None:
        while block := await self._reader.readuntil(b"\r\n\r\n"):
            lines = block.decode().strip().split("\r\n")
            message = {key: value for key, _, value in (line.partition(": ") for line in lines)}
            async with self._news:
                # OriginateResponse is an event with a Response of its own.
                if "Event" in message:
                    self.events.append(message)
                else:
                    self._replies.put_nowait(message)
                self._news.notify_all()
