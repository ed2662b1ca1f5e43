"""Many callers at once, and a process that dies."""

import asyncio
import signal
import sys
import textwrap

import pytest

from storage import transaction
from storage.engine import open_database
from storage.queries import call_counts, tallies
from storage.recorder import Recorder
from storage.records import CallRecord, CountFilter
from storage.verify import verify
from tests.storage.samples import ANA, BOB, SITE, at, offer, rated


async def test_20_callers_who_rate_at_once_are_all_counted_whatever_is_sent_twice(url, recorder, database):
    async def caller(number: int, own: Recorder) -> None:
        survey = f"1.{number}"
        agent = ANA if number % 2 else BOB
        assert (await asyncio.gather(*(own.offer(offer(survey, agent=agent)) for _ in range(2)))).count(True) == 1
        for question in ("rating", "clear"):
            twice = await asyncio.gather(
                *(own.record_answer(SITE, survey, rated(number % 3 + 1, question=question)) for _ in range(2))
            )
            assert sorted(twice) == [False, True]
        # All are moved to and fro between the same rows, in both directions.
        await own.recredit(SITE, survey, agent=BOB if number % 2 else ANA)
        assert (await asyncio.gather(*(own.finish(SITE, survey, "completed", offer().offered_at) for _ in "ab"))).count(
            True
        ) == 1

    async with await open_database(url) as second:
        recorders = [recorder, Recorder(second)]
        async with asyncio.timeout(60):
            await asyncio.gather(*(caller(number, recorders[number % 2]) for number in range(20)))
    found = {(row.agent, row.question, row.value): row.ratings for row in await tallies(database, CountFilter())}
    # Of the numbers 0 to 19, those with an odd one go to Bob in the end; 1, 7, 13, 19 leave 1 when divided by 3 …
    expected = {
        (BOB if odd else ANA, question, rest + 1): len([n for n in range(20) if n % 2 == odd and n % 3 == rest])
        for odd in (0, 1)
        for rest in (0, 1, 2)
        for question in ("rating", "clear")
    }
    assert found == expected
    assert await verify(database) == []


async def test_surveys_credited_crosswise_at_once_never_wait_for_each_other_in_a_circle(
    url, recorder, database, monkeypatch
):
    # A deadlock would be tried again and so be seen by nobody but those who wait: here there is no second attempt.
    monkeypatch.setattr(transaction, "ATTEMPTS", 1)
    for number in range(12):
        await recorder.offer(offer(f"1.{number}", agent=BOB if number % 2 else ANA))
        await recorder.record_answer(SITE, f"1.{number}", rated(4))
        await recorder.record_answer(SITE, f"1.{number}", rated(4, question="clear"))
    async with await open_database(url) as second:
        recorders = [recorder, Recorder(second)]
        for turn in range(6):
            moves = (
                recorders[number % 2].recredit(SITE, f"1.{number}", agent=ANA if (number + turn) % 2 else BOB)
                for number in range(12)
            )
            async with asyncio.timeout(30):
                assert all(await asyncio.gather(*moves))
    assert await verify(database) == []


async def test_one_call_asked_from_two_sides_at_once_is_asked_once_and_not_excluded(url, recorder, database):
    async with await open_database(url) as second:
        other = Recorder(second)
        for number in range(10):
            linkedid = f"1.{number}"
            await recorder.record_heard(CallRecord(site=SITE, linkedid=linkedid))
            asked = await asyncio.gather(
                recorder.offer(offer(f"2.{number}", linkedid=linkedid)),
                other.offer(offer(f"3.{number}", linkedid=linkedid)),
                recorder.exclude(SITE, linkedid, "sampled_out"),
                other.exclude(SITE, linkedid, "too_short"),
            )
            assert asked[:2].count(True) == 1

    async def both(connection):
        return (
            await connection.exec_driver_sql(
                "SELECT count(*) FROM call JOIN survey USING (site_id, linkedid) WHERE call.exclusion <> ''"
            )
        ).scalar()

    assert await database.read(both) == 0
    assert await verify(database) == []


async def test_a_call_of_which_two_replicas_hear_first_at_once_is_counted_once(url, recorder, database):
    async with await open_database(url) as second:
        for number in range(10):
            call = CallRecord(site=SITE, linkedid=f"1.{number}", agent=ANA, ended_at=at(60), ended_by="caller")
            await asyncio.gather(
                *(own.record_heard(call, exclusion="caller_hung_up") for own in (recorder, Recorder(second)))
            )
    [counted] = await call_counts(database, CountFilter())
    assert (counted.exclusion, counted.calls) == ("caller_hung_up", 10)
    assert await verify(database) == []


@pytest.mark.parametrize("rounds", [3])
async def test_an_answer_that_was_acknowledged_outlives_kill_9(url, recorder, database, rounds):
    script = textwrap.dedent("""
        import asyncio, sys
        from storage.engine import open_database
        from storage.recorder import Recorder
        from tests.storage.samples import SITE, offer, rated

        async def main(url, prefix):
            async with await open_database(url) as database:
                recorder = Recorder(database)
                for number in range(100_000):
                    survey = f"{prefix}.{number}"
                    await recorder.offer(offer(survey))
                    await recorder.record_answer(SITE, survey, rated(5))
                    print(survey, flush=True)

        asyncio.run(main(*sys.argv[1:]))
    """)
    acknowledged: set[str] = set()
    for prefix in range(rounds):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, url, str(prefix), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(30):
            for _ in range(20 + prefix):
                acknowledged.add((await process.stdout.readline()).decode().strip())
            process.send_signal(signal.SIGKILL)
            acknowledged.update((await process.stdout.read()).decode().split())
            assert await process.wait() == -signal.SIGKILL

    async def kept(connection):
        return set((await connection.exec_driver_sql("SELECT survey FROM answer WHERE value = 5")).scalars())

    assert len(acknowledged) >= 60
    assert acknowledged <= await database.read(kept)
    assert await verify(database) == []
