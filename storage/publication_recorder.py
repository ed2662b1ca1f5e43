"""Writes which version of a flow is in force from when. Publications are only ever added."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ivr.errors import DatabaseError
from storage.engine import Database
from storage.publication_queries import read_publications
from storage.records import PublicationRecord
from storage.tables import Publication
from storage.transaction import Transaction
from storage.upsert import insert_new

ATTEMPTS = 20
"""How often another replica may take the number first before something else must be wrong."""


class PublicationRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_in_force(
        self,
        publication: PublicationRecord,
        *,
        unless: Callable[[Sequence[PublicationRecord]], bool] = lambda _: False,
    ) -> PublicationRecord | None:
        """Add a publication of a stored version after all others of its flow, and return it with its number.

        It comes into force no earlier than any of them was published: it follows them also when the clock was put back.
        None, and nothing changed, when `unless` says so of the publications there are: it sees those of every other
        replica. One that stands already, word for word, is returned as it stands.
        """

        async def work(connection: Transaction) -> PublicationRecord | None:
            for _ in range(ATTEMPTS):
                standing = await read_publications(connection, publication.flow)
                if unless(standing):
                    return None
                latest = max((one.published_at for one in standing), default=publication.published_at)
                following = replace(publication, in_force_from=max(publication.in_force_from, latest))
                for one in standing:
                    if replace(one, number=publication.number) in (publication, following):
                        return one
                # Another replica may take the number between the look and the insertion; then one looks again.
                numbered = replace(following, number=max((one.number for one in standing), default=0) + 1)
                if await insert_new(
                    connection,
                    Publication,
                    flow=numbered.flow,
                    number=numbered.number,
                    digest=numbered.digest,
                    in_force_from=numbered.in_force_from,
                    published_at=numbered.published_at,
                    way=numbered.way,
                    published_by=numbered.published_by,
                ):
                    return numbered
            raise DatabaseError(f"flow {publication.flow} is not published: too many others publish it at once")

        return await self._database.write(work)
