"""One session against a scripted Asterisk: hang-ups, deadlines, broken replies, cancellation."""

import asyncio

import pytest

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import LINE_BYTES
from ivr.errors import CallerHungUp, PhoneError
from tests.agi.agi_client import header, site


async def asks(phone: AgiPhone) -> object:
    return await phone.collect(["en/csat-question"], max_keys=1, timeout_seconds=4, key_timeout_seconds=2)


async def asks_twice(phone: AgiPhone) -> object:
    return [(await asks(phone)).pressed, (await asks(phone)).pressed]  # type: ignore[attr-defined]


async def test_answers_are_read_for_the_commands_they_belong_to():
    async with site(asks_twice) as here:
        asterisk = await here.dialled()
        heard = await asterisk.answers(b"200 result=4\n", b"200 result=5\n")
        assert heard == [["GET", "DATA", "postcall/en/csat-question", "4000", "1"]] * 2
        assert await here.result() == ["4", "5"]
        assert await asterisk.is_let_go() == b""


async def test_an_answer_may_arrive_byte_by_byte_and_the_header_too():
    async with site(asks) as here:
        asterisk = await here.dialled(b"")
        for byte in header():
            asterisk.says(bytes([byte]))
            await asterisk.writer.drain()
        await asterisk.hears()
        for byte in b"200 result=5\n":
            asterisk.says(bytes([byte]))
            await asyncio.sleep(0)
        assert (await here.result()).pressed == "5"


async def test_a_hang_up_while_asterisk_is_asked_ends_the_session_at_once():
    async with site(asks) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        asterisk.says(b"HANGUP\n")
        assert await asterisk.is_let_go() == b""
        assert isinstance(await here.result(), CallerHungUp)


async def test_a_hang_up_before_the_first_command_ends_the_session_at_once():
    async with site(asks) as here:
        asterisk = await here.dialled(header() + b"HANGUP\n")
        assert await asterisk.is_let_go() == b""
        assert isinstance(await here.result(), CallerHungUp)


async def test_a_hang_up_between_two_commands_is_not_read_as_the_second_answer():
    resume = asyncio.Event()

    async def pauses(phone: AgiPhone) -> object:
        await phone.play(["en/hello"])
        await resume.wait()
        return await asks(phone)

    async with site(pauses) as here:
        asterisk = await here.dialled()
        await asterisk.answers(b"200 result=0 endpos=1\n")
        asterisk.says(b"HANGUP\n")
        assert await asterisk.is_let_go() == b""
        resume.set()
        assert isinstance(await here.result(), CallerHungUp)


async def test_a_key_pressed_just_before_the_hang_up_still_counts():
    async with site(asks) as here:
        asterisk = await here.dialled()
        await asterisk.answers(b"200 result=5\nHANGUP\n")
        assert (await here.result()).pressed == "5"
        assert await asterisk.is_let_go() == b""


async def test_a_result_of_minus_one_with_a_hang_up_is_a_hang_up():
    async with site(asks) as here:
        asterisk = await here.dialled()
        await asterisk.answers(b"200 result=-1\nHANGUP\n")
        assert isinstance(await here.result(), CallerHungUp)
        await asterisk.is_let_go()


async def test_a_dead_channel_that_refuses_media_is_a_hang_up():
    async with site(asks) as here:
        asterisk = await here.dialled()
        await asterisk.answers(b"511 Command Not Permitted on a dead channel or intercept routine\n")
        assert await asterisk.is_let_go() == b""
        assert isinstance(await here.result(), CallerHungUp)


async def test_a_refused_command_of_many_lines_does_not_shift_the_answers():
    async def goes_on(phone: AgiPhone) -> object:
        with pytest.raises(PhoneError, match="refused STREAM FILE: 520 Invalid"):
            await phone.play(["en/hello"])
        with pytest.raises(PhoneError, match="refused STREAM FILE: 510"):
            await phone.play(["en/hello"])
        return await asks(phone)

    async with site(goes_on) as here:
        asterisk = await here.dialled()
        await asterisk.answers(
            b"520-Invalid command syntax.  Proper usage follows:\nUsage\n200 result=1\n520 End of proper usage.\n",
            b"510 Invalid or unknown command\n",
            b"200 result=3\n",
        )
        assert (await here.result()).pressed == "3"


async def test_stray_lines_are_dropped_and_counted():
    async with site(asks_twice) as here:
        asterisk = await here.dialled()
        await asterisk.answers(b"what\n200 result=1\nis this\n", b"\n\xff\nb)\n200 result=2\n")
        assert await here.result() == ["1", "2"]
        await asterisk.is_let_go()
        await here.counts(open=0, dropped_lines=5)


async def test_a_late_answer_to_nothing_is_not_taken_for_the_next_one():
    async with site(asks_twice) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        asterisk.says(b"200 result=1\n200 result=9\n")
        await asterisk.answers(b"200 result=2\n")
        assert await here.result() == ["1", "2"]


