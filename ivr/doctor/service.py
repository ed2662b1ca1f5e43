"""The running service, as the PBX, a browser and a load balancer meet it."""

import asyncio
from ipaddress import ip_address

import aiohttp

from ivr.doctor.findings import Finding
from ivr.settings import Settings

SECONDS = 3.0


async def look_at_service(settings: Settings) -> list[Finding]:
    """Whether it runs, takes callers, and what `/readyz` says."""
    host, port = _reached(settings.fastagi.host), settings.fastagi.port
    findings = []
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError):
        findings.append(
            Finding(
                level="fault",
                about="fastagi",
                said=f"nobody listens on {host}:{port}, where the dialplan brings callers",
                fix="start `postcall serve`; until then the dialplan goes on without a survey",
            )
        )
    else:
        findings.append(Finding(level="ok", about="fastagi", said=f"{host}:{port} takes callers"))
    return [*findings, *_in_clear(settings), *await _of_web(settings)]


def _in_clear(settings: Settings) -> list[Finding]:
    """Whether passwords and scores may cross a network unencrypted."""
    host = settings.web.host
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if local or settings.web.proxies:
        return []
    said = f"pages are served without TLS on {host}: passwords and scores can be read on the way"
    fix = "a proxy with TLS in front (docs/settings.md): host = 127.0.0.1, or the proxy's address in `proxies` of [web]"
    return [Finding(level="warning", about="web", said=said, fix=fix)]


async def _of_web(settings: Settings) -> list[Finding]:
    host = _reached(settings.web.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.web.port}/readyz"
    try:
        async with (
            asyncio.timeout(SECONDS),
            aiohttp.ClientSession() as client,
            client.get(url) as answer,
        ):
            parts = (await answer.json())["parts"]
    except (OSError, TimeoutError, aiohttp.ClientError, ValueError, KeyError, TypeError):
        return [
            Finding(
                level="fault",
                about="web",
                said=f"{url} does not answer as Postcall does",
                fix="start `postcall serve`, or free the port for it (`host` and `port` of [web])",
            )
        ]
    return [
        Finding(level="ok", about=f"service: {name}", said="works")
        if state == "ok"
        else Finding(level="fault", about=f"service: {name}", said=str(state), fix="see the lines of that part here")
        for name, state in sorted(parts.items())
    ]


def _reached(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to be reached, not listened on
