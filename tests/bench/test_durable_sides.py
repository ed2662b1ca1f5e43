"""The benchmark of durable ratings does what it says: surveys are kept and counted, and rows are there."""

from pathlib import Path

from sqlalchemy import text

from bench.durable_sides import Ours, open_bare
from storage.engine import open_database
from storage.verify import verify


async def test_our_side_keeps_and_counts_every_survey_and_tells_what_it_took(url: str, tmp_path: Path) -> None:
    async with Ours(url, tmp_path) as ours:
        ours.watch()
        assert await ours.surveys(7, callers=3) > 0
    async with await open_database(url) as database:
        ended = text("SELECT count(*) FROM survey s JOIN answer a ON a.survey = s.survey WHERE s.status = 'completed'")
        assert await database.read(lambda connection: connection.scalar(ended)) == 7
        assert await database.read(lambda connection: connection.scalar(text("SELECT sum(ratings) FROM tally"))) == 7000
        assert await verify(database) == []
    assert 0 < ours.spent.commits <= 4 * 7
    assert ours.spent.statements > ours.spent.commits


async def test_the_bare_side_inserts_the_same_number_of_rows_however_many_a_commit(url: str) -> None:
    bare = await open_bare(url)
    try:
        assert await bare.insert(10, 5) > 0
        assert await bare.insert(3, 1) > 0
    finally:
        await bare.close()
    async with await open_database(url) as database:
        try:
            assert await database.read(lambda connection: connection.scalar(text("SELECT count(*) FROM bare"))) == 13
        finally:
            await database.write(lambda connection: connection.execute(text("DROP TABLE bare")))
