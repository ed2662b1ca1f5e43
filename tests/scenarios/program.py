"""The agent's software in a scenario: what it says to the service over its API."""

import aiohttp


async def say(api: str, token: str, what: str, *, site: str, linkedid: str, number: str) -> None:
    """A row of `program`, about the call `linkedid` of a site, from that number; `api` is the service's address."""
    match what.split(" ", 1):
        case ["says", reason]:
            path, body = f"calls/{linkedid}/reason?site={site}", {"reason": reason}
        case ["opts", "the caller out"]:
            path, body = "callers/opt-out", {"number": number}
        case _:
            raise AssertionError(what)
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as client,
        client.put(f"{api}/api/v1/{path}", json=body) as response,
    ):
        assert response.status == 200, await response.text()
