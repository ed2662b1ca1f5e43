"""What the keypad page and the service say to each other, and who is let in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from ivr.trial import browser
from ivr.web import try_socket
from tests.trial.room import Trials, served
from tests.waiting import until

LIMIT = 10.0
pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
async def trials(url: str) -> AsyncIterator[Trials]:
    async with served(url) as found:
        yield found


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Page:
    """A page that plays at once, and presses what it is told to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def call(self, language: str = "en", **more: str) -> None:
        await self.socket.send_json({"do": "call", "language": language, **more})

    async def told(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json(timeout=LIMIT)
        return message

    async def asked(self) -> tuple[int, list[str]]:
        """The number of the step that asks for keys, and what is said with it."""
        message = await self.told()
        assert message["do"] == "ask", message
        return message["step"], [prompt["text"] for prompt in message["prompts"]]

    async def press(self, step: int, key: str) -> None:
        await self.socket.send_json({"do": "key", "step": step, "key": key})

    async def played(self, step: int) -> None:
        await self.socket.send_json({"do": "played", "step": step})

    async def result(self) -> dict[str, Any]:
        """The result, after whatever is still said."""
        while (message := await self.told())["do"] == "say":
            await self.played(message["step"])
        assert message["do"] == "result", message
        return message

    async def closed(self) -> tuple[str, int | None]:
        """The error that was told, and the code with which the service closed the socket."""
        message = await self.told()
        assert (await self.socket.receive(timeout=LIMIT)).type is aiohttp.WSMsgType.CLOSE
        return message["text"], self.socket.close_code


def socket_address(link: str) -> str:
    parts = urlsplit(link)
    return f"ws://{parts.netloc}{parts.path}/socket?{parts.query}"


@asynccontextmanager
async def page(client: aiohttp.ClientSession, link: str) -> AsyncIterator[Page]:
    async with client.ws_connect(socket_address(link)) as socket:
        yield Page(socket)


# --- a trial ---


async def test_a_trial_from_the_call_to_its_rows(trials: Trials, client: aiohttp.ClientSession) -> None:
    async with page(client, trials.link("csat")) as caller:
        await caller.call("zh", queue="support", reason="billing")
        first = await caller.told()
        query = urlsplit(trials.link("csat")).query.split("&")[0]
        assert {name: value for name, value in first.items() if name != "prompts"} == {
            "do": "ask",
            "step": 1,
            "max_keys": 1,
            "timeout_seconds": 5.0,
            "key_timeout_seconds": 2.0,
            "barge_in": True,
        }
        assert [prompt["text"] for prompt in first["prompts"]] == [
            "还有一个简短的问题。",
            "请按键给本次通话打1到5分。5分非常满意，1分非常不满意。",
        ]
        assert first["prompts"][0]["sound"].startswith("/try/csat/sounds/zh/csat-welcome.wav?" + query.split("=")[0])
        await caller.press(1, "9")
        step, texts = await caller.asked()
        assert texts[0] == "对不起，您按的键无效。"
        await caller.press(step, "4")
        said = await caller.told()
        assert (said["do"], [prompt["text"] for prompt in said["prompts"]]) == (
            "say",
            ["您按了4。", "感谢您的评价，再见。"],
        )
        await caller.played(said["step"])
        result = await caller.told()

    answer = {"question": "satisfaction", "keys": "4", "value": 4, "tries": 2, "ended": "answered"}
    assert (result["outcome"], result["language"], result["answers"]) == ("completed", "zh", [answer])
    assert result["trial"].startswith("trial-")
    assert await trials.kept() == [("csat", True, "completed")]
    assert await trials.answers() == [("satisfaction", "4", 4, 2, "answered")]
    assert await trials.counts_nothing()


async def test_an_answer_of_two_keys_and_one_that_a_hash_ends(trials: Trials, client: aiohttp.ClientSession) -> None:
    for keys, value in (("10", 10), ("7#", 7)):
        async with page(client, trials.link("quick")) as caller:
            await caller.call()
            await caller.press((await caller.asked())[0], "5")
            step, _ = await caller.asked()
            for key in keys:
                await caller.press(step, key)
            result = await caller.result()
        assert [answer["value"] for answer in result["answers"]] == [5, value]


async def test_the_service_and_not_the_page_ends_the_wait(trials: Trials, client: aiohttp.ClientSession) -> None:
    now = asyncio.get_running_loop().time
    async with page(client, trials.link("quick")) as caller:
        await caller.call()
        step, _ = await caller.asked()
        await caller.played(step)
        began = now()
        step, texts = await caller.asked()
        assert 0.9 < now() - began < 5
        assert texts == ["No key.", "From 1 to 5?"]
        await caller.played(step)
        result = await caller.result()
    assert (result["outcome"], result["answers"][0]["ended"]) == ("no_input", "no_input")


async def test_a_page_that_never_says_that_it_has_played_is_not_waited_for_for_ever(
    trials: Trials, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "PLAYING_SECONDS", 0.1)
    async with page(client, trials.link("quick")) as caller:
        await caller.call()
        await caller.asked()
        await caller.asked()
        assert (await caller.told())["do"] == "say"
        assert (await caller.told())["outcome"] == "no_input"


async def test_a_key_that_comes_when_its_step_is_over_is_lost(trials: Trials, client: aiohttp.ClientSession) -> None:
    async with page(client, trials.link("quick")) as caller:
        await caller.call()
        first, _ = await caller.asked()
        for key in "555":
            await caller.press(first, key)
        second, _ = await caller.asked()
        await caller.press(first, "3")
        for key in "10":
            await caller.press(second, key)
        said = await caller.told()
        await caller.press(said["step"], "4")
        await caller.played(said["step"])
        result = await caller.told()
    assert [answer["keys"] for answer in result["answers"]] == ["5", "10"]


async def test_hanging_up_shows_the_result(trials: Trials, client: aiohttp.ClientSession) -> None:
    async with page(client, trials.link("quick")) as caller:
        await caller.call()
        await caller.press((await caller.asked())[0], "5")
        await caller.asked()
        await caller.socket.send_json({"do": "hang_up"})
        result = await caller.told()
    assert result["outcome"] == "partial"
    assert [answer["ended"] for answer in result["answers"]] == ["answered", "hung_up"]


async def test_closing_the_page_hangs_up(trials: Trials, client: aiohttp.ClientSession) -> None:
    async with page(client, trials.link("quick")) as caller:
        await caller.call()
        await caller.asked()

    await trials.ended("quick", "hung_up")
    assert await trials.answers() == [("satisfaction", "", None, 1, "hung_up")]


async def test_the_service_stops_and_the_trial_is_ended(url: str, client: aiohttp.ClientSession) -> None:
    async with served(url) as trials:
        socket = await client.ws_connect(socket_address(trials.link("quick")))
        await Page(socket).call()
        await Page(socket).asked()
    async with served(url) as trials:
        assert await trials.kept() == [("quick", True, "hung_up")]
    await socket.close()


# --- who is let in ---


def tampered(link: str) -> str:
    return link[:-1] + ("0" if link[-1] != "0" else "1")


def longer(link: str) -> str:
    address = URL(link)
    return str(address.update_query(until=int(address.query["until"]) + 3600))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda trials: trials.url + "/try/csat", "it is opened with a link that"),
        (lambda trials: trials.url + "/try/csat?until=&key=", "it is opened with a link that"),
        (lambda trials: tampered(trials.link("csat")), "was made for another flow, or under another token"),
        (lambda trials: longer(trials.link("csat")), "was made for another flow, or under another token"),
        (lambda trials: trials.link("csat") + "%FF", "was made for another flow, or under another token"),
        (lambda trials: trials.link("quick").replace("/quick", "/csat"), "was made for another flow"),
        (lambda trials: trials.link("csat", token="another token, as long"), "was made for another flow"),
        (lambda trials: trials.link("csat", hours=-0.01), "this link has expired"),
    ],
)  # fmt: skip
async def test_without_a_good_link_there_is_no_page_no_sound_and_no_socket(
    trials: Trials, client: aiohttp.ClientSession, spoil: Any, why: str
) -> None:
    link = spoil(trials)
    async with client.get(link) as response:
        assert response.status == 403
        text = await response.text()
        assert why in text
        assert "<code>postcall try-link csat</code>" in text
    path, _, query = link.partition("?")
    async with client.get(URL(f"{path}/sounds/en/csat-welcome.wav?{query}", encoded=True)) as response:
        assert response.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await client.ws_connect(URL(f"{path}/socket?{query}", encoded=True))
    assert await trials.kept() == []


