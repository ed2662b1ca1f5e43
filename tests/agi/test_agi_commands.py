"""What a caller's keypad, prompts and variables look like through the phone."""

import asyncio

import pytest

from callflows.steps import Keys
from ivr.asterisk.agi_phone import STATE, AgiPhone
from ivr.asterisk.agi_session import AgiSession
from ivr.errors import CallerHungUp, PhoneError, PromptMissing
from ivr.phone import Phone
from tests.agi.agi_client import site


def is_a_phone(session: AgiSession) -> Phone:
    return AgiPhone(session)


def collects(*prompts: str, max_keys: int = 1, barge_in: bool = True):
    async def talk(phone: AgiPhone) -> object:
        return await phone.collect(
            prompts, max_keys=max_keys, timeout_seconds=2.5, key_timeout_seconds=1.2, barge_in=barge_in
        )

    return talk


async def outcome(talk, *answers: bytes):
    """The commands that were sent, and what came of the talk, when Asterisk answers so."""
    async with site(talk) as here:
        asterisk = await here.dialled()
        heard = await asterisk.answers(*answers)
        result = await here.result()
        await asterisk.is_let_go()
        return [" ".join(words) for words in heard], result


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        (b"200 result=5\n", Keys(pressed="5", timed_out=False)),
        (b"200 result=*\n", Keys(pressed="*", timed_out=False)),
        (b"200 result=A\n", Keys(pressed="A", timed_out=False)),
        (b"200 result= (timeout)\n", Keys(pressed="", timed_out=True)),
        (b"200 result=\n", Keys(pressed="", timed_out=False)),
    ],
    ids=["a key", "a star", "a letter", "no key", "only the hash key"],
)
async def test_keys(answer, keys):
    heard, result = await outcome(collects("en/csat-question"), answer)
    assert heard == ["GET DATA postcall/en/csat-question 2500 1"]
    assert result == keys


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        (b"200 result=0\n", Keys(pressed="10", timed_out=False)),
        (b"200 result= (timeout)\n", Keys(pressed="1", timed_out=True)),
        (b"200 result=\n", Keys(pressed="1", timed_out=False)),
    ],
    ids=["both", "only one", "one and the hash key"],
)
async def test_a_second_key_is_waited_for_as_long_as_the_key_timeout_says(answer, keys):
    heard, result = await outcome(collects("en/csat-question", max_keys=2), b"200 result=1\n", answer)
    assert heard == ["GET DATA postcall/en/csat-question 2500 1", "GET DATA  1200 1"]
    assert result == keys


async def test_without_barge_in_no_key_cuts_a_prompt_short():
    heard, result = await outcome(
        collects("en/sorry", "en/question", barge_in=False),
        b"200 result=0 endpos=8000\n",
        b"200 result=0 endpos=8000\n",
        b"200 result=4\n",
    )
    assert heard == [
        "STREAM FILE postcall/en/sorry ",
        "STREAM FILE postcall/en/question ",
        "GET DATA  2500 1",
    ]
    assert result == Keys(pressed="4", timed_out=False)


async def test_several_prompts_are_played_in_order_and_the_last_one_waits():
    heard, result = await outcome(
        collects("en/sorry", "en/again", "en/question"),
        b"200 result=0 endpos=8000\n",
        b"200 result=0 endpos=8000\n",
        b"200 result=4\n",
    )
    assert heard == [
        "STREAM FILE postcall/en/sorry 0123456789*#ABCD",
        "STREAM FILE postcall/en/again 0123456789*#ABCD",
        "GET DATA postcall/en/question 2500 1",
    ]
    assert result == Keys(pressed="4", timed_out=False)


async def test_a_key_during_the_first_of_several_prompts_cuts_them_all_short():
    heard, result = await outcome(collects("en/sorry", "en/question"), b"200 result=53 endpos=160\n")
    assert len(heard) == 1
    assert result == Keys(pressed="5", timed_out=False)


async def test_the_keys_after_the_first_are_waited_for_without_a_prompt():
    heard, result = await outcome(
        collects("en/sorry", "en/question", max_keys=3), b"200 result=53 endpos=160\n", b"200 result=7 (timeout)\n"
    )
    assert heard[1] == "GET DATA  1200 2"
    assert result == Keys(pressed="57", timed_out=True)


async def test_the_hash_key_during_the_first_prompt_ends_the_input():
    heard, result = await outcome(collects("en/sorry", "en/question", max_keys=3), b"200 result=35 endpos=160\n")
    assert len(heard) == 1
    assert result == Keys(pressed="", timed_out=False)


