"""The bearer token that the API asks for (RFC 6750)."""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ivr.web.problems import Problem


def bearer_auth(token: str, *, below: str) -> Middleware:
    """Refuse requests to paths that begin with `below` unless they carry `token`."""
    wanted = token.encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(below):
            return await handler(request)
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # surrogateescape: aiohttp hands on header bytes that are not UTF-8 as lone surrogates.
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), wanted)
        if scheme.lower() == "bearer" and right:
            return await handler(request)
        response = Problem(
            401, "Not allowed", "the header `Authorization: Bearer <token>` is missing or its token is wrong"
        ).response()
        response.headers["WWW-Authenticate"] = 'Bearer realm="postcall"'
        return response

    return check
