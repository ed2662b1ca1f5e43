"""The HTTP side of the service: routes, and the socket they are served on."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from ivr.errors import SettingsError
from ivr.network import network_reason
from ivr.web.auth import DOOR, Door, access
from ivr.web.health import CHECKS, Check, healthz, readyz
from ivr.web.operations import Operation, add_operations
from ivr.web.problems import problems
from ivr.web.proxies import Network, behind

MOST_BYTES = 256 * 1024
"""The longest body that is taken: no request has more to say."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def web_app(
    door: Door, checks: Mapping[str, Check], operations: Iterable[Operation], proxies: Sequence[Network] = ()
) -> web.Application:
    """The application with its operations, which `door` guards; whoever adds other routes guards them.

    `proxies` are those that are believed who asks.
    """
    app = web.Application(middlewares=[behind(proxies), problems, access(door)], client_max_size=MOST_BYTES)
    app.on_response_prepare.append(_harden)
    app[DOOR] = door
    app[CHECKS] = checks
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    add_operations(app, operations)
    return app


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    """What is no page runs nowhere and stands in no frame, and nothing is taken for what it is not; pages and pictures
    have said already what they need."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve `app`; yields its URL. Port 0 takes a free one. Raises `SettingsError` when the address cannot be had."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(f"web: cannot listen on {host}:{port}: {network_reason(error)}") from None
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