async def test_keys_can_be_taken_without_a_prompt():
    heard, result = await outcome(collects(), b"200 result=1\n")
    assert heard == ["GET DATA  2500 1"]
    assert result == Keys(pressed="1", timed_out=False)


@pytest.mark.parametrize("answer", [b"200 result=7;DROP\n", b"200 result=-2\n", b"200 result=\xff\n"])
async def test_keys_that_no_phone_has_are_refused(answer):
    _, result = await outcome(collects("en/question"), answer)
    assert type(result) is PhoneError


async def test_a_missing_prompt_is_told_apart_from_a_hang_up():
    heard, result = await outcome(collects("en/nosuch"), b"200 result=-1\n", b"200 result=6\n")
    assert heard[1] == "CHANNEL STATUS"
    assert type(result) is PromptMissing
    assert str(result) == "the PBX cannot play postcall/en/nosuch"


@pytest.mark.parametrize("status", [b"511 Command Not Permitted on a dead channel\n", b"200 result=-1\n", b"HANGUP\n"])
async def test_a_hang_up_is_told_apart_from_a_missing_prompt(status):
    _, result = await outcome(collects("en/question"), b"200 result=-1\n", status)
    assert type(result) is CallerHungUp


async def test_after_a_missing_prompt_the_caller_can_still_be_spoken_to():
    async def falls_back(phone: AgiPhone) -> object:
        with pytest.raises(PromptMissing):
            await phone.play(["zh/thanks"])
        await phone.play(["en/thanks"])
        return "thanked"

    heard, result = await outcome(
        falls_back, b"200 result=-1 endpos=0\n", b"200 result=6\n", b"200 result=0 endpos=8000\n"
    )
    assert result == "thanked"
    assert heard[-1].split() == ["STREAM", "FILE", "postcall/en/thanks"]


@pytest.mark.parametrize(
    "prompt", ["", "../secret", "en/../../x", "/etc/passwd", "en/a&b", "en/a b", "en/a\nHANGUP", "é"]
)
async def test_what_is_no_prompt_name_is_never_sent(prompt):
    heard, result = await outcome(collects("en/ok", prompt))
    assert heard == []
    assert type(result) is PromptMissing


async def test_a_call_that_is_up_is_not_answered_again():
    async def answers(phone: AgiPhone) -> object:
        return await phone.answer()

    assert await outcome(answers, b"200 result=6\n") == (["CHANNEL STATUS"], None)
    assert await outcome(answers, b"200 result=4\n", b"200 result=0\n") == (["CHANNEL STATUS", "ANSWER"], None)
    _, gone = await outcome(answers, b"200 result=4\n", b"200 result=-1\nHANGUP\n")
    assert type(gone) is CallerHungUp


async def test_a_call_whose_state_was_read_as_up_is_not_asked_for_it():
    async def reads_and_answers(phone: AgiPhone) -> object:
        await phone.variables(["CHANNEL(linkedid)", STATE])
        return await phone.answer()

    heard, _ = await outcome(reads_and_answers, b"200 result=1 (1.1|Up)\n")
    assert len(heard) == 1
    for state in (b"Ring", b""):
        heard, _ = await outcome(reads_and_answers, b"200 result=1 (1.1|" + state + b")\n", b"200 result=6\n")
        assert heard[1:] == ["CHANNEL STATUS"]


# --- variables ---

HOSTILE = {
    "NAME": 'Анна "O\'Neil", 李雷'.encode(),
    "BREAKS": b"a\r\nHANGUP\r\n200 result=9 (x|y)",
    "HANG": b"hangup",
    "LATIN": "Jürgen".encode("latin-1"),
    "CONNECTEDLINE(num)": b"1001",
}


async def test_any_value_is_read_in_one_round_trip():
    async def reads(phone: AgiPhone) -> object:
        return await phone.variables([*HOSTILE, "UNSET"])

    async with site(reads) as here:
        asterisk = await here.dialled()
        assert await asterisk.tells(HOSTILE) == [*HOSTILE, "UNSET"]
        assert await here.result() == {
            "NAME": 'Анна "O\'Neil", 李雷',
            "BREAKS": "a\r\nHANGUP\r\n200 result=9 (x|y)",
            "HANG": "hangup",
            "LATIN": "J\ufffdrgen",
            "CONNECTEDLINE(num)": "1001",
            "UNSET": "",
        }


