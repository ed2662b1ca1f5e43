"""The PBX's side of FastAGI: calls the survey's server when a caller comes to its context, and does as it is told."""

import asyncio
import contextlib
from typing import Literal
from urllib.parse import urlsplit

from ivr.demo.agi_commands import AgiCommands
from ivr.demo.channels import Channel, Fields
from ivr.demo.listener import Listener

AgiStatus = Literal["SUCCESS", "FAILURE", "HANGUP"]
"""What `AGISTATUS` holds afterwards: the server closed, it could not be reached, or the caller left."""

_CONNECT_SECONDS = 2.0
"""As `MAX_AGI_CONNECT` in `res_agi.c`; wall-clock time."""
_LINE_BYTES = 4096
_VERSION = "22.10.1"


def session_headers(channel: Channel, url: str, dialled: str) -> Fields:
    """The environment that Asterisk sends first, in its order."""
    address = urlsplit(url)
    script = address.path.lstrip("/") + (f"?{address.query}" if address.query else "")
    return [
        ("agi_network", "yes"),
        ("agi_network_script", script),
        ("agi_request", url),
        ("agi_channel", channel.name),
        ("agi_language", channel.language),
        ("agi_type", channel.name.partition("/")[0]),
        ("agi_uniqueid", channel.uniqueid),
        ("agi_version", _VERSION),
        ("agi_callerid", channel.caller_number or "unknown"),
        ("agi_calleridname", channel.caller_name or "unknown"),
        ("agi_callingpres", "0"),
        ("agi_callingani2", "0"),
        ("agi_callington", "0"),
        ("agi_callingtns", "0"),
        ("agi_dnid", dialled or "unknown"),
        ("agi_rdnis", "unknown"),
        ("agi_context", channel.context),
        ("agi_extension", channel.exten),
        ("agi_priority", str(channel.priority)),
        ("agi_enhanced", "0.0"),
        ("agi_accountcode", ""),
        ("agi_threadid", "1"),
    ]


async def run_agi(
    url: str,
    channel: Channel,
    listener: Listener,
    commands: AgiCommands,
    *,
    dialled: str,
    dialogue: list[tuple[str, str]],
) -> AgiStatus:
    """Hold one session with the server at `url`, until it closes. Each command and its reply goes to `dialogue`.

    As with Asterisk, a caller who hangs up does not end the session: the server has to close it.
    """
    address = urlsplit(url)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port or 4573, limit=_LINE_BYTES)
    except (OSError, TimeoutError):
        return "FAILURE"
    session = _Session(reader, writer, listener)
    try:
        headers = "".join(f"{name}: {value}\n" for name, value in session_headers(channel, url, dialled))
        await session.send(headers)
        while (line := await session.next_command()) is not None:
            reply = await commands.reply(line)
            dialogue.append((line, reply))
            await session.send(reply)
    except (OSError, ValueError):
        # ValueError is StreamReader's word for a line beyond its limit.
        return "HANGUP" if listener.gone.is_set() else "FAILURE"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return "HANGUP" if listener.gone.is_set() else "SUCCESS"


class _Session:
    """Lines to and from the server, with the out-of-band ``HANGUP`` line in between."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: Listener) -> None:
        self._reader = reader
        self._writer = writer
        self._listener = listener
        self._told = False

    async def send(self, text: str) -> None:
        self._writer.write(f"{text}\n".encode("utf-8", "surrogateescape"))
        await self._writer.drain()

    async def next_command(self) -> str | None:
        """The server's next line, or None when it has closed; tells it meanwhile when the caller is gone."""
        reading = asyncio.ensure_future(self._reader.readline())
        leaving = asyncio.ensure_future(self._listener.gone.wait())
        try:
            if not self._told:
                await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if self._listener.gone.is_set():
                    self._told = True
                    await self.send("HANGUP")
            line = await reading
        finally:
            reading.cancel()
            leaving.cancel()
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n") if line else None
