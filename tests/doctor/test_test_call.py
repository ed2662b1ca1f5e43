"""What the doctor says of a test call, by what came of it; the calls themselves are placed at a real Asterisk."""

import asyncio
from datetime import UTC, datetime

import pytest

from ivr.asterisk.agi_protocol import COMMAND_BYTES
from ivr.asterisk.dialplan import EVENTS, DialplanSite
from ivr.asterisk.messages import Message
from ivr.asterisk.test_call import PlacedTestCall
from ivr.doctor.test_call import Overheard, of_call, of_events, unneeded
from ivr.surveys.test_call import FoundByTestCall, Lacking

SITE = DialplanSite(
    site="main",
    username="survey",
    trigger="ami",
    survey_goto="postcall-survey,s,1",
    create_extension=False,
    agi_host="127.0.0.1",
    agi_port=4573,
)
AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def overheard(*messages: bytes) -> Overheard:
    heard = Overheard()
    for message in messages:
        heard.hear(Message(message), AT)
    return heard


def test_events_without_a_time_are_told_once_however_many() -> None:
    heard = overheard(b"Event: Hangup\r\nUniqueid: a", b"Event: Hangup\r\nUniqueid: b")
    [warning] = of_events("pbx main", SITE, heard, heard=True)
    assert (warning.level, warning.said) == ("warning", "its events tell no time, so a delayed one counts as late")
    assert "timestampevents = yes" in warning.fix


def test_where_events_are_as_they_should_be() -> None:
    heard = overheard(b"Event: Hangup\r\nTimestamp: 1795744273.5\r\nUniqueid: a")
    assert [one.level for one in of_events("pbx main", SITE, heard, heard=True)] == ["ok"]


def test_what_the_printed_filters_let_through_is_needed_and_the_rest_is_not() -> None:
    assert unneeded([*EVENTS, "UserEvent", "OriginateResponse", "FullyBooted", "Shutdown"]) == []
    assert unneeded(["VarSet", "Hangup", "Newexten"]) == ["Newexten", "VarSet"]


async def test_the_end_of_another_call_is_not_taken_for_that_of_the_test_call() -> None:
    heard = overheard(b"Event: Hangup\r\nUniqueid: another")
    waiting = asyncio.create_task(heard.heard_end_of("ours"))
    await asyncio.sleep(0)
    assert not waiting.done()
    heard.hear(Message(b"Event: Hangup\r\nUniqueid: ours"), AT)
    assert await waiting


@pytest.mark.parametrize(
    "result", ["", "{}", "[]", "null", '{"prompts": 3, "begun": "en/a", "lacking": [{"flow": "x"}]}']
)
def test_what_is_no_result_is_no_good_news(result: str) -> None:
    [fault] = of_call("pbx main", SITE, PlacedTestCall(uniqueid="ours", result=result))
    assert fault.said == "the test call to postcall-survey,s,1 was taken, and ended without a result"


def test_a_result_that_came_counts_although_the_session_failed_afterwards() -> None:
    # Asterisk says FAILURE of every session in which a prompt was refused.
    result = FoundByTestCall(prompts=10, begun="en/a", lacking=()).text()
    [found] = of_call("pbx main", SITE, PlacedTestCall(uniqueid="ours", result=result, agi_status="FAILURE"))
    assert (found.level, "all 10 prompts are there" in found.said) == ("ok", True)


def test_however_much_is_missing_the_result_fits_into_one_command() -> None:
    lacking = tuple(
        Lacking(flow=f"flow-{number}-{'x' * 40}", language="en", missing=9, first=f"en/{'y' * 80}")
        for number in range(50)
    )
    text = FoundByTestCall(prompts=450, begun="", lacking=lacking).text()
    assert len(text.replace("\\", "\\\\").replace('"', '\\"')) < COMMAND_BYTES - 100
    assert FoundByTestCall.read(text).lacking == lacking[: len(FoundByTestCall.read(text).lacking)] != ()
