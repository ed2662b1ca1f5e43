"""The HTTP side of the service: routes, and the socket they are served on."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from ivr.errors import SettingsError
from ivr.web import scores
from ivr.web.auth import bearer_auth
from ivr.web.health import CHECKS, Check, healthz, readyz
from ivr.web.problems import problems
from ivr.web.scores import SOURCE, ScoreSource


def web_app(source: ScoreSource, checks: Mapping[str, Check], token: str) -> web.Application:
    """All routes; those below `/api/` ask for `token`."""
    app = web.Application(middlewares=[problems, bearer_auth(token, below="/api/")])
    app[SOURCE] = source
    app[CHECKS] = checks
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/api/v1/agents/scores", scores.agents)
    # An agent's code may hold a slash (`PJSIP/1001`), written as such or as %2F.
    app.router.add_get("/api/v1/agents/{agent:.+}/scores", scores.agent)
    return app


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
            raise SettingsError(f"web: cannot listen on {host}:{port}: {error.strerror or error}") from None
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