async def test_the_link_of_a_flow_that_is_gone(trials: Trials, client: aiohttp.ClientSession) -> None:
    async with client.get(trials.link("nps")) as response:
        assert response.status == 404
        assert "there is no flow <code>nps</code> any more" in await response.text()
    with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
        await client.ws_connect(socket_address(trials.link("nps")))


async def test_the_page_runs_no_script_but_ours_and_a_title_is_only_text(
    trials: Trials, client: aiohttp.ClientSession
) -> None:
    async with client.get(trials.link("quick")) as response:
        text = await response.text()
        policy = response.headers["Content-Security-Policy"].split("; ")
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in "".join(policy)
    assert "<h1>Two quick questions &amp; &quot;more&quot; &lt;b&gt;</h1>" in text
    assert "<b>" not in text


async def test_style_and_script_are_served_to_everybody(trials: Trials, client: aiohttp.ClientSession) -> None:
    for name, kind in (("keypad.css", "text/css"), ("keypad.js", "text/javascript")):
        async with client.get(f"{trials.url}/try/{name}") as response:
            assert (response.status, response.content_type) == (200, kind)
    async with client.get(f"{trials.url}/try/keypad.html") as response:
        assert response.status == 404


async def test_the_sounds_of_the_flow_are_served(trials: Trials, client: aiohttp.ClientSession) -> None:
    path, _, query = trials.link("csat").partition("?")
    async with client.get(f"{path}/sounds/en/csat-welcome.wav?{query}") as response:
        assert response.status == 200
        assert (await response.read())[:4] == b"RIFF"


