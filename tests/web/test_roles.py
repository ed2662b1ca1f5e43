"""Nobody sees more than they may: every operation, the API's and the pages', is asked by every role.

What there is to ask is taken from the operations themselves, so that a new one is asked, too.
"""

import re
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from ivr.parts.web import OPERATIONS
from ivr.web import metrics
from ivr.web.operations import Operation
from ivr.web.pages.every import PAGES
from storage.recorder import Recorder
from tests.pages.seed import AGENTS, EXCLUDED, RECORDED, SHARED, SITE, Office
from tests.web.whole import Whole, whole

EVERYTHING: Sequence[Operation] = (*OPERATIONS, *metrics.OPERATIONS, *PAGES)
TODAY = datetime.now(UTC).date()
LOGINS = {"alice": "agent", "south": "supervisor", "everywhere": "supervisor", "ada": "admin"}
CALLS = ("past.0", "past.1", "past.2", RECORDED, EXCLUDED, SHARED)
IN_PATH: Mapping[str, Sequence[str]] = {
    "agent": tuple(AGENTS),
    "call": CALLS,
    "linkedid": CALLS,
    "flow": ("csat",),
    "question": ("comment",),
    # Drawn from the same numbers as the other.
    "form": ("svg",),
}
"""What may stand in a path; a new place in a path needs an entry."""
IN_QUERY: Mapping[str, Sequence[str]] = {
    "team": ("north", "south"),
    "queue": ("support",),
    "reason": ("billing",),
    "site": (SITE,),
    "flow": ("csat",),
    "by": ("agent", "team", "agent,reason", "reason", "question"),
    "before_from": ((TODAY - timedelta(days=60)).isoformat(),),
    "before_to": ((TODAY - timedelta(days=31)).isoformat(),),
    # The same rows as a spreadsheet's, which says when it was made.
    "format": ("csv",),
    "step": ("week",),
    "limit": ("2",),
    "rated": ("true",),
    "theme": (),
    "size": (),
}
"""What is asked with a parameter; with any other, codes of agents are. The first stands for one that is needed."""
ABOUT_NOBODY = re.compile(r"(/api/v1)?/flows/|/health")
"""How many surveys a flow version had, and how the service is."""
PLACE = re.compile(r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")
Answers = dict[str, tuple[int, bytes]]


@pytest.fixture
async def here(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Whole]:
    shutil.copy(migrated_file, tmp_path / "postcall.db")
    async with whole(f"sqlite:///{tmp_path / 'postcall.db'}", tmp_path, calls=40) as service:
        await service.add("alice", "agent", site=SITE, agent="PJSIP/1001")
        await service.add("south", "supervisor", site=SITE, teams=("south",))
        await service.add("everywhere", "supervisor")
        await service.add("ada", "admin")
        yield service


def paths_of(operation: Operation) -> Iterator[str]:
    """The operation's paths, with everything in its places."""
    names = PLACE.findall(operation.path)
    for values in product(*(IN_PATH[name] for name in names)):
        found = iter(values)
        yield PLACE.sub(lambda _: quote(next(found), safe=""), operation.path)  # noqa: B023 - used at once


def queries_of(operation: Operation) -> Iterator[str]:
    """The operation's queries: what is needed, and each parameter with that."""
    fields = operation.query.model_fields if operation.query else {}
    needed = {name: IN_QUERY[name][0] for name, field in fields.items() if field.is_required()}
    yield f"?{urlencode(needed)}"
    for name, field in fields.items():
        for value in IN_QUERY.get(name, AGENTS):
            yield f"?{urlencode({**needed, field.alias or name: value})}"


def reads(role: str) -> Iterator[str]:
    """Every address that a role may read."""
    for operation in EVERYTHING:
        is_stream = "text/event-stream" in operation.answers.values()
        if operation.method == "GET" and role in operation.roles and not operation.body and not is_stream:
            for path in paths_of(operation):
                yield from (path + query for query in queries_of(operation))


async def read_all(here: Whole, login: str) -> Answers:
    """What an account is told at every address that it may read."""
    found = {}
    for address in reads(LOGINS[login]):
        async with here.client.get(here.url + address, headers=here.header(login)) as response:
            assert response.status < 500, address
            found[address] = response.status, await response.read()
    return found


async def rate_another(here: Whole, agent: str) -> None:
    """Callers rate an agent."""
    office = Office(Recorder(here.database), here.flow_version)
    for number in range(7):
        at = datetime.now(UTC) - timedelta(days=1, minutes=number)
        await office.call(f"more.{number}", agent, "billing", at, 1)


async def test_every_operation_is_refused_to_whoever_it_is_not_for(here: Whole) -> None:
    for operation in EVERYTHING:
        address = here.url + next(paths_of(operation)) + next(queries_of(operation))
        is_page = operation in PAGES
        for login, role in ((None, None), *LOGINS.items()):
            told = f"{operation.method} {operation.path} by {login}"
            if role in operation.roles and "text/event-stream" in operation.answers.values():
                continue
            async with here.client.request(
                operation.method, address, headers=here.header(login), allow_redirects=False
            ) as response:
                if login is None and is_page:
                    assert response.status == 303, told
                    assert response.headers["Location"].startswith("/login"), told
                elif login is None:
                    assert response.status == 401, told
                elif role not in operation.roles:
                    assert response.status == 403, told
                else:
                    assert response.status not in (401, 403, 405, 500), (told, await response.text())


async def test_what_an_agent_is_told_does_not_depend_on_any_other_agent(here: Whole) -> None:
    before = await read_all(here, "alice")
    admin_before = await read_one(here, "ada", "/api/v1/agents/scores")
    for other in list(AGENTS)[1:]:
        await rate_another(here, other)
    assert await read_one(here, "ada", "/api/v1/agents/scores") != admin_before
    after = await read_all(here, "alice")
    assert [address for address in before if before[address] != after[address]] == []
    own = before["/api/v1/agents/PJSIP%2F1001/scores?"]
    assert own[0] == 200
    assert b'"n":' in own[1]
    for address, (status, body) in before.items():
        for code, (name, *_) in list(AGENTS.items())[1:]:
            assert name.encode() not in body, address
            # An address that names an agent is told so again when it is refused.
            assert quote(code, safe="") in address or code.encode() not in body, address
            if f"/{quote(code, safe='')}" in address.partition("?")[0]:
                assert status in (400, 404), address


async def test_what_a_team_s_supervisor_is_told_does_not_depend_on_another_team(here: Whole) -> None:
    before = await read_all(here, "south")
    await rate_another(here, "PJSIP/1002")
    after = await read_all(here, "south")
    changed = {address for address in before if before[address] != after[address]}
    assert {address for address in changed if not ABOUT_NOBODY.match(address)} == set()


async def read_one(here: Whole, login: str, address: str) -> bytes:
    async with here.client.get(here.url + address, headers=here.header(login)) as response:
        assert response.status == 200
        return await response.read()
