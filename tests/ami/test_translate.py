"""Calls that no recording holds: what is missing, late, doubled or contradictory."""

from datetime import timedelta
from itertools import permutations

import pytest

from ivr.asterisk import translate
from ivr.asterisk.events import EventMalformed, typed
from ivr.asterisk.messages import Message
from ivr.asterisk.names import interface_of, plain_text
from ivr.asterisk.translate import Translator
from ivr.calls import CallStarted, LegEnded
from tests.ami.telling import NOON, message, of_headers, row, rows, told_by

CALLER = {"Channel": "PJSIP/trunk-0000000a", "Uniqueid": "1.1", "Linkedid": "1.1"}
ALICE = {"Queue": "support", "Interface": "PJSIP/1001", "MemberName": "Alice"}


def joins(at: float = 0, **headers: str) -> Message:
    return message("QueueCallerJoin", at, **{**CALLER, "Queue": "support", **headers})


def connects(at: float = 10, **headers: str) -> Message:
    return message("AgentConnect", at, **{**CALLER, **ALICE, "DestUniqueid": "1.2", "HoldTime": "10", **headers})


def completes(at: float = 70, **headers: str) -> Message:
    return message(
        "AgentComplete",
        at,
        **{**CALLER, **ALICE, "DestUniqueid": "1.2", "TalkTime": "60", "Reason": "agent", **headers},
    )


def overloaded(at: float = 70, **headers: str) -> Message:
    """As Asterisk sends it when the channels are gone already."""
    return message("AgentComplete", at, **{**ALICE, "TalkTime": "60", "Reason": "agent", **headers})


def hangs_up(uniqueid: str, at: float = 80) -> Message:
    return message("Hangup", at, Uniqueid=uniqueid)


def bridged(at: float, *channels: tuple[str, str], bridge: str = "b", kind: str = "basic") -> list[Message]:
    return [
        message("BridgeEnter", at, BridgeUniqueid=bridge, BridgeType=kind, Uniqueid=uniqueid, Channel=channel)
        for uniqueid, channel in channels
    ]


def leaves(uniqueid: str, at: float, bridge: str = "b") -> Message:
    return message("BridgeLeave", at, BridgeUniqueid=bridge, Uniqueid=uniqueid)


ME = ("1.1", "PJSIP/trunk-0000000a")
ALICES = ("1.2", "PJSIP/1001-0000000b")
BOBS = ("1.3", "PJSIP/1002-0000000c")


def table(*messages: Message, translator: Translator | None = None) -> list[str]:
    return [row(told) for told in told_by(translator or Translator("main"), *messages)]


def test_under_overload_the_end_is_matched_by_agent_and_queue() -> None:
    assert table(joins(), connects(), overloaded(), hangs_up("1.1")) == rows("""
        call started | support
        connected    | PJSIP/1001 Alice | support  | waited 10 s
        ended        | PJSIP/1001 Alice | by agent | talked 60 s
        call ended
    """)


def test_an_end_that_fits_two_talks_is_counted_and_given_to_neither() -> None:
    translator = Translator("main")
    other = {"Uniqueid": "2.1", "Linkedid": "2.1", "Channel": "PJSIP/trunk-0000000f"}
    told = table(connects(), connects(**other, DestUniqueid="2.2"), overloaded(), translator=translator)
    assert [line.split(" ")[0] for line in told] == ["connected", "connected"]
    assert translator.unattributable == 1


def test_an_end_of_another_queue_s_talk_is_given_to_nobody() -> None:
    translator = Translator("main")
    assert len(table(connects(), overloaded(Queue="billing"), translator=translator)) == 1
    assert translator.unattributable == 1


def test_an_end_that_comes_after_the_hang_ups_corrects_what_was_told() -> None:
    assert table(connects(), hangs_up("1.2", 69.9), hangs_up("1.1", 70), overloaded(70.1)) == rows("""
        connected | PJSIP/1001 Alice | support    | waited 10 s
        ended     | PJSIP/1001 Alice | by unknown | talked 59 s
        call ended
        ended     | PJSIP/1001 Alice | by agent   | talked 60 s
    """)


