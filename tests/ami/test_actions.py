"""What may be sent to Asterisk, and when an answer is whole."""

import pytest

from ivr.asterisk.actions import AmiAction
from ivr.asterisk.ami import AmiAccess
from tests.ami.telling import message, of_headers

INJECTION = "x\r\n\r\nAction: Originate\r\nChannel: PJSIP/trunk"


async def test_an_action_is_written_as_lines_that_end_with_an_empty_one() -> None:
    action = AmiAction("Originate", {"Channel": "PJSIP/1001", "Variable": ["a=1", "b=李"]})
    lines = action.encode().decode().split("\r\n")
    assert sorted(lines[:-2]) == sorted(
        ["Action: Originate", f"ActionID: {action.id}", "Channel: PJSIP/1001", "Variable: a=1", "Variable: b=李"]
    )
    assert lines[-2:] == ["", ""]


@pytest.mark.parametrize("bad", [INJECTION, "a\nb", "a\rb", "a\0b"])
async def test_a_line_break_or_nul_in_a_value_is_refused_by_the_header_s_name(bad: str) -> None:
    for headers in ({"CallerID": bad}, {"CallerID": ["fine", bad]}):
        with pytest.raises(ValueError, match="'CallerID' holds a line break or NUL") as caught:
            AmiAction("Originate", headers)
        assert "trunk" not in str(caught.value)


@pytest.mark.parametrize("bad", ["Caller\r\nAction", "Caller\0", "Caller:ID", ""])
async def test_a_header_s_name_that_would_inject_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="is no name for a header"):
        AmiAction("Originate", {bad: "x"})


async def test_an_action_s_own_name_cannot_inject() -> None:
    with pytest.raises(ValueError, match="'Action' holds a line break"):
        AmiAction(INJECTION)


async def test_a_line_longer_than_asterisk_s_buffer_is_refused() -> None:
    # Asterisk would take the rest of the line for a line of its own.
    AmiAction("Setvar", {"Value": "x" * 993})
    with pytest.raises(ValueError, match="'Value' is longer than 1000 bytes"):
        AmiAction("Setvar", {"Value": "x" * 994})


@pytest.mark.parametrize("wrong", [5, None, b"x"])
async def test_a_value_that_is_no_text_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="'Timeout' must be text"):
        AmiAction("Originate", {"Timeout": [wrong]})  # type: ignore[list-item]


async def test_neither_an_action_nor_an_access_shows_its_secret() -> None:
    assert "hush" not in repr(AmiAction("Login", {"Secret": "hush"}))
    assert "hush" not in repr(AmiAccess(username="survey", secret="hush"))


@pytest.mark.parametrize(
    ("action", "headers", "again"),
    [
        ("QueueStatus", {}, True),
        ("CoreShowChannels", {}, True),
        ("Getvar", {"Channel": "PJSIP/1", "Variable": "x"}, True),
        ("Setvar", {"Channel": "PJSIP/1", "Variable": "x", "Value": "1"}, True),
        ("Setvar", {"Channel": "PJSIP/1", "Variable": "CHANNEL(after_bridge_goto)", "Value": "s,s,1"}, False),
        ("Setvar", {"Variable": "GLOBAL", "Value": "1"}, False),
        ("Ping", {}, False),
        ("Originate", {}, False),
        ("Redirect", {}, False),
        ("QueueAdd", {}, False),
        ("Command", {}, False),
    ],
)
async def test_only_what_does_no_more_the_second_time_may_be_sent_again(
    action: str, headers: dict[str, str], again: bool
) -> None:
    assert AmiAction(action, headers).may_be_sent_again is again


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Originate", "Originate successfully queued"),
        ("QueueAdd", "Added interface to queue"),
        ("QueueStatus", "Queue status will follow"),
    ],
)
async def test_an_answer_without_a_list_is_whole_whatever_its_words(name: str, said: str) -> None:
    action = AmiAction(name)
    assert action.add_message(of_headers(("Response", "Success"), ("Message", said)))
    assert (await action.future).items == ()


async def test_a_list_is_whole_with_its_last_event() -> None:
    action = AmiAction("QueueStatus")
    first, item = of_headers(("Response", "Success"), ("EventList", "start")), message("QueueMember")
    last = message("QueueStatusComplete", EventList="Complete")
    assert [action.add_message(one) for one in (first, item, last)] == [False, False, True]
    assert (await action.future).items == (item,)