@pytest.mark.parametrize(
    "name",
    [
        "en/csat-nothing.wav",
        "fr/csat-welcome.wav",
        "en/../zh/csat-welcome.wav",
        "en/%2e%2e/zh/csat-welcome.wav",
        "en/%2e%2e%2f%2e%2e%2fcsat.wav",
        "..%2f..%2f..%2f..%2fetc/passwd.wav",
        "en//etc/passwd.wav",
        "en/csat-welcome%00.wav",
        "en/csat-welcome.yaml",
    ],
)
async def test_nothing_but_the_sounds_of_the_flow_is_served(
    trials: Trials, client: aiohttp.ClientSession, name: str
) -> None:
    path, _, query = trials.link("csat").partition("?")
    async with client.get(URL(f"{path}/sounds/{name}?{query}", encoded=True)) as response:
        assert response.status == 404


async def test_a_sound_that_was_not_made_is_not_found(trials: Trials, client: aiohttp.ClientSession) -> None:
    path, _, query = trials.link("quick").partition("?")
    async with client.get(f"{path}/sounds/en/quick-welcome.wav?{query}") as response:
        assert response.status == 404


# --- what a page of ours never sends ---


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "not JSON",
        '{"do": "key", "step": 1, "key": "5"}',
        '{"do": "call"}',
        '{"do": "call", "language": "en", "site": "other"}',
        '{"do": "call", "language": "en", "queue": "' + "q" * 81 + '"}',
    ],
)
async def test_a_first_message_that_is_no_call_is_refused(
    trials: Trials, client: aiohttp.ClientSession, message: str
) -> None:
    async with page(client, trials.link("csat")) as caller:
        await caller.socket.send_str(message)
        assert await caller.closed() == ("a message that no page of ours sends", 1008)
    assert await trials.kept() == []


@pytest.mark.parametrize(
    "message",
    ['{"do": "dance"}', '{"do": "key", "step": 1, "key": "55"}', '{"do": "key", "step": "1", "key": "5"}', "null"],
)
async def test_a_later_message_that_makes_no_sense_ends_the_trial(
    trials: Trials, client: aiohttp.ClientSession, message: str
) -> None:
    async with page(client, trials.link("csat")) as caller:
        await caller.call()
        await caller.asked()
        await caller.socket.send_str(message)
        assert await caller.closed() == ("a message that no page of ours sends", 1008)
    await trials.ended("csat", "hung_up")


async def test_a_language_that_the_flow_does_not_have_leaves_no_row(
    trials: Trials, client: aiohttp.ClientSession
) -> None:
    async with page(client, trials.link("csat")) as caller:
        await caller.call("fr")
        assert (await caller.closed())[1] == 1011
    assert await trials.kept() == []


async def test_a_long_message_closes_the_socket(trials: Trials, client: aiohttp.ClientSession) -> None:
    async with page(client, trials.link("csat")) as caller:
        await caller.socket.send_str("x" * 2000)
        await caller.socket.receive(timeout=LIMIT)
        assert caller.socket.close_code == 1009


async def test_thousands_of_keys_are_no_burden(trials: Trials, client: aiohttp.ClientSession) -> None:
    async with page(client, trials.link("csat")) as caller:
        await caller.call()
        step, _ = await caller.asked()
        for _ in range(2000):
            await caller.press(step, "5")
        assert (await caller.result())["outcome"] == "completed"


async def test_only_so_many_try_flows_at_once(url: str, client: aiohttp.ClientSession) -> None:
    async with served(url, at_once=1) as trials:
        async with page(client, trials.link("csat")) as first:
            await first.call()
            await first.asked()
            async with page(client, trials.link("csat")) as second:
                assert await second.closed() == ("trials going on: 1, as many as may; try later", 1013)
            await first.socket.send_json({"do": "hang_up"})
            await first.result()
        async with page(client, trials.link("csat")) as third:
            await third.call()
            await third.asked()


async def test_a_trial_does_not_last_for_ever(url: str, client: aiohttp.ClientSession) -> None:
    async with served(url, longest_seconds=0.2) as trials, page(client, trials.link("csat")) as caller:
        await caller.call()
        await caller.asked()
        assert await caller.closed() == ("a trial lasts up to 0.2 s", 1008)
        assert await trials.kept() == [("csat", True, "failed")]


async def test_who_connects_and_does_not_call_is_let_go(
    trials: Trials, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_socket, "CALL_SECONDS", 0.1)
    async with page(client, trials.link("csat")) as caller:
        assert (await caller.socket.receive(timeout=LIMIT)).type is aiohttp.WSMsgType.CLOSE

        async def gone() -> bool:
            return not trials.room.trying

        await until(gone)


async def test_a_database_that_is_gone_is_said_without_a_word_of_it(
    trials: Trials, client: aiohttp.ClientSession
) -> None:
    for table in ("answer", "survey"):
        await trials.database.write(lambda connection, table=table: connection.exec_driver_sql(f"DROP TABLE {table}"))
    async with page(client, trials.link("csat")) as caller:
        await caller.call()
        assert await caller.closed() == ("the trial cannot be held; the service's log says why", 1011)
