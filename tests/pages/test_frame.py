"""What stands around every page: language, theme, navigation and filters without script, headers, and who sees what."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from html import unescape

import aiohttp
import pytest
import pytest_asyncio

from ivr.errors import DatabaseError
from ivr.web.access import Viewer
from ivr.web.pages import filtering
from ivr.web.pages.every import PAGES
from ivr.web.pages.frame import NAVIGATION
from tests.pages import seed
from tests.pages.served import ADMIN, Served

pytestmark = pytest.mark.asyncio(loop_scope="session")
Client = aiohttp.ClientSession
ALICE = Viewer(name="alice", role="agent", site="main", agent="PJSIP/1001")
SOUTH = Viewer(name="sue", role="supervisor", site="main", teams=frozenset({"south"}))


@pytest_asyncio.fixture(loop_scope="session")
async def client(shared: Served) -> AsyncIterator[Client]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(shared.url, cookie_jar=jar, headers={"Accept": "text/html"}) as session:
        yield session


@contextmanager
def as_viewer(shared: Served, viewer: Viewer) -> Iterator[None]:
    shared.viewer = viewer
    try:
        yield
    finally:
        shared.viewer = ADMIN


async def read(client: Client, path: str, status: int = 200) -> str:
    async with client.get(path) as answer:
        text = unescape(await answer.text())
        assert answer.status == status, re.findall(r"<p>(.+?)</p>", text)
        return text


async def test_a_page_is_in_the_language_of_the_browser_until_somebody_chooses(client: Client) -> None:
    async with client.get("/health", headers={"Accept-Language": "zh-CN,zh;q=0.9"}) as answer:
        assert answer.headers["Content-Language"] == "zh"
        assert "一切正常" in await answer.text()
    page = await read(client, "/health?")
    choose = re.search(r'href="(/preferences\?language=zh[^"]+)"', page)
    assert choose
    chosen = await read(client, choose.group(1))
    assert "一切正常" in chosen
    assert 'href="/preferences?language=en' in chosen


async def test_a_theme_that_is_chosen_stays(client: Client) -> None:
    assert 'data-theme="auto"' in await read(client, "/health")
    assert 'data-theme="dark"' in await read(client, "/preferences?theme=dark&back=%2Fhealth")
    page = await read(client, "/agents")
    assert 'data-theme="dark"' in page
    assert "theme=light" not in re.sub(r'href="[^"]*" download|href="/preferences[^"]*"', "", page)


@pytest.mark.parametrize("wrong", ["language=fr", "theme=pink"])
async def test_a_preference_that_there_is_not_is_refused(client: Client, wrong: str) -> None:
    assert "allowed: one of" in await read(client, f"/preferences?{wrong}", 400)


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("/agents?from=2026-11-01&queue=a%26b", "/agents?from=2026-11-01&queue=a%26b"),
        ("//evil.example/x", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http://[", "/"),
        ("agents", "/"),
        ("", "/"),
    ],
)
async def test_a_preference_leads_back_to_a_page_of_ours_and_nowhere_else(
    client: Client, back: str, leads: str
) -> None:
    query = {"theme": "light", "back": back}
    async with client.get("/preferences", params=query, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, leads)


async def test_every_page_forbids_scripts_of_others_and_is_kept_by_nobody(client: Client) -> None:
    async with client.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", page)


async def test_a_static_file_is_kept_as_long_as_it_is_what_it_was(client: Client) -> None:
    page = await read(client, "/health")
    path = re.search(r'href="(/static/postcall.css\?v=\w+)"', page)
    assert path
    async with client.get(path.group(1)) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
    async with client.get("/static/postcall.css?v=another") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
    async with client.get("/static/frame.py") as answer:
        assert answer.status == 404
    async with client.get("/static/..%2Fframe.py") as answer:
        assert answer.status == 404


async def test_without_the_database_a_page_says_so_and_leads_back_to_itself(
    client: Client, shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_away(*_: object, **__: object) -> None:
        raise DatabaseError("database postgresql://db.example/postcall: Connection refused")

    monkeypatch.setattr(shared.database, "read", is_away)
    page = await read(client, "/agents?from=2026-11-01&to=2026-11-20", 503)
    assert "The database does not answer just now." in page
    assert '<a href="/agents?from=2026-11-01&to=2026-11-20">Try again</a>' in page
    assert "db.example" not in page


async def test_every_page_of_the_navigation_is_there(client: Client) -> None:
    for place in NAVIGATION:
        page = await read(client, place.path)
        assert page.count('aria-current="page"') == 1


async def test_hostile_names_are_shown_and_never_run(client: Client) -> None:
    async with client.get("/agents") as answer:
        text = await answer.text()
    assert "Doe, John <b>" not in text
    assert "Doe, John &lt;b&gt;" in text


async def test_filters_stay_when_one_goes_to_another_page(client: Client) -> None:
    page = await read(client, "/agents?from=2026-11-01&to=2026-11-20&queue=support&team=&reason=")
    assert 'href="/reasons?queue=support&from=2026-11-01&to=2026-11-20"' in page
    assert 'href="/?queue=support"' in page
    assert '<option value="support" selected>' in page


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/agents?form=2026-11-01", "did you mean from?"),
        ("/agents?from=yesterday", "a day such as 2026-11-22"),
        ("/agents?from=2026-11-20&to=2026-11-01", "a day not after `to`"),
        ("/agents?sort=luck", "sort"),
        ("/reasons?step=year", "step"),
        ("/calls?after=x", "is no place in this list"),
        ("/flows/nothing", "no flow 'nothing'"),
        ("/flows/csat?after=zz", "the digest of a version of this flow"),
        ("/flows/csat?language=xx", "one of en, zh"),
        ("/calls/nothing", "no call 'nothing'"),
    ],
)
async def test_what_is_wrong_is_said_on_a_page(client: Client, path: str, told: str) -> None:
    status = 404 if told.startswith("no ") else 400
    page = await read(client, path, status)
    assert told in page
    assert "<nav" in page


async def test_a_program_that_asks_for_no_page_gets_the_problem_itself(shared: Served) -> None:
    async with aiohttp.ClientSession(shared.url) as session, session.get("/agents?from=x") as answer:
        assert answer.content_type == "application/problem+json"


async def test_an_agent_sees_the_own_page_and_no_other(shared: Served, client: Client) -> None:
    with as_viewer(shared, ALICE):
        page = await read(client, "/agents/PJSIP/1001")
        assert "Alice Moreau" in page
        assert "Alice Moreau" in await read(client, "/")
        assert "John" not in page
        assert "李雷" not in page
        assert not re.search(r'href="/((calls|reasons|funnel|drivers|flows|health)["?/]|["?])', page)
        await read(client, "/agents/PJSIP/1002", 404)
        for operation in PAGES:
            if "agent" not in operation.roles:
                path = operation.path.replace("{form:svg|png}", "svg").replace("{flow}", "csat")
                await read(client, path.replace("{call}", seed.RECORDED), 403)
        async with client.get("/charts/agent.svg?agent=PJSIP/1002") as answer:
            assert answer.status == 404
        async with client.get("/charts/agent.svg?agent=PJSIP/1001") as answer:
            assert answer.status == 200


async def test_a_supervisor_sees_the_own_teams_alone(shared: Served, client: Client) -> None:
    with as_viewer(shared, SOUTH):
        page = await read(client, "/agents")
        assert "李雷" in page
        assert "Alice" not in page
        await read(client, "/agents/PJSIP/1001", 404)
        await read(client, f"/calls/{seed.RECORDED}", 404)
        await read(client, "/calls/now.2")
        assert f"/calls/{seed.RECORDED}" not in await read(client, "/calls?from=2026-11-26")
        async with client.get("/charts/agents.svg") as answer:
            assert "Alice" not in await answer.text()


async def test_a_chart_is_a_picture_for_the_query_of_its_page(client: Client) -> None:
    async with client.get("/charts/agents.svg?team=north") as answer:
        assert answer.content_type == "image/svg+xml"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "Alice Moreau" in text
    assert "李雷" not in text
    async with client.get("/charts/agents.png") as answer:
        assert (await answer.read()).startswith(b"\x89PNG")
    async with client.get("/charts/agents.svg?theme=pink") as answer:
        assert answer.status == 400


async def test_a_long_table_begins_with_its_first_rows_and_shows_all_when_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(page: str) -> int:
        return len(re.findall(r'<th scope="row">', page.split("</table>")[0]))

    every = rows(await read(client, "/agents?sort=name"))
    monkeypatch.setattr(filtering, "MOST_ROWS", 2)
    page = await read(client, "/agents?sort=name")
    assert rows(page) == 2 < every
    assert f"The first 2 of {every}." in page
    (link,) = re.findall(r'href="(\?[^"]*rows=all[^"]*)"', page)
    assert rows(await read(client, f"/agents{link}")) == every
    assert "sort=name" in link
    # Of the calls, and of who gave a rating.
    assert (await read(client, "/funnel?by=agent")).count("The first 2 of ") == 2


async def test_the_funnel_leads_to_the_calls_that_were_not_asked(client: Client) -> None:
    page = await read(client, "/funnel")
    (link,) = re.findall(r'href="(/calls\?[^"]*why=caller_hung_up[^"]*)"', page)
    assert "The caller left the agent" in await read(client, link)


async def test_sentences_that_follow_one_another_are_parted(client: Client) -> None:
    page = await read(client, "/reasons?from=2026-11-19&to=2026-11-25")
    assert re.search(r"in the period before\.\s+(Better by|Worse by|The difference)", page)


async def test_who_stands_out_is_named_before_the_table(client: Client) -> None:
    page = await read(client, "/agents?queue=support")
    (below,) = re.findall(r"<h2>Below the others</h2>(.+?)</section>", page, re.DOTALL)
    assert re.findall(r'<a href="/agents/([^"]+)">', below) == ["PJSIP/1002?queue=support"]
    (above,) = re.findall(r"<h2>Above the others</h2>(.+?)</section>", page, re.DOTALL)
    assert "PJSIP/1002" not in above


async def test_a_list_stands_on_what_is_shown_even_when_it_is_none_of_its_entries(client: Client) -> None:
    page = await read(client, "/agents?queue=<closed>")
    assert "Nobody was asked who fits what is chosen above." in page
    (queues,) = re.findall(r'<select name="queue">(.+?)</select>', page, re.DOTALL)
    assert re.findall(r'<option value="([^"]*)" selected>', queues) == ["<closed>"]
    (teams,) = re.findall(r'<select name="team">(.+?)</select>', page, re.DOTALL)
    assert "selected" not in teams


async def test_a_period_without_calls_is_not_said_to_be_all_there_is(client: Client) -> None:
    page = await read(client, "/agents?from=2025-01-01&to=2025-02-01")
    assert "Nobody was asked in this period." in page


async def test_a_call_calls_its_reason_and_flow_as_the_lists_do_and_leads_to_its_agents(
    shared: Served, client: Client
) -> None:
    page = await read(client, f"/calls/{seed.RECORDED}")
    assert "<dd>Refund " in page
    assert 'href="/flows/csat">Customer satisfaction</a>' in page
    assert 'href="/agents/PJSIP/1001?site=main">Alice Moreau</a>' in page
    with as_viewer(shared, SOUTH):
        both = await read(client, f"/calls/{seed.SHARED}")
    # Of the two agents, the supervisor of the one team sees the other's name here, and has no page to go to.
    assert "Alice Moreau" in both
    assert 'href="/agents/PJSIP/1003?site=main">李雷</a>' in both
    assert 'href="/agents/PJSIP/1001' not in both


async def test_a_part_that_does_not_work_is_called_by_its_name_on_both_pages(shared: Served, client: Client) -> None:
    shared.wrong["pbx main"] = "AMI 127.0.0.1:5038 cannot be reached: connection refused"
    try:
        for path in ("/", "/health"):
            page = await read(client, path)
            assert "PBX of main</" in page
            assert "pbx main" not in page
    finally:
        shared.wrong.clear()
