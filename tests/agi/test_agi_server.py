"""The port: who may come in, who is let go, and what a port scan costs."""

import asyncio
import random
import time

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.agi_session import AgiLimits
from ivr.errors import CallerHungUp, SettingsError
from tests.agi.agi_client import header, site


async def asks(phone: AgiPhone) -> object:
    return await phone.collect(["en/csat-question"], max_keys=1, timeout_seconds=4, key_timeout_seconds=2)


async def test_a_route_is_found_without_its_query():
    async with site(asks) as here:
        asterisk = await here.dialled(header("survey?site=main&flow=csat"))
        await asterisk.answers(b"200 result=5\n")
        assert (await here.result()).pressed == "5"
        assert here.requests[0].query == {"site": "main", "flow": "csat"}


async def test_an_unknown_route_is_one_line_that_names_the_known_ones():
    async with site(asks) as here:
        with structlog.testing.capture_logs() as logs:
            asterisk = await here.dialled(header("surwey?site=main"))
            assert await asterisk.is_let_go() == b""
        assert logs == [
            {
                "event": "fastagi route is unknown",
                "log_level": "warning",
                "path": "surwey",
                "known": ["survey"],
                "uniqueid": "1795324275.8",
            }
        ]
        await here.counts(accepted=1, unknown_routes=1, open=0)


async def test_a_handler_that_breaks_lets_the_caller_go_and_the_server_lives():
    async def breaks(phone: AgiPhone) -> object:
        await phone.answer()
        raise KeyError("oops")

    async with site(breaks) as here:
        with structlog.testing.capture_logs() as logs:
            asterisk = await here.dialled()
            await asterisk.answers(b"200 result=6\n")
            assert await asterisk.is_let_go() == b""
        assert isinstance(await here.result(), KeyError)
        (line,) = logs
        assert (line["log_level"], line["uniqueid"]) == ("error", "1795324275.8")
        await here.counts(failed=1, open=0)
        await here.serves_a_good_call()


async def test_no_log_line_names_the_caller():
    async with site(asks) as here:
        with structlog.testing.capture_logs() as logs:
            for ending in (b"HANGUP\n", b"510 no\n", b"x" * 70_000):
                asterisk = await here.dialled()
                await asterisk.hears()
                asterisk.says(ending)
                await asterisk.is_let_go()
        assert [line["log_level"] for line in logs] == ["debug", "warning", "warning"]
        assert "0912000000" not in str(logs)
        assert "Anna" not in str(logs)


# --- what is not Asterisk ---


async def test_a_port_scan_costs_nothing_and_says_nothing():
    async with site(asks) as here:
        with structlog.testing.capture_logs() as logs:
            before = time.process_time()
            for _ in range(50):
                (await here.dialled(b"")).drops()
            for _ in range(50):
                (await here.dialled(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).drops()
            await here.counts(bad_requests=100, open=0, accepted=0)
            assert time.process_time() - before < 2
            await here.serves_a_good_call()
        assert {line["log_level"] for line in logs} == {"debug"}


@pytest.mark.parametrize("said", [b"", b"agi_network: yes\n", header()[:-1]])
async def test_who_does_not_finish_the_header_is_let_go_at_the_deadline(said):
    async with site(asks, header_seconds=0.05) as here:
        asterisk = await here.dialled(said)
        assert await asterisk.is_let_go() == b""
        await here.counts(bad_requests=1, open=0)


async def test_the_header_deadline_is_not_moved_by_one_more_byte():
    async with site(asks, header_seconds=0.2) as here:
        asterisk = await here.dialled(b"")

        async def drips() -> None:
            while True:
                asterisk.says(b"agi_x: 1\n")
                await asyncio.sleep(0.02)

        dripping = asyncio.ensure_future(drips())
        try:
            await asterisk.is_let_go()
        finally:
            dripping.cancel()
        await here.counts(bad_requests=1, open=0)


async def test_beyond_the_limit_a_call_goes_on_at_once_and_one_line_says_so():
    async with site(asks, sessions=2) as here:
        with structlog.testing.capture_logs() as logs:
            first, second = await here.dialled(), await here.dialled(b"")
            await first.hears()
            await here.counts(open=2)
            for _ in range(3):
                assert await (await here.dialled()).is_let_go() == b""
        assert [line["event"] for line in logs] == ["fastagi is full: calls go on without a survey"]
        assert here.server.counts.refused == 3
        second.drops()
        await here.counts(open=1)
        await here.serves_a_good_call()
        first.says(b"200 result=5\n")
        assert (await here.result()).pressed == "5"


def test_whatever_arrives_at_the_port_the_next_call_works():
    """Hundreds of connections that send anything, before or after a good header, and one good call after each ten."""

    async def serves_after(here, *noises: tuple[bytes, bool]) -> None:
        for noise, after_header in noises:
            asterisk = await here.dialled(header() + noise if after_header else noise)
            asterisk.drops()
        await here.counts(open=0)
        while not here.results.empty():
            here.results.get_nowait()
        await here.serves_a_good_call()

    words = st.sampled_from([b"\n", b"HANGUP\n", b"200 result=1\n", b"520-\n", b"agi_uniqueid: 1\n", b"\r\n", b"5"])
    noise = st.tuples(st.lists(st.one_of(words, st.binary(max_size=30)), max_size=8).map(b"".join), st.booleans())

    with asyncio.Runner() as runner:
        context = site(asks)
        here = runner.run(context.__aenter__())
        try:

            @given(st.lists(noise, min_size=10, max_size=10))
            @settings(max_examples=40, deadline=None)
            def serves(noises):
                runner.run(serves_after(here, *noises))

            serves()
        finally:
            runner.run(context.__aexit__(None, None, None))


async def test_a_call_right_after_each_other_never_mixes_the_callers_up():
    async def echoes(phone: AgiPhone) -> object:
        return (await asks(phone)).pressed, (await phone.variables(["X"]))["X"]  # type: ignore[attr-defined]

    async with site(echoes) as here:

        async def caller(number: int) -> None:
            asterisk = await here.dialled(header(uniqueid=str(number)))
            await asterisk.answers(b"200 result=%d\n" % (number % 10))
            await asterisk.tells({"X": str(number).encode()})
            await asterisk.is_let_go()

        numbers = list(range(60))
        random.Random(7).shuffle(numbers)
        await asyncio.gather(*map(caller, numbers))
        got = [await here.result() for _ in numbers]
        assert sorted(got) == sorted((str(number % 10), str(number)) for number in numbers)


# --- start, and the end of a call ---


async def test_a_port_in_use_is_one_clear_line():
    async with site(asks) as here:
        port = here.server.port
        with pytest.raises(SettingsError) as failure:
            await AgiServer("127.0.0.1", port, {}, AgiLimits()).start()
        assert str(failure.value) == f"fastagi 127.0.0.1:{port}: address already in use"


async def test_an_address_that_is_not_ours_is_one_clear_line():
    with pytest.raises(SettingsError, match=r"^fastagi 192\.0\.2\.1:4573: cannot assign requested address$"):
        await AgiServer("192.0.2.1", 4573, {}, AgiLimits()).start()


async def test_a_handler_may_finish_its_work_after_the_caller_has_hung_up():
    saved = asyncio.Event()

    async def saves(phone: AgiPhone) -> object:
        try:
            await asks(phone)
        except CallerHungUp:
            await asyncio.sleep(0.01)
            saved.set()
        return "saved"

    async with site(saves) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        asterisk.says(b"HANGUP\n")
        await asterisk.is_let_go()
        assert not saved.is_set()
        assert await here.result() == "saved"