async def test_an_asterisk_without_uri_functions_is_told_so_and_nothing_is_guessed():
    async def reads(phone: AgiPhone) -> object:
        return await phone.variables(["NAME"])

    async with site(reads) as here:
        asterisk = await here.dialled()
        asterisk.has_uri_functions = False
        await asterisk.tells(HOSTILE)
        result = await here.result()
        assert type(result) is PhoneError
        assert str(result) == "channel variables cannot be read: Asterisk's module func_uri is not loaded"


async def test_a_variable_is_set_with_quotes_and_without_its_line_breaks():
    async def sets(phone: AgiPhone) -> object:
        await phone.set_variable("POSTCALL_NOTE", 'say "hi" \\ 李\r\nHANGUP\0')
        with pytest.raises(PhoneError, match="no channel variable"):
            await phone.set_variable("A B", "x")
        with pytest.raises(PhoneError, match="bytes long"):
            await phone.set_variable("A", "x" * 2100)
        return "set"

    async with site(sets) as here:
        asterisk = await here.dialled()
        heard = await asterisk.answers(b"200 result=1\n")
        assert heard == [["SET", "VARIABLE", "POSTCALL_NOTE", 'say "hi" \\ 李  HANGUP ']]
        assert await here.result() == "set"
        assert await asterisk.is_let_go() == b""


# --- recording and the end ---


def records(path: str = "/var/spool/postcall/a.b-1", silence: float = 2):
    async def talk(phone: AgiPhone) -> object:
        return await phone.record(path, max_seconds=30, silence_seconds=silence, stop_keys="#")

    return talk


async def test_a_recording_has_a_length_in_seconds():
    heard, result = await outcome(records(), b"200 result=35 (dtmf) endpos=12000\n")
    assert heard == ["RECORD FILE /var/spool/postcall/a.b-1 wav # 30000 0 BEEP s=2"]
    assert result == 1.5
    heard, _ = await outcome(records(silence=0), b"200 result=0 (timeout) endpos=0\n")
    assert heard[0].endswith(" wav # 30000 0 BEEP")


async def test_the_silence_that_ended_a_recording_is_no_part_of_its_length():
    _, result = await outcome(records(), b"200 result=4420 (timeout) endpos=24000\n")
    assert result == 2.0
    _, result = await outcome(records(), b"200 result=5983 (timeout) endpos=8000\n")
    assert result == 0.0
    _, result = await outcome(records(), b"200 result=0 (timeout) endpos=240000\n")
    assert result == 30.0


async def test_an_asterisk_without_its_beep_records_without_a_tone():
    heard, result = await outcome(
        records(), b"200 result=-1 (randomerror) endpos=0\n", b"200 result=35 (dtmf) endpos=8000\n"
    )
    assert heard[1] == "RECORD FILE /var/spool/postcall/a.b-1 wav # 30000 s=2"
    assert result == 1.0


async def test_a_stop_key_during_the_tone_leaves_no_recording():
    _, result = await outcome(records(), b"200 result=35 (randomerror) endpos=0\n")
    assert result == 0.0


async def test_what_was_said_before_the_caller_hung_up_is_kept():
    _, result = await outcome(records(), b"200 result=-1 (hangup) endpos=16000\nHANGUP\n")
    assert result == 2.0


async def test_a_recording_that_cannot_be_written_is_told_apart_from_a_hang_up():
    _, result = await outcome(records(), b"200 result=-1 (writefile)\n", b"200 result=6\n")
    assert str(result) == "the PBX cannot record into /var/spool/postcall/a.b-1: writefile"
    _, result = await outcome(records(), b"200 result=-1 (writefile)\n", b"200 result=-1\n")
    assert type(result) is CallerHungUp


@pytest.mark.parametrize("path", ["", "/", "/var/../etc/x", "/var/.hidden", "/var/a b", "/var/a\nb", "|x"])
async def test_what_is_no_recording_path_is_never_sent(path):
    heard, result = await outcome(records(path))
    assert heard == []
    assert type(result) is PhoneError


@pytest.mark.parametrize("answer", [b"200 result=1\n", b"200 result=1\nHANGUP\n", b"511 Not Permitted\n"])
async def test_hanging_up_ends_the_session_even_when_the_caller_was_faster(answer):
    async def hangs_up(phone: AgiPhone) -> object:
        await phone.hang_up()
        with pytest.raises(PhoneError):
            await phone.play(["en/hello"])
        await asyncio.Event().wait()

    async with site(hangs_up) as here:
        asterisk = await here.dialled()
        assert await asterisk.answers(answer) == [["HANGUP"]]
        assert await asterisk.is_let_go() == b""
