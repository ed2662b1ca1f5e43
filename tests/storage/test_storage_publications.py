"""Publications: only ever added, numbered without doubles, whoever else publishes at the same time."""

import asyncio

import pytest

from ivr.errors import DatabaseError
from storage.publication_queries import flow_versions_like, publications, publications_unless, surveys_by_version
from storage.records import PublicationRecord
from storage.tables import Publication
from tests.storage.samples import at, offer, rows, version


def publication(digest="aa", **changes):
    given = {"flow": "csat", "digest": digest, "in_force_from": at(0), "published_at": at(0), "way": "command"}
    return PublicationRecord(**{**given, **changes})


async def test_publications_are_numbered_by_flow_and_read_as_they_were_written(recorder, database):
    await recorder.publish(version("bb", flow="nps"))
    written = [
        await recorder.put_in_force(publication(published_by="ana")),
        await recorder.put_in_force(publication(in_force_from=at(60), way="rollback")),
        await recorder.put_in_force(publication("bb", flow="nps", way="file", published_by="nps.yaml")),
    ]
    assert [(one.flow, one.number) for one in written] == [("csat", 1), ("csat", 2), ("nps", 1)]
    assert await publications(database) == written
    assert await publications(database, "nps") == written[2:]
    assert await publications_unless(database, 3) is None
    assert await publications_unless(database, 2) == written


async def test_a_publication_that_is_repeated_after_a_lost_answer_stands_once(recorder, database):
    first = await recorder.put_in_force(publication())
    await recorder.put_in_force(publication(in_force_from=at(5), published_at=at(5)))
    assert await recorder.put_in_force(publication()) == first
    assert len(await publications(database)) == 2


async def test_a_version_must_be_stored_before_it_is_in_force(recorder):
    with pytest.raises(DatabaseError):
        await recorder.put_in_force(publication("never"))


async def test_what_another_replica_has_published_is_seen_before_publishing(recorder, database):
    def unless(standing):
        return any(one.digest == "aa" for one in standing)

    replicas = [publication(published_at=at(second)) for second in range(8)]
    done = await asyncio.gather(*(recorder.put_in_force(one, unless=unless) for one in replicas))
    assert len([one for one in done if one]) == 1
    assert len(await publications(database)) == 1


async def test_many_at_once_get_numbers_of_their_own(recorder, database):
    many = [publication(published_at=at(second)) for second in range(8)]
    await asyncio.gather(*(recorder.put_in_force(one) for one in many))
    assert [row["number"] for row in await rows(database, Publication)] == list(range(1, 9))


async def test_surveys_are_counted_by_version(recorder, database):
    await recorder.publish(version("bb", flow="nps"))
    for survey in ("1.1", "1.2"):
        await recorder.offer(offer(survey))
    await recorder.offer(offer("1.3", flow="nps", flow_version="bb"))
    assert await surveys_by_version(database) == {"aa": 2, "bb": 1}
    assert await surveys_by_version(database, "nps") == {"bb": 1}


async def test_a_version_is_found_by_the_start_of_its_digest_and_wildcards_are_text(recorder, database):
    await recorder.publish(version("ab"))
    assert [one.digest for one in await flow_versions_like(database, "a")] == ["aa", "ab"]
    assert [one.digest for one in await flow_versions_like(database, "ab")] == ["ab"]
    assert await flow_versions_like(database, "%") == []
