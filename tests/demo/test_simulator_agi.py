"""The simulated PBX answers a survey's server on the FastAGI wire as the real one was recorded and measured to do."""

import re

import pytest

from ivr.demo.agi_commands import split_arguments
from ivr.demo.behaviour import Behaviour
from tests.demo.simulator_kit import (
    AgiPeer,
    over,
    place_recorded_call,
    recorded_dialogue,
    recorded_pbx,
    survey_call,
    survey_server,
)

RECORDED = {
    "a_normal": Behaviour(keys=("5",)),
    "d_hangup_in_survey": Behaviour(hangs_up_in_survey_after=1.8),
    "e_invalid_then_valid": Behaviour(keys=("9", "4")),
    "f_no_input": Behaviour(),
}
# What depends on the calls that a queue had before, and on where in a second of the clock a call began.
COUNTERS = re.compile(
    r"GET VARIABLE (MEMBERCALLS|MEMBERLASTCALL|QUEUE(HOLDTIME|TALKTIME|COMPLETED|ABANDONED)|QEHOLDTIME"
    r"|DIALEDTIME|ANSWEREDTIME)"
)


# --- as recorded ---


def plain(command: str, reply: str) -> str:
    """A reply without what differs from call to call."""
    if COUNTERS.fullmatch(command):
        return re.sub(r"\(\d+\)", "(n)", reply)
    reply = re.sub(r"PJSIP/(\w+)-[0-9a-f]{8}", r"PJSIP/\1-N", reply)
    return re.sub(r"\(\d{10}\.\d+\)", "(id)", reply)


@pytest.mark.parametrize("name", RECORDED)
async def test_every_command_of_a_recorded_survey_gets_the_recorded_reply(name: str) -> None:
    headers, dialogue = recorded_dialogue(f"{name}.txt")
    replies, seen = [], []

    async def replay(peer: AgiPeer) -> None:
        seen.extend(peer.headers)
        for command, _ in dialogue:
            replies.append((command, await peer.ask(command)))

    async with survey_server(replay) as address, recorded_pbx(address) as pbx:
        await over(place_recorded_call(pbx, RECORDED[name]))
    assert [plain(*one) for one in replies] == [plain(*one) for one in dialogue]
    assert [key for key, _ in seen] == [f"agi_{key}" for key in headers]
    ours = {key.removeprefix("agi_"): value for key, value in seen}
    for key in headers.keys() - {"channel", "uniqueid", "request", "version", "threadid", "priority"}:
        assert ours[key] == headers[key], key


# --- as measured ---


async def test_what_no_command_is_and_what_lacks_arguments() -> None:
    async def serve(peer: AgiPeer) -> None:
        assert await peer.ask("DANCE") == "510 Invalid or unknown command"
        assert await peer.ask("SET VARIABLE X") == "520-Invalid command syntax.  Proper usage follows:"
        while (await peer.line()) != "520 End of proper usage.":
            pass
        assert await peer.ask("get variable QUEUENAME") == "200 result=1 (support)"

    await survey_call(serve)


async def test_a_variable_that_is_unset_one_that_is_empty_and_one_with_hostile_text() -> None:
    hostile = "a\r\nb: c (d) \"e\" \\ 'f' 李雷 (x"

    async def serve(peer: AgiPeer) -> None:
        assert await peer.ask("GET VARIABLE Y") == "200 result=0"
        assert await peer.ask("GET VARIABLE E") == "200 result=1 ()"
        assert await peer.ask('GET FULL VARIABLE "${Y}"') == "200 result=1 ()"
        encoded = "a%0D%0Ab%3A%20c%20(d)%20%22e%22%20%5C%20'f'%20%E6%9D%8E%E9%9B%B7%20(x"
        assert (
            await peer.ask('GET FULL VARIABLE "${URIENCODE(${X})}|${URIENCODE(${Y})}"') == f"200 result=1 ({encoded}|)"
        )
        assert await peer.ask("GET VARIABLE URIENCODE(${X})") == "200 result=1 (%24%7BX%7D)"
        assert await peer.ask("GET VARIABLE CALLERID(name)") == "200 result=1 (Anna Caller)"
        expression = '"${CHANNEL(hangupsource)}|${CONNECTEDLINE(num)}|${NOSUCH(x)}|"'
        assert re.fullmatch(
            r"200 result=1 \(PJSIP/1001-[0-9a-f]{8}\|1001\|\|\)", await peer.ask(f"GET FULL VARIABLE {expression}")
        )
        assert await peer.ask(r'SET VARIABLE R "a \"b\" \\ 李"') == "200 result=1"
        assert await peer.ask("GET VARIABLE R") == '200 result=1 (a "b" \\ 李)'

    await survey_call(serve, variables={"X": hostile, "E": ""})


async def test_a_name_with_a_line_break_is_sent_raw_into_the_header() -> None:
    seen = []

    async def serve(peer: AgiPeer) -> None:
        seen.extend(peer.headers)

    await survey_call(serve, name="Eve\nagi_x: 1")
    at = seen.index(("agi_calleridname", "Eve"))
    assert seen[at + 1] == ("agi_x", "1")


