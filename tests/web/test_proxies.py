"""Who asks through a proxy, and what is believed of that."""

import ipaddress
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from ivr.web.proxies import behind

Client = TestClient[Request, Application]
Opens = Callable[[Application], Awaitable[Client]]
OURS = ("127.0.0.1/32", "10.1.0.0/16")


async def told(request: web.Request) -> web.Response:
    """What the service takes the request for, and its body, which must get through as well."""
    return web.Response(text=f"{request.remote} {request.scheme} {(await request.post()).get('field', '')}")


def app(*proxies: str) -> Application:
    made = web.Application(middlewares=[behind([ipaddress.ip_network(proxy) for proxy in proxies])])
    made.router.add_post("/", told)
    return made


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "127.0.0.1 http x"),
        ({"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}, "203.0.113.7 https x"),
        # The first was written by whoever asks; two proxies of ours follow.
        ({"X-Forwarded-For": "1.2.3.4, 203.0.113.7, 10.1.0.5"}, "203.0.113.7 http x"),
        ({"X-Forwarded-For": "10.1.0.9, 10.1.0.5"}, "10.1.0.9 http x"),
        ({"X-Forwarded-For": "not an address"}, "not an address http x"),
        ({"X-Forwarded-For": " , ,"}, "127.0.0.1 http x"),
        ({"X-Forwarded-Proto": "gopher"}, "127.0.0.1 http x"),
        ({"X-Forwarded-Proto": "https, http"}, "127.0.0.1 http x"),
    ],
)
async def test_a_proxy_of_ours_is_believed_and_nobody_before_it(
    aiohttp_client: Opens, headers: dict[str, str], says: str
) -> None:
    client = await aiohttp_client(app(*OURS))
    assert await (await client.post("/", data={"field": "x"}, headers=headers)).text() == says


async def test_whoever_is_no_proxy_of_ours_is_not_believed(aiohttp_client: Opens) -> None:
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    for proxies in ((), ("10.1.0.0/16",), ("::1/128",)):
        client = await aiohttp_client(app(*proxies))
        assert await (await client.post("/", data={"field": "x"}, headers=headers)).text() == "127.0.0.1 http x"
