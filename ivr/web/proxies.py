"""Behind a proxy: who really asked, and whether by https. Only the proxies that the settings name are believed."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def behind(proxies: Sequence[Network]) -> Middleware:
    """Take address and scheme from `X-Forwarded-For` and `X-Forwarded-Proto` where a proxy of ours has sent them.

    Of the addresses the last is taken that no proxy of ours has: what stands before it was written by whoever asks.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_ours(request.remote or "", proxies):
            return await handler(request)
        told: dict[str, Any] = {}
        for address in reversed(_listed(request, "X-Forwarded-For")):
            told["remote"] = address
            if not _is_ours(address, proxies):
                break
        schemes = _listed(request, "X-Forwarded-Proto")
        if schemes and schemes[-1].lower() in ("http", "https"):
            told["scheme"] = schemes[-1].lower()
        return await handler(request.clone(**told) if told else request)

    return check


def _listed(request: web.Request, header: str) -> list[str]:
    return [part.strip() for value in request.headers.getall(header, []) for part in value.split(",") if part.strip()]


def _is_ours(address: str, proxies: Sequence[Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in proxies)
