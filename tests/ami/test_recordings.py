"""What a real Asterisk sent, against what a telephony admin would say had happened in the call."""

from datetime import UTC, datetime

import pytest

from ivr.asterisk.messages import Framer
from ivr.asterisk.translate import Translator
from ivr.calls import CallEvent, CallStarted, LegConnected, LegEnded
from tests import recordings
from tests.ami.telling import row, rows, told_by

A_GOOD_CALL = """
    call started | support
    connected    | PJSIP/1001 Sara 1001 | support    | waited 1 s
    ended        | PJSIP/1001 Sara 1001 | by agent   | talked 2 s
    call ended
"""
ANSWERED_AT_ONCE = A_GOOD_CALL.replace("waited 1 s", "waited 0 s")

SCENARIOS = {
    # The agent hangs up, and the caller rates.
    "ast22/a_normal": A_GOOD_CALL,
    "ast16/a_normal": ANSWERED_AT_ONCE,
    "ast22/a_normal_8001": A_GOOD_CALL.replace("support", "plain"),
    "ast22/d_hangup_in_survey": ANSWERED_AT_ONCE,
    # Two seconds of talk, but Asterisk says three: it counts whole seconds of its clock.
    "ast22/e_invalid_then_valid": ANSWERED_AT_ONCE.replace("talked 2 s", "talked 3 s"),
    "ast22/f_no_input": ANSWERED_AT_ONCE,
    "ast22/b_caller_hangs_up_first": ANSWERED_AT_ONCE.replace("by agent", "by caller"),
    "ast16/b_caller_hangs_up_first": ANSWERED_AT_ONCE.replace("by agent", "by caller"),
    "ast22/c_abandon": """
        call started | support
        call ended   | abandoned
    """,
    # 1001 sends the caller on to 1002, of whom no queue tells.
    "ast22/g_blind_transfer_sip": """
        call started | support
        connected    | PJSIP/1001 Sara 1001 | support     | waited 1 s
        ended        | PJSIP/1001 Sara 1001 | by transfer | talked 2 s
        connected    | PJSIP/1002 -         | -           | waited -
        ended        | PJSIP/1002 -         | by agent    | talked 2 s
        call ended
    """,
    "ast16/g_blind_transfer_sip": """
        call started | support
        connected    | PJSIP/1001 Sara 1001 | support     | waited 1 s
        ended        | PJSIP/1001 Sara 1001 | by transfer | talked 2 s
        connected    | PJSIP/1002 -         | -           | waited -
        ended        | PJSIP/1002 -         | by agent    | talked 2 s
        call ended
    """,
    # 1001 asks 1002 first, over a second line, and then joins the two.
    "ast22/h_attended_transfer_sip": """
        call started | support
        connected    | PJSIP/1001 Sara 1001 | support     | waited 0 s
        connected    | PJSIP/1002 -         | -           | waited -
        ended        | PJSIP/1001 Sara 1001 | by transfer | talked 4 s
        ended        | PJSIP/1002 -         | by agent    | talked 4 s
        call ended
    """,
    # No queue: these calls are known from the survey alone.
    "ast22/i1_dial_option_g": "",
    "ast22/i2_dial_option_F_outbound": "",
    # The caller is pulled away from the agent. The queue then says "ended by the caller after 6 s", which is wrong.
    "ast22/j_redirect_while_agent_up": """
        call started | support
        connected    | PJSIP/1001 Sara 1001 | support     | waited 0 s
        ended        | PJSIP/1001 Sara 1001 | by unknown  | talked 2 s
        call ended
    """,
}


def replay(name: str) -> tuple[list[CallEvent], Translator]:
    translator = Translator("main")
    return told_by(translator, *Framer().feed(recordings.stream(name))), translator


def test_every_recording_has_its_scenario() -> None:
    assert sorted(SCENARIOS) == recordings.names()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_recorded_call_is_told_as_it_was(name: str) -> None:
    told, _ = replay(name)
    assert [row(event) for event in told] == rows(SCENARIOS[name]) if SCENARIOS[name] else told == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_event_of_a_recording_belongs_to_its_one_call(name: str) -> None:
    told, translator = replay(name)
    assert len({event.linkedid for event in told}) == (1 if told else 0)
    assert translator.live == frozenset()
    connected = [event.leg for event in told if isinstance(event, LegConnected)]
    assert sorted(connected) == sorted(event.leg for event in told if isinstance(event, LegEnded))


def test_the_channels_and_times_are_asterisk_s_own() -> None:
    started, connected, ended, _ = replay("ast22/a_normal")[0]
    assert isinstance(started, CallStarted)
    assert (started.caller_number, started.caller_name) == ("0912000000", "Anna Caller")
    assert (started.uniqueid, started.channel) == ("1795324252.0", "PJSIP/caller-00000000")
    assert isinstance(connected, LegConnected)
    assert (connected.channel, connected.leg) == ("PJSIP/caller-00000000", "1795324252.1")
    assert connected.at == datetime.fromtimestamp(1795324253.057, UTC)
    assert connected.ring_seconds == 0
    assert ended.at == datetime.fromtimestamp(1795324255.059331, UTC)