def test_an_end_that_comes_much_too_late_is_given_to_nobody() -> None:
    translator = Translator("main")
    table(connects(), hangs_up("1.1", 70), overloaded(131), translator=translator)
    assert translator.unattributable == 1


def test_an_agent_without_a_channel_of_its_own_is_named_by_the_interface() -> None:
    (connected,) = told_by(Translator("main"), connects(DestUniqueid=""))
    assert connected.leg == "PJSIP/1001"  # type: ignore[attr-defined]


def test_an_agent_without_a_told_channel_is_not_counted_twice_when_bridged() -> None:
    assert table(connects(DestUniqueid=""), *bridged(10, ALICES, ME), hangs_up("1.2", 20)) == rows("""
        connected | PJSIP/1001 Alice | support    | waited 10 s
        ended     | PJSIP/1001 Alice | by unknown | talked 10 s
    """)


def test_an_agent_who_gets_the_same_caller_twice_has_two_legs() -> None:
    told = told_by(Translator("main"), connects(DestUniqueid=""), overloaded(), connects(80, DestUniqueid=""))
    assert [event.leg for event in told] == ["PJSIP/1001", "PJSIP/1001", "PJSIP/1001#2"]  # type: ignore[attr-defined]


def test_a_call_whose_start_was_missed_still_has_its_end() -> None:
    (ended,) = told_by(Translator("main"), completes())
    assert isinstance(ended, LegEnded)
    assert (ended.linkedid, ended.leg, ended.ended_by, ended.talk_seconds) == ("1.1", "1.2", "agent", 60)


def test_a_talk_without_any_end_ends_with_the_caller_s_channel() -> None:
    asked = message("HangupRequest", 29, Uniqueid="1.1")
    assert table(connects(), asked, hangs_up("1.1", 30)) == rows("""
        connected | PJSIP/1001 Alice | support   | waited 10 s
        ended     | PJSIP/1001 Alice | by caller | talked 20 s
        call ended
    """)


def transferred_to(*talker: tuple[str, str]) -> list[str]:
    """Alice sends the caller away; from 71 s on the caller is in a bridge with these."""
    start = [connects(), *bridged(10, ALICES, ME), leaves("1.1", 70)]
    blind = message("BlindTransfer", 70, Result="Success", TransfererUniqueid="1.2", TransfereeUniqueid="1.1")
    return table(*start, blind, completes(Reason="transfer"), hangs_up("1.2", 70), *bridged(71, *talker, ME))[2:]


def test_a_transfer_to_an_agent_is_credited_to_that_agent() -> None:
    assert transferred_to(BOBS) == rows("connected | PJSIP/1002 - | - | waited -")


@pytest.mark.parametrize(
    ("who", "channel"),
    [
        ("a Local channel, which hides who talks", "Local/1002@agents-00000001;1"),
        ("the caller's own trunk", "PJSIP/trunk-0000000f"),
        ("a channel with an odd name", "nobody"),
    ],
)
def test_after_a_transfer_an_unknown_talker_is_left_out(who: str, channel: str) -> None:
    assert transferred_to(("1.3", channel)) == [], who


def test_three_in_a_bridge_are_nobody_s_talk_until_one_leaves() -> None:
    translator = Translator("main")
    # Alice fetches Bob into the talk, and goes.
    assert len(table(connects(), *bridged(10, ALICES, ME), *bridged(40, BOBS), translator=translator)) == 1
    assert table(leaves("1.2", 50), translator=translator) == rows("connected | PJSIP/1002 - | - | waited -")


def test_a_conference_is_no_talk() -> None:
    assert len(table(connects(), *bridged(40, BOBS, ME, kind="softmix"))) == 1


def test_a_consultation_on_a_second_line_is_no_talk_with_the_caller() -> None:
    told = table(connects(), *bridged(10, ALICES, ME), *bridged(30, ("1.4", "PJSIP/1001-0000000d"), BOBS, bridge="c"))
    assert len(told) == 1


