"""After a time without events, the PBX is asked what is going on, and every call is told anew."""

from datetime import timedelta

from ivr.asterisk.messages import Message
from ivr.asterisk.reconcile import Snapshot, reconcile
from ivr.asterisk.translate import Translator
from ivr.calls import CallStarted, Gap, LegConnected
from tests.ami.telling import NOON, message, of_headers, row, rows, told_by
from tests.ami.test_translate import connects, hangs_up, joins

LATER = NOON + timedelta(seconds=100)


def member(interface: str, name: str, queue: str = "support", device: str = "") -> Message:
    return message("QueueMember", Queue=queue, Name=name, Location=interface, StateInterface=device or interface)


def waiting(uniqueid: str, wait: str = "25") -> Message:
    return message(
        "QueueEntry", Queue="support", Uniqueid=uniqueid, CallerIDNum="0912", CallerIDName=r"A \"B\"", Wait=wait
    )


def channel(
    name: str, uniqueid: str, linkedid: str, bridge: str = "", application: str = "", data: str = ""
) -> Message:
    ids = {"Channel": name, "Uniqueid": uniqueid, "Linkedid": linkedid}
    return message("CoreShowChannel", **ids, BridgeId=bridge, Application=application, ApplicationData=data)


MEMBERS = [member("PJSIP/1001", "Alice"), member("PJSIP/1002", "Bob"), member("PJSIP/1001", "Alice B.", "billing")]
TALKING = [
    channel("PJSIP/trunk-0000000a", "1.1", "1.1", "b1", "Queue", "support,c,,,30"),
    channel("PJSIP/1001-0000000b", "1.2", "1.1", "b1", "AppQueue", "(Outgoing Line)"),
]


def snapshot(queues: list[Message], channels: list[Message]) -> Snapshot:
    return reconcile(queues, channels, at=LATER)


def resumed(translator: Translator, taken: Snapshot) -> list[str]:
    return [row(told) for told in translator.resume(taken, NOON)]


def test_a_call_that_talks_now_is_told_with_its_agent() -> None:
    gap, connected = Translator("main").resume(snapshot(MEMBERS, TALKING), NOON)
    assert gap == Gap(site="main", since=NOON, until=LATER, live=frozenset({"1.1"}))
    assert isinstance(connected, LegConnected)
    assert row(connected) == "connected | PJSIP/1001 Alice | support | waited -"
    assert (connected.channel, connected.uniqueid, connected.leg) == ("PJSIP/trunk-0000000a", "1.1", "1.2")


def test_the_end_of_such_a_call_is_understood() -> None:
    translator = Translator("main")
    translator.resume(snapshot(MEMBERS, TALKING), NOON)
    end = message("AgentComplete", 110, Queue="support", Interface="PJSIP/1001", MemberName="Alice", Reason="agent")
    assert [row(told) for told in told_by(translator, end, hangs_up("1.1", 120))] == rows("""
        ended | PJSIP/1001 Alice | by agent | talked 10 s
        call ended
    """)


def test_its_agent_connect_may_still_come_and_makes_no_second_leg() -> None:
    translator = Translator("main")
    _, connected = translator.resume(snapshot(MEMBERS, TALKING), NOON)
    (again,) = told_by(translator, connects(100))
    assert isinstance(connected, LegConnected)
    assert isinstance(again, LegConnected)
    assert again.leg == connected.leg


def test_a_caller_who_waits_is_told_with_the_time_of_arrival() -> None:
    entry = channel("PJSIP/trunk-0000000a", "1.1", "1.1", "", "Queue", "support")
    _, started = Translator("main").resume(snapshot([*MEMBERS, waiting("1.1")], [entry]), NOON)
    assert isinstance(started, CallStarted)
    assert (started.queue, started.caller_number, started.at) == ("support", "0912", LATER - timedelta(seconds=25))
    # Other than in the events of channels, Asterisk escapes nothing here: the backslashes are the caller's.
    assert started.caller_name == r"A \"B\""


def test_a_caller_who_left_between_the_two_answers_is_not_told() -> None:
    assert resumed(Translator("main"), snapshot([waiting("1.1")], [])) == ["gap | live -"]