@pytest.mark.parametrize(
    ("keys", "command", "reply"),
    [
        ("5", "GET DATA beep 1000 1", "200 result=5"),
        ("5", "GET DATA beep 1000 2", "200 result=5 (timeout)"),
        ("57", "GET DATA beep 1000 2", "200 result=57"),
        ("5#", "GET DATA beep 1000 2", "200 result=5"),
        ("#", "GET DATA beep 1000 1", "200 result="),
        ("*", "GET DATA beep 1000 1", "200 result=*"),
        ("", "GET DATA beep 1000 1", "200 result= (timeout)"),
        ("", 'GET DATA "" 700 1', "200 result= (timeout)"),
        ("5", "GET DATA nosuch 1000 1", "200 result=-1"),
        ("5", "GET DATA beep&beep 1000 1", "200 result=-1"),
        ("5", "GET DATA beep 0 1", "200 result=5"),
        ("57#", "GET DATA beep 1000 0", "200 result=57"),
        ("5", 'STREAM FILE nosuch ""', "200 result=-1 endpos=0"),
        ("5", 'STREAM FILE beep ""', "200 result=0 endpos=3520"),
        ("5", 'STREAM FILE beep "1234"', "200 result=0 endpos=3520"),
        ("", 'STREAM FILE beep "" 2147483647', "200 result=0 endpos=3520"),
        ("", 'STREAM FILE nosuch "" 2147483647', "200 result=-1 endpos=2147483647"),
        ("", 'STREAM FILE beep "5"', "200 result=0 endpos=3520"),
        ("", 'RECORD FILE /tmp/rec wav "#" 1000', "200 result=0 (timeout) endpos=8000"),
        ("", 'RECORD FILE /tmp/rec wav "#" 60000 0 s=2', "200 result=55000 (timeout) endpos=32000"),
        ("", "EXEC Playback beep&nosuch", "200 result=0"),
        ("", "EXEC NoSuchApp", "200 result=-2"),
        ("", "ANSWER", "200 result=0"),
        ("", "CHANNEL STATUS", "200 result=6"),
        ("", "VERBOSE hello 1", "200 result=1"),
    ],
)
async def test_keys_and_prompts(keys: str, command: str, reply: str) -> None:
    async def serve(peer: AgiPeer) -> None:
        assert await peer.ask(command) == reply
        assert await peer.ask("CHANNEL STATUS") == "200 result=6"

    await survey_call(serve, Behaviour(talk_seconds=0.1, keys=(keys,), think_seconds=0.1))


async def test_a_key_cuts_a_prompt_short_and_the_rest_is_collected_without_one() -> None:
    async def serve(peer: AgiPeer) -> None:
        reply = re.fullmatch(r"200 result=49 endpos=(\d+)", await peer.ask("STREAM FILE long 0123456789*#"))
        assert reply
        assert int(reply[1]) < 80_000
        assert await peer.ask('GET DATA "" 2000 1') == "200 result=0"
        assert await peer.ask("GET DATA long 1000 1") == "200 result=7"

    behaviour = Behaviour(talk_seconds=0.1, keys=("10", "7"), think_seconds=0.5)
    async with survey_server(serve) as address, recorded_pbx(address, prompts=lambda _: 10.0) as pbx:
        await over(pbx.place_call("support", "1", "", behaviour))


async def test_a_key_after_the_time_out_is_lost() -> None:
    async def serve(peer: AgiPeer) -> None:
        assert await peer.ask("GET DATA beep 1000 1") == "200 result= (timeout)"
        assert await peer.ask("GET DATA beep 4000 1") == "200 result=4"

    await survey_call(serve, Behaviour(talk_seconds=0.1, keys=("9", "4"), think_seconds=2.0))


async def test_a_question_without_a_time_out_waits_until_a_key_comes() -> None:
    async def serve(peer: AgiPeer) -> None:
        assert await peer.ask("GET DATA beep 0 1") == "200 result=5"

    await survey_call(serve, Behaviour(talk_seconds=0.1, keys=("5",), think_seconds=6.0))


async def test_what_a_survey_can_know_after_a_transfer() -> None:
    told = {}

    async def serve(peer: AgiPeer) -> None:
        names = ("MEMBERINTERFACE", "DIALEDPEERNAME", "ATTENDEDTRANSFER", "QUEUESTATUS", "CONNECTEDLINE(num)")
        values = [(await peer.ask(f"GET VARIABLE {name}")).partition("(")[2][:-1] for name in names]
        source = (await peer.ask("GET VARIABLE CHANNEL(hangupsource)")).partition("(")[2][:-1]
        told[len(told)] = [re.sub(r"-[0-9a-f]{8}", "", value) for value in (*values, source)]

    for ends in ("blind_transfer", "attended_transfer"):
        await survey_call(serve, Behaviour(talk_seconds=0.5, ends=ends))
    # As recorded: the queue's variables go on naming the first agent.
    assert told[0] == ["PJSIP/1001", "PJSIP/1002", "", "", "1002", "PJSIP/1002"]
    assert told[1] == ["PJSIP/1001", "", "PJSIP/1001", "CONTINUE", "1002", "PJSIP/1002"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("A b", ["A", "b"]),
        ('A "b c" d', ["A", "b c", "d"]),
        ('A "" d', ["A", "", "d"]),
        (r'A "b \" \\ c"', ["A", 'b " \\ c']),
        (r"A b\ c", ["A", "b c"]),
        ('A "b', ["A", "b"]),
    ],
)
def test_arguments_are_split_as_asterisk_splits_them(line: str, words: list[str]) -> None:
    assert split_arguments(line) == words