def test_a_caller_put_on_hold_and_taken_back_has_one_leg() -> None:
    parked = [leaves("1.1", 30), leaves("1.2", 30), *bridged(31, ME, bridge="lot", kind="holding")]
    back = [leaves("1.1", 40, "lot"), *bridged(40, ALICES, ME, bridge="c")]
    told = table(connects(), *bridged(10, ALICES, ME), *parked, *back, completes(), hangs_up("1.2"), hangs_up("1.1"))
    assert told == rows("""
        connected | PJSIP/1001 Alice | support  | waited 10 s
        ended     | PJSIP/1001 Alice | by agent | talked 60 s
        call ended
    """)


def test_the_talk_ends_when_the_two_part_not_when_the_channel_goes() -> None:
    told = table(connects(), *bridged(10, ALICES, ME), leaves("1.1", 30), hangs_up("1.2", 45))
    assert told[1] == "ended | PJSIP/1001 Alice | by unknown | talked 20 s"


def test_time_on_hold_does_not_end_the_talk() -> None:
    back = [leaves("1.1", 30), *bridged(40, ME)]
    told = table(connects(), *bridged(10, ALICES, ME), *back, hangs_up("1.2", 60))
    assert told[1] == "ended | PJSIP/1001 Alice | by unknown | talked 50 s"


def test_a_transfer_is_known_without_the_queue_s_word_for_it() -> None:
    transfer = message("AttendedTransfer", 50, Result="Success", OrigTransfererUniqueid="1.2")
    told = table(connects(), *bridged(10, ALICES, ME), transfer, hangs_up("1.2", 50))
    assert told[1] == "ended | PJSIP/1001 Alice | by transfer | talked 40 s"


@pytest.mark.parametrize("order", list(permutations(("request", "hang-up", "queue", "transfer"))), ids="-".join)
def test_an_agent_who_hangs_up_to_hand_over_transfers_in_whatever_order_it_is_told(order: tuple[str, ...]) -> None:
    told_of = {
        "request": message("HangupRequest", 50, Uniqueid="1.2"),
        "hang-up": hangs_up("1.2", 50),
        "queue": completes(50, Reason="agent", TalkTime="40"),
        "transfer": message("AttendedTransfer", 50, Result="Success", OrigTransfererUniqueid="1.2"),
    }
    told = table(connects(), *bridged(10, ALICES, ME), *(told_of[name] for name in order))
    assert told[-1] == "ended | PJSIP/1001 Alice | by transfer | talked 40 s"


def test_a_caller_who_has_hung_up_is_handed_over_to_nobody() -> None:
    transfer = message("AttendedTransfer", 50, Result="Success", OrigTransfererUniqueid="1.2")
    request = message("HangupRequest", 50, Uniqueid="1.1")
    told = table(connects(), *bridged(10, ALICES, ME), request, transfer, hangs_up("1.2", 50))
    assert told[1] == "ended | PJSIP/1001 Alice | by caller | talked 40 s"


def test_a_member_behind_a_local_channel_stays_the_agent_when_it_is_optimised_out() -> None:
    local = connects(Interface="Local/1001@agents", DestUniqueid="1.5")
    half = ("1.5", "Local/1001@agents-00000001;1")
    told = table(local, *bridged(10, half, ME), leaves("1.5", 11), *bridged(11, ALICES), hangs_up("1.5", 11))
    assert told == rows("connected | Local/1001@agents Alice | support | waited 10 s")


def test_a_transfer_into_a_second_queue_adds_a_leg_to_the_same_call() -> None:
    billing = {
        "Queue": "billing",
        "Interface": "PJSIP/1002",
        "MemberName": "Bob",
        "DestUniqueid": "1.3",
        "HoldTime": "5",
    }
    told = table(
        joins(), connects(), completes(Reason="transfer"), hangs_up("1.2", 70),
        joins(71, Queue="billing"), connects(76, **billing), *bridged(76, BOBS, ME),
        completes(90, **billing, TalkTime="14"), hangs_up("1.3", 90), hangs_up("1.1", 95),
    )  # fmt: skip
    assert told == rows("""
        call started | support
        connected    | PJSIP/1001 Alice | support     | waited 10 s
        ended        | PJSIP/1001 Alice | by transfer | talked 60 s
        call started | billing
        connected    | PJSIP/1002 Bob   | billing     | waited 5 s
        ended        | PJSIP/1002 Bob   | by agent    | talked 14 s
        call ended
    """)


