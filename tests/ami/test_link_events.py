"""What happens on the PBX reaches the consumer once, in order, whatever goes wrong around it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from ivr.asterisk.link import AmiLink
from ivr.calls import CallEnded, CallEvent, CallStarted, Gap, LegConnected
from ivr.errors import PbxError, PbxRefused
from tests import recordings
from tests.ami.fake_asterisk import LIMIT, Action, FakeAsterisk, Session, silent
from tests.ami.listening import QUICK, Heard, eventually
from tests.ami.telling import row, rows

MakeLink = Callable[..., AmiLink]

CALLER = "Channel: PJSIP/trunk-0000000a\nUniqueid: 1.1\nLinkedid: 1.1"
CONNECT = f"Event: AgentConnect\n{CALLER}\nQueue: support\nInterface: PJSIP/1001\nMemberName: Alice\nDestUniqueid: 1.2"
HANGUP = "Event: Hangup\nUniqueid: 1.1"
TALKING = [
    f"Event: CoreShowChannel\n{CALLER}\nBridgeId: b\nApplication: Queue\nApplicationData: support,c",
    "Event: CoreShowChannel\nChannel: PJSIP/1001-0b\nUniqueid: 1.2\nLinkedid: 1.1\nBridgeId: b\nApplication: AppQueue",
]
ALICE = "Event: QueueMember\nQueue: support\nName: Alice\nLocation: PJSIP/1001\nStateInterface: PJSIP/1001"


def join(number: int) -> str:
    ids = f"Channel: PJSIP/trunk-{number:08x}\nUniqueid: {number}.1\nLinkedid: {number}.1"
    return f"Event: QueueCallerJoin\n{ids}\nQueue: support\nCallerIDNum: 0912345678"


async def started(link: AmiLink, heard: Heard) -> AmiLink:
    """Up, and past the gap with which each session begins."""
    await link.start()
    await heard.of(Gap)
    return link


async def test_a_recorded_call_arrives_in_order(server: FakeAsterisk, make_link: MakeLink, heard: Heard) -> None:
    await started(make_link(), heard)
    stream = recordings.stream("ast22/g_blind_transfer_sip")
    for at in range(0, len(stream), 1000):
        server.session.writer.write(stream[at : at + 1000])
        await server.session.writer.drain()
    await heard.of(CallEnded)
    assert [row(event) for event in heard.events] == rows("""
        gap          | live -
        call started | support
        connected    | PJSIP/1001 Sara 1001 | support     | waited 1 s
        ended        | PJSIP/1001 Sara 1001 | by transfer | talked 2 s
        connected    | PJSIP/1002 -         | -           | waited -
        ended        | PJSIP/1002 -         | by agent    | talked 2 s
        call ended
    """)


async def test_a_bad_message_is_counted_and_the_next_call_works(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = await started(make_link(), heard)
    with capture_logs() as logs:
        server.session.writer.write(b"\xff\x00\x01garbage\r\n\r\nEvent: " + b"x" * 70_000 + b"\r\n\r\n")
        server.session.send(join(1).replace("Queue: support\n", ""), join(2))
        await heard.of(CallStarted)
    assert link.state.skipped_messages == 3
    (entry,) = [entry for entry in logs if entry["event"] == "an AMI event lacks a header"]
    assert (entry["kind"], entry["missing"]) == ("QueueCallerJoin", "Queue")
    assert "0912345678" not in str(logs)
    assert server.sessions == 1


async def test_a_user_event_that_names_a_second_event_does_no_harm(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    await started(make_link(), heard)
    server.session.send("Event: UserEvent\nUserEvent: Mine\nEvent: Hangup\nUniqueid: 1.1", join(1))
    await heard.of(CallStarted)
    assert server.sessions == 1


async def test_an_exception_in_the_consumer_is_counted_and_costs_one_event(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    async def fails_once(event: CallEvent | Gap) -> None:
        if isinstance(event, CallStarted) and event.linkedid == "1.1":
            raise RuntimeError("the database is not there")
        heard(event)

    link = await started(make_link(on_event=fails_once), heard)
    with capture_logs() as logs:
        server.session.send(join(1), join(2))
        await heard.of(CallStarted)
    assert (link.state.consumer_errors, server.sessions) == (1, 1)
    assert [entry["kind"] for entry in logs if entry["event"] == "a call event failed"] == ["CallStarted"]


async def test_the_survey_is_armed_before_a_slow_consumer_is_done(server: FakeAsterisk, make_link: MakeLink) -> None:
    never = asyncio.Event()

    async def stuck(_: CallEvent | Gap) -> None:
        await never.wait()

    link = make_link(on_event=stuck, survey_goto="postcall-survey,s,1")
    await link.start()
    server.session.send(CONNECT)
    (armed,) = await server.asked("Setvar")
    del armed["ActionID"]
    assert armed == {
        "Action": "Setvar",
        "Channel": "PJSIP/trunk-0000000a",
        "Variable": "CHANNEL(after_bridge_goto)",
        "Value": "postcall-survey,s,1",
    }
    await eventually(link, lambda state: state.armed == 1)


async def test_without_a_place_to_go_nothing_is_armed(server: FakeAsterisk, make_link: MakeLink, heard: Heard) -> None:
    link = await started(make_link(), heard)
    server.session.send(CONNECT)
    await heard.of(LegConnected)
    await link.action("Ping")
    assert "Setvar" not in {action["Action"] for action in server.got}


async def test_a_caller_who_is_gone_already_is_not_armed_and_nothing_breaks(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    server.answers["Setvar"] = lambda s, action: s.answer(action, "Message: No such channel", response="Error")
    link = await started(make_link(survey_goto="postcall-survey,s,1"), heard)
    with capture_logs() as logs:
        server.session.send(CONNECT)
        await eventually(link, lambda state: state.not_armed == 1)
    (entry,) = [entry for entry in logs if entry["event"] == "a caller is not armed for the survey"]
    assert (entry["uniqueid"], entry["reason"]) == ("1.1", "No such channel")
    assert server.sessions == 1


async def test_an_arming_without_an_answer_is_given_up(server: FakeAsterisk, make_link: MakeLink, heard: Heard) -> None:
    server.answers["Setvar"] = silent
    timing = replace(QUICK, answer=0.05)
    link = await started(make_link(survey_goto="postcall-survey,s,1", timing=timing), heard)
    server.session.send(CONNECT)
    await eventually(link, lambda state: state.not_armed == 1)


async def test_a_call_that_talks_after_an_outage_is_told_and_armed(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    await started(make_link(survey_goto="postcall-survey,s,1"), heard)
    server.channels, server.queues = TALKING, [ALICE]
    server.session.drop()
    await heard.of(LegConnected)
    assert [row(event) for event in heard.events] == rows("""
        gap       | live -
        gap       | live 1.1
        connected | PJSIP/1001 Alice | support | waited -
    """)
    assert (await server.asked("Setvar"))[0]["Channel"] == "PJSIP/trunk-0000000a"


async def test_a_user_who_may_not_list_channels_is_answered_by_status(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    server.answers["CoreShowChannels"] = lambda s, a: s.answer(a, "Message: Permission denied", response="Error")
    server.answers["Status"] = lambda s, a: s.answer_list(a, *TALKING)
    server.queues = [ALICE]
    await make_link().start()
    await heard.of(LegConnected)


async def test_a_user_who_may_list_nothing_still_hears_of_the_gap_and_no_call_is_declared_over(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    for name in ("CoreShowChannels", "Status", "QueueStatus"):
        server.answers[name] = lambda s, a: s.answer(a, "Message: Permission denied", response="Error")
    await started(make_link(), heard)
    server.session.send(join(7))
    await heard.of(CallStarted)
    server.session.drop()
    await heard.of(Gap, times=2)
    assert row(heard.events[-1]) == "gap | live 7.1"


async def test_a_gap_is_told_even_when_the_first_question_was_not_answered(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    answer = server.answers["QueueStatus"]
    server.answers["QueueStatus"] = silent
    link = make_link(timing=replace(QUICK, answer=0.03))
    await link.start()
    await server.asked("QueueStatus")
    server.answers["QueueStatus"] = answer
    await heard.of(Gap)
    assert server.sessions == 1


async def test_a_call_that_ends_right_behind_the_list_of_channels_does_not_come_back(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    def answer(session: Session, action: Action) -> None:
        session.answer_list(action, *TALKING)
        session.send(HANGUP)

    server.answers["CoreShowChannels"] = answer
    server.queues = [ALICE]
    await make_link().start()
    await heard.of(CallEnded)
    assert [row(event).split(" | ")[0] for event in heard.events] == ["gap", "connected", "ended", "call ended"]


async def test_a_flood_is_dropped_beyond_the_limit_and_ends_in_a_gap(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    go_on = asyncio.Event()

    async def slow(event: CallEvent | Gap) -> None:
        await go_on.wait()
        heard(event)

    go_on.set()
    link = await started(make_link(on_event=slow, queue_limit=100), heard)
    go_on.clear()
    server.session.send(*[join(number) for number in range(5000)])
    await eventually(link, lambda state: state.dropped_events >= 4800)
    # The socket is read all the while: actions are answered behind the flood.
    assert (await link.action("Ping")).response.response == "Success"
    server.channels = [f"Event: CoreShowChannel\nChannel: PJSIP/t-{n:08x}\nUniqueid: {n}.1" for n in range(4990, 5000)]
    go_on.set()
    first, second = await heard.of(Gap, times=2)
    assert (row(first), row(second).count(",")) == ("gap | live -", 9)
    # Those still there, whose start was dropped, are told after it.
    await heard.until(lambda events: events[-1].linkedid == "4999.1" if isinstance(events[-1], CallStarted) else False)
    assert link.state.connected
    assert server.sessions == 1


async def test_an_event_in_the_middle_of_a_list_is_an_event(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = await started(make_link(), heard)

    def answer(session: Session, action: Action) -> None:
        session.answer(action, "EventList: start")
        action_id = f"ActionID: {action['ActionID']}"
        session.send(
            f"Event: QueueMember\n{action_id}\nQueue: a", join(1), f"Event: QueueMember\n{action_id}\nQueue: b"
        )
        session.send(f"Event: QueueStatusComplete\n{action_id}\nEventList: Complete")

    server.answers["QueueStatus"] = answer
    reply = await link.action("QueueStatus")
    assert [item.get("Queue") for item in reply.items] == ["a", "b"]
    await heard.of(CallStarted)


async def test_an_answer_that_says_no_is_an_error_with_asterisk_s_words(
    server: FakeAsterisk, make_link: MakeLink
) -> None:
    link = make_link()
    await link.start()
    server.answers["Originate"] = lambda s, a: s.answer(a, "Message: Permission denied", response="Error")
    with pytest.raises(PbxRefused, match=r"AMI 127\.0\.0\.1:\d+ refused Originate: Permission denied"):
        await link.action("Originate", {"Channel": "PJSIP/1001"})


async def test_an_action_without_an_answer_fails_in_time_and_leaves_nothing(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = await started(make_link(), heard)
    late: list[Action] = []
    server.answers["Originate"] = lambda _, action: late.append(action)
    with pytest.raises(PbxError, match=r"did not answer Originate within 0\.02 s"):
        await link.action("Originate", timeout_seconds=0.02)
    asking = asyncio.create_task(link.action("Originate"))
    await server.asked("Originate", times=2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    protocol = link._manager.protocol
    assert protocol is not None
    assert protocol.responses == {}
    # The answers come after all, and nobody minds.
    for action in late:
        server.session.answer(action)
    await link.action("Ping")


async def test_a_line_break_in_a_value_is_refused_before_anything_is_sent(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = await started(make_link(), heard)
    with pytest.raises(ValueError, match="'CallerID'"):
        await link.action("Originate", {"CallerID": "x\r\nAction: Command"})
    assert "Originate" not in {action["Action"] for action in server.got}


async def test_of_what_was_under_way_at_a_loss_only_the_harmless_is_sent_again(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = await started(make_link(timing=replace(QUICK, answer=LIMIT)), heard)
    for name in ("Originate", "Getvar"):
        server.answers[name] = silent
    calling = asyncio.create_task(link.action("Originate", {"Channel": "PJSIP/1001"}))
    reading = asyncio.create_task(link.action("Getvar", {"Variable": "x"}))
    await server.asked("Originate")
    await server.asked("Getvar")
    server.answers["Getvar"] = lambda s, a: s.answer(a, "Value: 7")
    server.session.drop()
    with pytest.raises(PbxError, match="was lost before it answered Originate"):
        await calling
    assert (await reading).response.get("Value") == "7"
    assert [len(await server.asked(name)) for name in ("Originate", "Getvar")] == [1, 2]


async def test_an_action_waiting_to_be_sent_again_keeps_its_deadline(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = await started(make_link(), heard)
    server.answers["Getvar"] = silent
    reading = asyncio.create_task(link.action("Getvar", {"Variable": "x"}, timeout_seconds=0.1))
    await server.asked("Getvar")
    await server.close()
    with pytest.raises(PbxError, match=r"did not answer Getvar within 0\.1 s"):
        await reading
    with pytest.raises(PbxError, match="is not connected"):
        await link.action("QueueStatus")


async def test_a_stop_lets_what_was_heard_be_handled(server: FakeAsterisk, make_link: MakeLink, heard: Heard) -> None:
    async def slow(event: CallEvent | Gap) -> None:
        await asyncio.sleep(0)
        heard(event)

    link = make_link(on_event=slow, timing=replace(QUICK, stop=LIMIT))
    await link.start()
    server.session.send(*[join(number) for number in range(300)])
    await link.action("Ping", timeout_seconds=LIMIT)
    await link.stop()
    assert sum(isinstance(event, CallStarted) for event in heard.events) == 300


async def test_a_command_s_output_comes_back_line_by_line(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = await started(make_link(), heard)
    server.answers["Command"] = lambda s, a: s.answer(
        a, "Message: Command output follows", "Output: one", "Output: two"
    )
    reply = await link._manager.send_command("core show uptime")
    assert reply.response.get_all("Output") == ("one", "two")
    assert (await server.asked("Command"))[0]["Command"] == "core show uptime"


async def test_an_event_that_overtakes_the_answer_is_not_taken_for_it(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    def answer(session: Session, action: Action) -> None:
        session.send(f"Event: OriginateProgress\nActionID: {action['ActionID']}")
        session.answer(action, "Message: Originate successfully queued")

    link = await started(make_link(), heard)
    server.answers["Originate"] = answer
    assert (await link.action("Originate")).response.get("Message") == "Originate successfully queued"


async def test_a_list_cut_off_by_a_loss_is_read_anew(server: FakeAsterisk, make_link: MakeLink, heard: Heard) -> None:
    def half(session: Session, action: Action) -> None:
        action_id = f"ActionID: {action['ActionID']}"
        session.answer(action, "EventList: start")
        session.send(f"Event: QueueMember\n{action_id}\nName: Alice", f"Event: QueueMember\n{action_id}\nName: Bob")
        session.writer.close()

    link = await started(make_link(timing=replace(QUICK, answer=LIMIT)), heard)
    whole, server.answers["QueueStatus"] = server.answers["QueueStatus"], half
    server.queues = [ALICE]
    asking = asyncio.create_task(link.action("QueueStatus"))
    await server.asked("QueueStatus", times=2)
    server.answers["QueueStatus"] = whole
    assert [item.get("Name") for item in (await asking).items] == ["Alice"]