def test_a_call_known_before_and_still_there_is_told_as_it_was() -> None:
    translator = Translator("main")
    told_by(translator, joins(), connects())
    told = translator.resume(snapshot(MEMBERS, TALKING), NOON)
    assert [row(event) for event in told[1:]] == rows("""
        call started | support
        connected    | PJSIP/1001 Alice | support | waited 10 s
    """)
    assert told[2].at == NOON + timedelta(seconds=10)  # type: ignore[union-attr]


def test_a_call_that_ended_unheard_is_over_and_nobody_is_said_to_have_ended_it() -> None:
    translator = Translator("main")
    told_by(translator, joins(), connects())
    told = resumed(translator, snapshot(MEMBERS, []))
    assert told[0] == "gap | live -"
    assert [line.split(" | ")[0] for line in told[1:]] == ["ended", "call ended"]
    assert "by unknown" in told[1]
    assert translator.live == frozenset()


def test_an_agent_who_left_unheard_while_the_caller_is_still_there_has_ended() -> None:
    translator = Translator("main")
    told_by(translator, connects())
    in_survey = channel("PJSIP/trunk-0000000a", "1.1", "1.1", "", "AGI", "agi://127.0.0.1/survey")
    told = resumed(translator, snapshot(MEMBERS, [in_survey]))
    assert [line.split(" | ")[0] for line in told] == ["gap", "ended"]
    assert translator.live == {"1.1"}


def test_a_transfer_that_was_not_heard_still_gives_the_agent_who_talks_now() -> None:
    translator = Translator("main")
    told_by(translator, connects())
    channels = [
        channel("PJSIP/trunk-0000000a", "1.1", "1.1", "b2", "Dial", "PJSIP/1002,,g"),
        channel("PJSIP/1002-0000000c", "1.3", "1.1", "b2", "AppDial", "(Outgoing Line)"),
    ]
    assert resumed(translator, snapshot(MEMBERS, channels))[2:] == rows("connected | PJSIP/1002 - | - | waited -")


def test_channels_that_have_nothing_to_do_with_a_queue_are_live_and_no_more() -> None:
    channels = [
        channel("PJSIP/1003-01", "5.1", "5.1", "x", "Dial"),
        channel("PJSIP/1004-02", "5.2", "5.1", "x", "AppDial"),
    ]
    assert resumed(Translator("main"), snapshot(MEMBERS, channels)) == ["gap | live 5.1"]


def test_an_agent_behind_a_local_member_is_found_by_the_device() -> None:
    members = [member("Local/1001@agents/n", "Alice", device="PJSIP/1001")]
    assert resumed(Translator("main"), snapshot(members, TALKING))[1:] == rows(
        "connected | Local/1001@agents/n Alice | support | waited -"
    )


def test_a_device_that_two_members_share_is_nobody_for_sure() -> None:
    members = [member("Local/1001@agents/n", "Alice", device="PJSIP/1001"), member("PJSIP/1001", "Bob")]
    assert resumed(Translator("main"), snapshot(members, TALKING)) == ["gap | live 1.1"]


def test_three_in_a_bridge_are_nobody_s_talk() -> None:
    third = channel("PJSIP/1002-0000000c", "1.3", "1.1", "b1", "AppQueue")
    assert resumed(Translator("main"), snapshot(MEMBERS, [*TALKING, third])) == ["gap | live 1.1"]


def test_the_answers_to_status_say_the_same() -> None:
    # The same headers under other names.
    renamed = {"CoreShowChannel": "Status", "BridgeId": "BridgeID", "ApplicationData": "Data"}
    status = [of_headers(*((renamed.get(k, k), renamed.get(v, v)) for k, v in entry)) for entry in TALKING]
    assert status[0].event == "Status"
    assert snapshot(MEMBERS, status) == snapshot(MEMBERS, TALKING)


def test_entries_that_lack_what_they_are_about_are_left_out() -> None:
    odd = [message("CoreShowChannel", Channel="x"), message("QueueMember", Queue="support"), message("QueueEntry")]
    assert snapshot([*odd, waiting("1.1", wait="many")], odd) == Snapshot(at=LATER, channels={}, waiting=(), members=())