def test_the_second_talker_may_be_bridged_before_the_queue_tells_of_it() -> None:
    told = told_by(
        Translator("main"),
        *(connects(), completes(Reason="transfer"), *bridged(76, BOBS, ME)),
        connects(76, Interface="PJSIP/1002", MemberName="Bob", DestUniqueid="1.3"),
    )
    assert [row(event) for event in told][2:] == rows("""
        connected | PJSIP/1002 -   | -       | waited -
        connected | PJSIP/1002 Bob | support | waited 10 s
    """)
    assert told[2].leg == told[3].leg  # type: ignore[attr-defined]


def test_a_failed_transfer_says_nothing_of_who_ended_the_talk() -> None:
    failed = message("BlindTransfer", 20, Result="Fail", TransfererUniqueid="1.2")
    assert table(connects(), failed, hangs_up("1.2", 30))[1] == "ended | PJSIP/1001 Alice | by unknown | talked 20 s"


def test_channels_that_were_in_no_queue_say_nothing() -> None:
    assert table(*bridged(1, BOBS, ALICES), leaves("1.3", 2), hangs_up("1.3"), hangs_up("9.9")) == []


def test_calls_whose_end_never_comes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate, "_MOST_CALLS", 3)
    translator = Translator("main")
    for number in range(10):
        table(
            connects(Uniqueid=f"{number}.1", Linkedid=f"{number}.1", DestUniqueid=f"{number}.2"), translator=translator
        )
    assert translator.live == {"7.1", "8.1", "9.1"}
    assert len(translator._ended) <= 3
    assert len(translator._talking) == 3


@pytest.mark.parametrize(
    ("event", "without"),
    [(joins(), name) for name in ("Channel", "Uniqueid", "Linkedid", "Queue")]
    + [(connects(), name) for name in ("Channel", "Uniqueid", "Linkedid", "Queue", "Interface")]
    + [(completes(), name) for name in ("Queue", "Interface")]
    + [(hangs_up("1.1"), "Uniqueid")],
)
def test_an_event_without_what_it_is_about_is_refused_by_name(event: Message, without: str) -> None:
    with pytest.raises(EventMalformed, match=f"^{without}$"):
        typed(of_headers(*(header for header in event if header[0] != without)), NOON)


def test_a_linkedid_longer_than_asterisk_makes_them_is_refused() -> None:
    with pytest.raises(EventMalformed, match="Linkedid"):
        typed(joins(Linkedid="x" * 151), NOON)


def test_without_the_pbx_s_own_time_the_time_of_arrival_counts() -> None:
    event = typed(message("Hangup", Uniqueid="1.1"), NOON + timedelta(seconds=3))
    assert event is not None
    assert event.at == NOON + timedelta(seconds=3)


def test_a_caller_s_name_is_freed_of_asterisk_s_escapes() -> None:
    (started,) = told_by(Translator("main"), joins(CallerIDName='Анна \\"O\\\'Neil\\", 李雷\\r\\nInjected: yes'))
    assert isinstance(started, CallStarted)
    assert started.caller_name == 'Анна "O\'Neil", 李雷  Injected: yes'


def test_an_unknown_number_is_no_number() -> None:
    (started,) = told_by(Translator("main"), joins(CallerIDNum="<unknown>", CallerIDName="<unknown>"))
    assert isinstance(started, CallStarted)
    assert (started.caller_number, started.caller_name) == ("", "")


@pytest.mark.parametrize(
    ("channel", "interface"),
    [
        ("PJSIP/1001-0000000f", "PJSIP/1001"),
        ("PJSIP/front-desk-0000000f", "PJSIP/front-desk"),
        ("Local/7@agents-00000003;1", "Local/7@agents"),
        ("DAHDI/1-1", "DAHDI/1"),
        ("nobody", ""),
        ("", ""),
    ],
)
def test_the_interface_is_read_from_the_channel_s_name(channel: str, interface: str) -> None:
    assert interface_of(channel) == interface


def test_a_backslash_in_a_name_stays_one() -> None:
    assert plain_text(r"C:\\new \\\"x") == r"C:\new \"x"
