"""What is in force, as the database last said it: kept beside the service, for a start while the database is away."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog
from pydantic import TypeAdapter, ValidationError

from ivr.errors import DatabaseError
from storage.journal import Journal
from storage.records import FlowVersionRecord, PublicationRecord

log = structlog.get_logger()

NAME = "flows in force"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """All that a shelf is filled from."""

    publications: Sequence[PublicationRecord]
    versions: Sequence[FlowVersionRecord]
    """Those that were in force, or were to be."""


_BODY: TypeAdapter[Shelved] = TypeAdapter(Shelved)


class ShelfCopy:
    """Keeps a copy of the shelf in a journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def keep(self, publications: Collection[PublicationRecord], versions: Collection[FlowVersionRecord]) -> None:
        """Replace the copy. One that cannot be written only makes the next start harder."""
        shelved = Shelved(publications=list(publications), versions=list(versions))
        try:
            await self._journal.keep_copy(NAME, _BODY.dump_json(shelved).decode())
        except DatabaseError as error:
            log.error("the flows in force are not kept for a start without the database", why=str(error))

    async def recall(self) -> Shelved | None:
        """What was kept last; None when nothing was, or nothing that can be read. Raises `DatabaseError`."""
        body = await self._journal.copy(NAME)
        try:
            return _BODY.validate_json(body) if body else None
        except ValidationError:
            return None  # it is of another version of this service
