"""Placing a call over AMI: it is under way, and later it is told how it began."""

import asyncio
from collections.abc import Callable

import pytest

from ivr.asterisk.link import AmiLink
from ivr.errors import PbxError, PbxRefused
from tests.ami.fake_asterisk import Action, FakeAsterisk, Session


def outcome(session: Session, action: Action, response: str, reason: str) -> None:
    session.send(
        f"Event: OriginateResponse\nActionID: {action['ActionID']}\nResponse: {response}\nReason: {reason}\n"
        "Channel: PJSIP/0912@trunk"
    )


def placing(link: AmiLink, number: str = "0912") -> "asyncio.Task[str]":
    return asyncio.create_task(
        link.place(channel=f"PJSIP/{number}@trunk", caller_id="<0800>", ring_seconds=25, about="pbx-1.1")  # type: ignore[arg-type]
    )


@pytest.fixture
async def link(server: FakeAsterisk, make_link: Callable[..., AmiLink]) -> AmiLink:
    server.answers["Originate"] = lambda session, action: session.answer(action, "Message: successfully queued")
    made = make_link(send_goto="postcall-survey,s,1")
    await made.start()
    return made


@pytest.mark.parametrize(
    ("response", "reason", "began"),
    [
        ("Success", "4", "taken"),
        ("Failure", "3", "no_answer"),
        ("Failure", "5", "busy"),
        ("Failure", "0", "failed"),
        ("Failure", "8", "failed"),
        ("Failure", "", "failed"),
    ],
)
async def test_how_a_placed_call_began(
    server: FakeAsterisk, link: AmiLink, response: str, reason: str, began: str
) -> None:
    placed = placing(link)
    (action,) = await server.asked("Originate")
    assert {name: action[name] for name in ("Channel", "Context", "Exten", "Priority", "Timeout", "Async")} == {
        "Channel": "PJSIP/0912@trunk",
        "Context": "postcall-survey",
        "Exten": "s",
        "Priority": "1",
        "Timeout": "25000",
        "Async": "true",
    }
    assert action["Variable"] == "POSTCALL_CALLBACK=pbx-1.1"
    outcome(server.session, action, response, reason)
    assert await placed == began


async def test_two_at_once_are_told_apart(server: FakeAsterisk, link: AmiLink) -> None:
    first, second = placing(link, "1"), placing(link, "2")
    actions = {action["Channel"]: action for action in await server.asked("Originate", 2)}
    outcome(server.session, actions["PJSIP/2@trunk"], "Failure", "5")
    outcome(server.session, actions["PJSIP/1@trunk"], "Success", "4")
    assert (await first, await second) == ("taken", "busy")


async def test_a_right_that_is_missing_is_told_and_nobodys_telephone_rang(server: FakeAsterisk, link: AmiLink) -> None:
    server.answers["Originate"] = lambda session, action: session.answer(
        action, "Message: Permission denied", response="Error"
    )
    with pytest.raises(PbxRefused, match="AMI refused Originate: Permission denied"):
        await placing(link)


async def test_a_line_break_in_what_is_dialled_is_refused_here(link: AmiLink) -> None:
    with pytest.raises(ValueError, match="line break"):
        await placing(link, "0912\r\nAction: Command")


async def test_without_a_connection_nothing_is_placed(server: FakeAsterisk, make_link: Callable[..., AmiLink]) -> None:
    with pytest.raises(PbxError, match="is not connected"):
        await placing(make_link())
