"""`/healthz`: the process answers. `/readyz`: surveys are taken; the database and the links to the PBXs work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from ivr.errors import PostcallError

READY_SECONDS = 2.0
"""How long a check may take before it counts as failed."""

Check = Callable[[], Awaitable[None]]
"""Returns when the part works, raises a `PostcallError` that says why when it does not."""

CHECKS = web.AppKey("checks", Mapping[str, Check])


async def healthz(_: web.Request) -> web.Response:
    """200 as long as the process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """200 when every part works, else 503; either way each part by name, with what is wrong."""
    states = await states_of(request.app[CHECKS])
    ready = all(state == "ok" for state in states.values())
    return web.json_response({"status": "ok" if ready else "not ready", "parts": states}, status=200 if ready else 503)


async def states_of(checks: Mapping[str, Check]) -> dict[str, str]:
    """Each part by name: ``ok``, or what is wrong with it."""
    return dict(zip(checks, await asyncio.gather(*(_state(check) for check in checks.values())), strict=True))


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await check()
    except PostcallError as error:
        return str(error)
    except TimeoutError:
        return f"no answer in {READY_SECONDS:g} s"
    return "ok"