@pytest.mark.parametrize("smuggled", [b"x\n\n200 result=9\n", b"x\r\n\r\n200 result=1 (0)\n511 dead\n520-never ends\n"])
async def test_a_name_that_ends_the_header_early_answers_no_command(smuggled):
    async with site(asks) as here:
        asterisk = await here.dialled(header(name=smuggled))
        await asterisk.answers(b"200 result=5\n")
        assert (await here.result()).pressed == "5"
        assert here.requests[0].uniqueid == "1795324275.8"


@pytest.mark.parametrize("smuggled", [b"x\n\n200 result=1 (0)\n", b"x\n\n200 result=1 (a%20b|9)\n520-never ends\n"])
async def test_a_name_that_ends_the_header_early_is_no_variable(smuggled):
    async with site(lambda phone: phone.variables(["MEMBERNAME"])) as here:
        asterisk = await here.dialled(header(name=smuggled))
        assert await asterisk.tells({"MEMBERNAME": b"Anna|Lee"}) == ["MEMBERNAME"]
        assert await here.result() == {"MEMBERNAME": "Anna|Lee"}


@pytest.mark.parametrize("part", [b"", b"200 resu", b"520-Invalid\nusage"])
async def test_a_connection_that_ends_within_a_command_is_one_clear_error(part):
    async with site(asks) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        asterisk.says(part)
        asterisk.drops()
        error = await here.result()
        assert type(error) is PhoneError
        assert str(error) == "the PBX closed the connection"
        await here.counts(open=0)


async def test_an_answer_that_never_comes_ends_the_session():
    async def plays(phone: AgiPhone) -> None:
        await phone.play(["en/hello"])

    async with site(plays, reply_seconds=0.05, prompt_seconds=0.01) as here:
        asterisk = await here.dialled()
        assert (await asterisk.hears())[0] == "STREAM"
        assert await asterisk.is_let_go() == b""
        error = await here.result()
        assert type(error) is PhoneError
        assert str(error) == "the PBX did not answer STREAM FILE within 0.06 s"


async def test_a_pbx_that_is_silent_from_the_start_is_let_go():
    async with site(asks, reply_seconds=0.05) as here:
        asterisk = await here.dialled()
        asterisk.synchronises = False
        await asterisk.hears()
        asterisk.says(b"200 result=1 (something else)\n")
        await asterisk.is_let_go()
        assert "did not answer GET FULL VARIABLE" in str(await here.result())


async def test_a_command_is_given_the_time_that_it_needs_itself():
    async with site(asks, header_seconds=0.05, reply_seconds=0.05, prompt_seconds=0.01) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        await asyncio.sleep(0.15)  # the caller thinks: longer than everything but the time to press a key
        asterisk.says(b"200 result=5\n")
        assert (await here.result()).pressed == "5"


async def test_a_command_after_others_has_a_deadline_of_its_own():
    async def plays_two(phone: AgiPhone) -> None:
        await phone.play(["en/hello", "en/question"])

    async with site(plays_two, header_seconds=0.05, reply_seconds=0.1, prompt_seconds=0.1) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        await asyncio.sleep(0.1)  # the time for the header is over meanwhile
        asterisk.says(b"200 result=0 endpos=1\n")
        assert (await asterisk.hears())[2] == "postcall/en/question"
        assert await asterisk.is_let_go() == b""
        assert str(await here.result()) == "the PBX did not answer STREAM FILE within 0.2 s"


async def test_a_session_has_an_end_whatever_is_under_way():
    async with site(asks, session_seconds=0.1) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        assert await asterisk.is_let_go() == b""
        assert str(await here.result()) == "the session took longer than 0.1 s"


@pytest.mark.parametrize("flood", [b"x" * (LINE_BYTES + 10), b"stray\n" * 60_000, b"200 result=9\n" * 1_100])
async def test_more_than_any_answer_needs_ends_the_session_cleanly(flood):
    async with site(asks_twice) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        asterisk.says(flood)
        await asterisk.is_let_go()
        assert "the PBX makes no sense: " in str(await here.result())
        await here.serves_a_good_call()


async def test_cancelling_a_command_passes_through_and_lets_the_caller_go():
    async def gives_up(phone: AgiPhone) -> object:
        try:
            async with asyncio.timeout(0.02):
                await asks(phone)
        except TimeoutError:
            with pytest.raises(PhoneError, match="the session is over"):
                await asks(phone)
            return "gave up"

    async with site(gives_up) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        assert await asterisk.is_let_go() == b""
        assert await here.result() == "gave up"


async def test_two_commands_at_once_are_a_mistake_of_ours_and_not_a_mixed_up_answer():
    async def mixes(phone: AgiPhone) -> object:
        first = asyncio.ensure_future(asks(phone))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one command at a time"):
            await asks(phone)
        return (await first).pressed

    async with site(mixes) as here:
        await (await here.dialled()).answers(b"200 result=5\n")
        assert await here.result() == "5"


async def test_when_the_handler_returns_the_dialplan_goes_on():
    async def does_nothing(phone: AgiPhone) -> object:
        return "done"

    async with site(does_nothing) as here:
        asterisk = await here.dialled()
        assert await asterisk.is_let_go() == b""
        await here.counts(open=0, accepted=1, failed=0)
