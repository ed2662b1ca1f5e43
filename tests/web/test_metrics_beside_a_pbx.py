"""What Prometheus is told beside a PBX: each figure moves with what happens, and none names a caller or an agent."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from sqlalchemy.exc import OperationalError

from ivr.app import Service, running
from ivr.demo.behaviour import Behaviour
from ivr.demo.choices import free_port
from ivr.demo.queues import Member, Queue
from ivr.settings import build_settings
from tests.demo.calling_out import CallingOut
from tests.waiting import until
from tests.web.test_metrics import TOKEN, Figures, figures, scrape

NUMBER = "0912345678"
NAME = "Anna Caller"
AGENT = "Sara Lindqvist"
WHY = ("password", "wait", "link", "token")


@asynccontextmanager
async def beside(folder: Path, migrated_file: Path) -> AsyncIterator[tuple[Service, CallingOut]]:
    shutil.copy(migrated_file, folder / "postcall.db")
    agi_port = free_port()
    pbx = CallingOut(
        queues=[Queue(name="support", exten="8001")],
        members=[Member(interface="PJSIP/1001", name=AGENT, queues=("support",))],
        speed=20,
        seed=1,
        events=None,
        dialplan={"postcall-survey": f"agi://127.0.0.1:{agi_port}/survey"},
    )
    pbx.outcomes = []
    async with pbx:
        settings = build_settings(
            {
                "database": {"url": f"sqlite:///{folder}/postcall.db"},
                "web": {"port": 0, "token": TOKEN},
                "fastagi": {"port": agi_port},
                "privacy": {"caller_key": "a caller key of these tests"},
                "sites": {
                    "main": {
                        "ami": {"port": pbx.port, "username": pbx.user, "secret": pbx.secret},
                        "callback": {
                            "enabled": True,
                            "channel": "PJSIP/out/{number}",
                            "delay_minutes": 0,
                            "hours": ["mon-sun 00:00-24:00"],
                        },
                    }
                },
            },
            source="test",
        )
        async with running(settings) as service:
            yield service, pbx


async def moved(service: Service, figure: tuple[str, ...], to: float) -> Figures:
    """All figures, as soon as one of them is so."""

    async def look() -> Figures | None:
        found = await figures(service)
        return found if found.get(figure) == to else None

    found = await until(look)
    assert found is not None
    return found


async def test_the_link_and_the_survey_after_a_talk(tmp_path: Path, migrated_file: Path) -> None:
    async with beside(tmp_path, migrated_file) as (service, pbx):
        before = await figures(service)
        assert before["postcall_ami_connected", "main"] == 1
        assert before["postcall_ami_reconnects_total", "main"] == 0
        assert before["postcall_surveys_open", "main"] == 0
        call = pbx.place_call("support", NUMBER, NAME, Behaviour(talk_seconds=20, keys=("5",), think_seconds=4))
        during = await moved(service, ("postcall_surveys_open", "main"), 1)
        assert during["postcall_fastagi_open",] == 1
        await call.wait()
        after = await moved(service, ("postcall_surveys_open", "main"), 0)
        assert after["postcall_surveys_ended_total", "csat", "completed", "main"] == 1
        assert after["postcall_ami_armed_total", "main"] == 1
        assert after["postcall_ami_not_armed_total", "main"] == 0
        assert after["postcall_ami_events_total", "main"] >= before["postcall_ami_events_total", "main"] + 5
        # Both are of this machine: the events come when they happen.
        assert 0 <= after["postcall_ami_lag_seconds", "main"] < 5
        assert after["postcall_survey_begin_seconds_count", "hang_up", "main"] == 1
        assert 0 <= after["postcall_survey_begin_seconds_sum", "hang_up", "main"] < 5
        assert ("postcall_survey_begin_seconds_count", "request", "main") not in after
        _, text = await scrape(service)
        for private in (NUMBER, NUMBER[-4:], NAME, AGENT, "1001", call.uniqueid, TOKEN, pbx.secret):
            assert private not in text
        pbx.ami.drop_clients()
        await moved(service, ("postcall_ami_reconnects_total", "main"), 1)


async def test_what_cannot_be_read_of_a_link_is_counted(tmp_path: Path, migrated_file: Path) -> None:
    async with beside(tmp_path, migrated_file) as (service, pbx):
        for session in pbx.ami._sessions:
            session.send_event("call", b"Event: AgentConnect\r\nQueue: support\r\n\r\n")
        await moved(service, ("postcall_ami_skipped_messages_total", "main"), 1)


async def test_call_backs_by_how_they_ended(tmp_path: Path, migrated_file: Path) -> None:
    async with beside(tmp_path, migrated_file) as (service, pbx):
        assert not [figure for figure in await figures(service) if figure[0] == "postcall_callbacks_total"]
        for outcome, result in (("no_answer", "no_answer"), ("taken", "answered")):
            pbx.outcomes.append(outcome)  # type: ignore[arg-type]
            await pbx.place_call("support", NUMBER, NAME, Behaviour(ends="caller", talk_seconds=10)).wait()
            found = await moved(service, ("postcall_callbacks_total", result, "main"), 1)
        assert found["postcall_calls_today", "caller_hung_up", "main"] >= 1
        done = await moved(service, ("postcall_surveys_ended_total", "csat", "completed", "main"), 1)
        # Nobody waited from the hang-up of the call of before on.
        assert done["postcall_survey_begin_seconds_count", "request", "main"] == 1


async def test_live_clients_and_those_who_are_not_let_in(tmp_path: Path, migrated_file: Path) -> None:
    async with beside(tmp_path, migrated_file) as (service, _):
        before = await figures(service)
        assert [before["postcall_sign_ins_refused_total", why] for why in ("password", "wait", "link", "token")] == [
            0
        ] * 4
        async with aiohttp.ClientSession(service.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            own = {"Authorization": f"Bearer {TOKEN}"}
            async with client.get("/api/v1/live", headers=own) as stream:
                assert stream.status == 200
                await moved(service, ("postcall_live_clients",), 1)
            await client.get("/api/v1/agents/scores", headers={"Authorization": "Bearer a guess"})
            await client.get("/login/once?login=ada")
            form = await (await client.get("/login")).text()
            csrf = form.partition('name="csrf" value="')[2].partition('"')[0]
            for _ in range(6):
                await client.post("/login", data={"login": "ada", "password": "a guess", "csrf": csrf, "next": "/"})
        found = await figures(service)
        refused = {why: found["postcall_sign_ins_refused_total", why] for why in WHY}
        # Five tries are free.
        assert refused == {"password": 5, "wait": 1, "link": 1, "token": 1}


async def test_a_transaction_that_is_run_again_is_counted(tmp_path: Path, migrated_file: Path) -> None:
    async with beside(tmp_path, migrated_file) as (service, _):
        assert (await figures(service))["postcall_database_retries_total",] == 0
        locked = type("Locked", (Exception,), {"sqlite_errorname": "SQLITE_BUSY"})()

        async def work(_transaction: object) -> None:
            # Others may share its commit; alone it is run again because it was locked.
            if not service.database.retries:
                raise OperationalError("", {}, locked)

        await service.database.write(work)
        assert (await figures(service))["postcall_database_retries_total",] == 1
