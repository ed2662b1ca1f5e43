"""Call-backs on a real Asterisk: the caller's own telephone rings, and the rating belongs to the call of before."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from callflows.loader import GREETING
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from ivr.errors import PbxError
from storage.tables import Call as CallRow
from storage.tables import Callback, Survey
from tests.asterisk.service import Beside
from tests.asterisk.test_ways import ALICE, one_call, one_survey, talk
from tests.asterisk.ways import Ways, ways
from tests.waiting import until

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
NUMBER = "1002"
"""The caller's, at which a telephone will be registered that Asterisk can reach."""


@pytest.fixture(scope="module")
def pbx(asterisk_server: AsteriskServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """An Asterisk with the printed lines and rights for call-backs."""
    with ways(asterisk_server.root, tmp_path_factory.mktemp("callback"), "ami", calls_back=True) as running:
        yield running


def settings(**changed: Any) -> dict[str, Any]:
    """Call back at once, at any hour."""
    return {
        "enabled": True,
        "channel": "PJSIP/{number}",
        "caller_id": '"Example Ltd" <0800123456>',
        "numbers": "[0-9]{4}",
        "delay_minutes": 0,
        "hours": "mon-sun 00:00-24:00",
        **changed,
    }


@pytest.fixture
async def home(pbx: Ways) -> AsyncIterator[SipPhone]:
    """The caller's telephone, not yet switched on: until then 1002 is no agent that the queue could ring."""
    async with SipPhone(NUMBER, sip_port=pbx.server.sip_port) as phone:
        yield phone


async def hang_up_first(pbx: Ways, postcall: Beside) -> str:
    """Alice's caller hangs up; returns the linkedid of the call."""
    async with (
        SipPhone("1001", sip_port=pbx.server.sip_port) as alice,
        SipPhone("caller", sip_port=pbx.server.sip_port) as caller,
    ):
        await alice.register()
        caller.user = NUMBER
        here, there = await talk(pbx, postcall, caller, "7200", alice)
        await here.hang_up()
        await there.wait_ended()
    call = await one_call(postcall)
    assert call.exclusion == "caller_hung_up"
    return str(call.linkedid)


async def state(postcall: Beside, *wanted: str) -> Any:
    """The only call-back, as soon as it is in one of these states."""

    async def look() -> Any:
        return [row for row in await postcall.rows(Callback) if row.state in wanted]

    ((row),) = await until(look)
    return row


async def greeted(call: Call, key: str) -> None:
    """Take the call and press a key at the greeting."""
    await call.answer()
    await call.heard.sound()
    await call.press(key)


async def asked(postcall: Beside, call: Call, key: str) -> None:
    """Hear the greeting's thanks to their end, press a key in the survey, and hear that to its end."""
    await until(lambda: postcall.rows(Survey))
    await call.heard.silence(0.05)
    await call.heard.sound()
    await call.press(key)
    assert await call.wait_ended(15) == "there"


async def test_the_caller_hung_up_first_is_called_back_and_presses_4(pbx: Ways, url: str, home: SipPhone) -> None:
    async with pbx.service(url, callback=settings(delay_minutes=0.03)) as postcall:
        linkedid = await hang_up_first(pbx, postcall)
        await home.register()
        rings = await home.incoming()
        assert "Example Ltd" in rings.caller
        assert "0800123456" in rings.caller
        await greeted(rings, "1")
        await asked(postcall, rings, "4")

        survey = await one_survey(postcall)
        assert (survey.linkedid, survey.agent, survey.queue, survey.status) == (linkedid, ALICE, "support", "completed")
        assert await postcall.answers(survey.survey) == [("4", 4, 1, "answered")]
        row = await state(postcall, "answered")
        assert (row.tries, row.sealed_number) == (1, None)
        (call,) = await postcall.rows(CallRow)
        assert call.exclusion == ""
        assert (await postcall.agent(ALICE))["mean"] == 4.0
        assert await postcall.exact()


async def test_the_service_is_restarted_before_the_call_back(pbx: Ways, url: str, home: SipPhone) -> None:
    async with pbx.service(url, callback=settings(delay_minutes=0.05)) as postcall:
        linkedid = await hang_up_first(pbx, postcall)
        assert (await state(postcall, "pending")).tries == 0
    await home.register()
    async with pbx.service(url, callback=settings()) as postcall:
        rings = await home.incoming()
        await greeted(rings, "1")
        await asked(postcall, rings, "5")
        survey = await one_survey(postcall)
        assert (survey.linkedid, survey.agent, survey.status) == (linkedid, ALICE, "completed")


async def test_the_service_is_restarted_while_the_telephone_rings(pbx: Ways, url: str, home: SipPhone) -> None:
    async with pbx.service(url, callback=settings(delay_minutes=0.03)) as postcall:
        linkedid = await hang_up_first(pbx, postcall)
        await home.register()
        rings = await home.incoming()
        assert (await state(postcall, "calling")).tries == 1
    async with pbx.service(url, callback=settings()) as postcall:
        await greeted(rings, "1")
        await asked(postcall, rings, "2")
        survey = await one_survey(postcall)
        assert (survey.linkedid, survey.agent, survey.status) == (linkedid, ALICE, "completed")
        assert (await state(postcall, "answered")).tries == 1


async def test_9_is_never_again(pbx: Ways, url: str, home: SipPhone) -> None:
    async with pbx.service(url, callback=settings(delay_minutes=0.03)) as postcall:
        await hang_up_first(pbx, postcall)
        await home.register()
        rings = await home.incoming()
        await greeted(rings, "9")
        assert await rings.wait_ended(15) == "there"
        row = await state(postcall, "withdrawn")
        assert (row.why, row.sealed_number) == ("opted_out", None)
        assert await postcall.rows(Survey) == []


async def test_a_telephone_that_is_declined_or_not_there_is_tried_again_later(
    pbx: Ways, url: str, home: SipPhone
) -> None:
    async with pbx.service(url, callback=settings(delay_minutes=0.03)) as postcall:
        await hang_up_first(pbx, postcall)
        await home.register()
        await (await home.incoming()).hang_up()

        async def tried() -> Any:
            return [row for row in await postcall.rows(Callback) if (row.state, row.tries) == ("pending", 1)]

        ((row),) = await until(tried)
        assert row.why in ("busy", "failed")
        assert row.due_at > row.called_at
        assert row.sealed_number is not None
        assert await postcall.rows(Survey) == []


async def test_a_silent_answering_machine_is_no_answer_and_is_tried_again_within_the_limits(
    pbx: Ways, url: str, home: SipPhone, tmp_path: Path
) -> None:
    # A greeting that waits for a key for one second, and once.
    greeting = tmp_path / "greeting.yaml"
    text = GREETING.read_text("utf-8").replace("tries: 2", "tries: 1").replace("timeout: 5", "timeout: 1")
    greeting.write_text(text, encoding="utf-8")
    wanted = settings(delay_minutes=0.03, tries=2, retry_minutes=1, greeting_file=str(greeting))
    async with pbx.service(url, callback=wanted) as postcall:
        linkedid = await hang_up_first(pbx, postcall)
        await home.register()
        for tried, then in ((1, "pending"), (2, "given_up")):
            machine = await home.incoming()
            await machine.answer()
            assert await machine.wait_ended(20) == "there"
            row = await state(postcall, then)
            assert (row.why, row.tries) == ("no_key", tried)
            if then == "pending":
                assert timedelta(seconds=60) < row.due_at - row.called_at < timedelta(seconds=90)
                await the_next_try_is_due(postcall)

        assert row.sealed_number is None
        assert await postcall.rows(Survey) == []
        (call,) = await postcall.rows(CallRow)
        assert (call.linkedid, call.exclusion) == (linkedid, "caller_hung_up")
        score = await postcall.agent(ALICE)
        assert (score["n"], score["offered"], score["answered"]) == (0, 0, 0)
        # Nobody is called a third time, however much time passes.
        await the_next_try_is_due(postcall)
        with pytest.raises(PbxError, match="did not ring"):
            await home.incoming(2)
        assert await postcall.exact()


async def the_next_try_is_due(postcall: Beside) -> None:
    """The minutes until the next try have passed, as far as the database knows."""

    async def work(connection: Any) -> None:
        await connection.execute(update(Callback.__table__).values(due_at=datetime.now(UTC)))

    await postcall.database.write(work)
