"""What the service tells systemd, or whoever else started it with a socket to be told on.

The protocol is that of sd_notify(3): datagrams of lines ``NAME=value`` to the unix socket that `NOTIFY_SOCKET` names,
whose leading ``@`` stands for the zero byte of an abstract address. Without that variable nothing is sent.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger()


def tell_systemd(*lines: str) -> None:
    """Send lines such as ``READY=1``. That nobody takes them is logged, and hinders nothing else."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            sender.sendto("\n".join(lines).encode(), address)
    except OSError as error:
        log.warning("systemd is not told", lines=lines, why=error.strerror or str(error))


@asynccontextmanager
async def watched() -> AsyncIterator[None]:
    """Show, twice in the time that `WATCHDOG_USEC` allows, that the event loop still turns; until the block ends."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    if not ours or not microseconds.isdecimal() or int(microseconds) == 0:
        yield
        return
    task = asyncio.create_task(_watchdog(int(microseconds) / 2_000_000), name="watchdog")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _watchdog(seconds: float) -> None:
    while True:
        tell_systemd("WATCHDOG=1")
        await asyncio.sleep(seconds)
