"""Calls that no queue knows of: the dialplan marks whose channel is the customer's, the bridge shows who answers."""

from datetime import timedelta

import pytest

from ivr.asterisk.messages import Message
from ivr.asterisk.reconcile import Snapshot
from ivr.asterisk.translate import Translator
from tests.ami.telling import NOON, message, row, rows, told_by
from tests.ami.test_translate import ALICES, BOBS, ME, bridged, completes, connects, hangs_up, joins, leaves

AGENT = {"Channel": "PJSIP/1001-0000000b", "Uniqueid": "1.2", "Linkedid": "1.2"}


def marks(at: float = 0, **headers: str) -> Message:
    caller = {"Channel": ME[1], "Uniqueid": ME[0], "Linkedid": "1.1", "CallerIDNum": "0912", "CallerIDName": "Eve"}
    return message("UserEvent", at, **{**caller, "UserEvent": "PostcallCall", **headers})


def dials_out(at: float = 0, **headers: str) -> Message:
    return message(
        "UserEvent",
        at,
        **{**AGENT, "UserEvent": "PostcallCall", "Customer": "callee", "Number": "0912", "Queue": "out", **headers},
    )


def asks_to_hang_up(uniqueid: str, at: float) -> Message:
    return message("HangupRequest", at, Uniqueid=uniqueid)


def table(*messages: Message) -> list[str]:
    return [row(event) for event in told_by(Translator("main"), *messages)]


def test_a_marked_caller_and_the_agent_who_was_dialled() -> None:
    assert table(
        marks(Queue="sales"),
        *bridged(10, ALICES, ME),
        asks_to_hang_up("1.2", 70),
        leaves("1.2", 70),
        leaves("1.1", 70),
        hangs_up("1.2", 70),
        hangs_up("1.1", 90),
    ) == rows(
        """
        call started | sales
        connected | PJSIP/1001 - | sales | waited -
        ended | PJSIP/1001 - | by agent | talked 60 s
        call ended
        """
    )


def test_the_one_after_a_transfer_was_in_no_group() -> None:
    assert table(
        marks(Queue="sales"),
        *bridged(10, ALICES, ME),
        message("BlindTransfer", 30, TransfererUniqueid="1.2", Result="Success"),
        leaves("1.1", 30),
        leaves("1.2", 30),
        hangs_up("1.2", 30),
        *bridged(40, BOBS, ME, bridge="c"),
        asks_to_hang_up("1.1", 50),
        hangs_up("1.1", 50),
    ) == rows(
        """
        call started | sales
        connected | PJSIP/1001 - | sales | waited -
        ended | PJSIP/1001 - | by transfer | talked 20 s
        connected | PJSIP/1002 - | - | waited -
        ended | PJSIP/1002 - | by caller | talked 10 s
        call ended
        """
    )


def test_an_agent_dials_and_the_other_end_is_the_customer() -> None:
    out = told_by(
        Translator("main"),
        dials_out(),
        *bridged(10, ME, ALICES),
        asks_to_hang_up("1.2", 40),
        leaves("1.2", 40),
        leaves("1.1", 40),
        hangs_up("1.2", 40),
        hangs_up("1.1", 60),
    )
    assert [row(event) for event in out] == rows(
        """
        call started | out
        connected | PJSIP/1001 - | out | waited -
        ended | PJSIP/1001 - | by agent | talked 30 s
        call ended
        """
    )
    started, connected, *_ = out
    assert (started.linkedid, started.uniqueid, started.channel, started.caller_number) == ("1.2", "1.1", ME[1], "0912")  # type: ignore[attr-defined]
    assert (connected.uniqueid, connected.channel) == ("1.1", ME[1])  # type: ignore[attr-defined]


def test_a_customer_who_does_not_answer_is_no_call() -> None:
    assert table(dials_out(), hangs_up("1.1", 20), hangs_up("1.2", 20)) == []


def test_the_agent_who_dialled_before_is_nobody_when_the_channel_is_gone() -> None:
    translator = Translator("main")
    told_by(translator, dials_out())
    told = translator.resume(Snapshot(at=NOON + timedelta(seconds=5), channels={}, waiting=(), members=()), NOON)
    assert [row(event) for event in told] == ["gap | live -"]
    assert told_by(translator, *bridged(10, ME, ALICES)) == []


def test_a_marked_call_that_enters_a_queue_has_one_leg_and_the_queues_words_for_it() -> None:
    assert table(
        marks(Queue="sales"), joins(1), connects(11), *bridged(11, ALICES, ME), completes(71), hangs_up("1.1", 80)
    ) == rows(
        """
        call started | sales
        call started | support
        connected | PJSIP/1001 Alice | support | waited 10 s
        ended | PJSIP/1001 Alice | by agent | talked 60 s
        call ended
        """
    )


@pytest.mark.parametrize("headers", [{"UserEvent": "Other"}, {"UserEvent": "postcallcall"}, {"UserEvent": ""}])
def test_other_events_of_the_dialplan_mean_nothing(headers: dict[str, str]) -> None:
    assert table(marks(**headers), *bridged(10, ALICES, ME), hangs_up("1.1")) == []


def test_two_agents_of_whom_one_dials_out_are_no_call_until_a_customer_answers() -> None:
    translator = Translator("main")
    marked = told_by(translator, dials_out(), dials_out(Uniqueid="1.3", Linkedid="1.3", Channel=BOBS[1]))
    assert marked == []
    assert told_by(translator, *bridged(10, ALICES, BOBS)) == []
