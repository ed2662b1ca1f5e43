"""Keeps the shelf of flows up to date while the service runs: from the folder into the database, and from there back.

The publications in the database are the one truth of what is in force. A file in the folder, a command on any machine
and another replica all add to them, and every replica reads them again each second.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from callflows.loader import LIBRARY, FlowVersion, load_flow, parse_flow
from ivr.errors import DatabaseAway, DatabaseError, FlowError, SettingsError
from ivr.surveys.flow_folder import FlowFile, FlowFolder
from ivr.surveys.flows import FlowShelf
from ivr.surveys.shelf_copy import ShelfCopy
from ivr.surveys.versions import in_force, is_published_by_file, is_superseded_or_shipped, moment
from storage.engine import Database
from storage.publication_queries import flow_versions, publications_unless
from storage.recorder import Recorder
from storage.records import FlowVersionRecord, PublicationRecord, Way

log = structlog.get_logger()

STEP_SECONDS = 1.0
"""Between two looks at the folder and the database: a saved file is in force within two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A file that is not in force as it stands, and why."""

    path: Path
    flow: str
    """The flow that its last good content was, ``""`` when it never had any."""
    at: datetime
    mistakes: tuple[str, ...]
    """The checker's lines, with file, line and column."""


@dataclass(slots=True, kw_only=True)
class FlowsStatus:
    """What went on with the flows, for whoever shows it."""

    files: Mapping[Path, FlowFile] = field(default_factory=dict)
    refusals: Mapping[Path, Refusal] = field(default_factory=dict)
    """The files that are refused as they stand."""
    orphans: frozenset[str] = frozenset()
    """The flows that a file held since the start, and none does any more; their last good version stays."""
    refused: int = 0
    """How often a file was refused since the start, each change once."""
    published: int = 0
    """How often this process put a version in force since the start."""
    problem: str = ""
    """Why the folder or the database could not be looked at the last time; empty when all is well."""


class Publishing:
    """Puts good files in force, and what is in force on the shelf. `now` tells the time, with its zone; `copy` keeps
    what is in force for a start without the database."""

    def __init__(
        self,
        *,
        database: Database,
        shelf: FlowShelf,
        folder: Path | None,
        now: Callable[[], datetime],
        copy: ShelfCopy | None = None,
    ) -> None:
        self.status = FlowsStatus()
        self._database = database
        self._recorder = Recorder(database)
        self._shelf = shelf
        self._now = now
        self._place = folder
        self._folder = FlowFolder(folder) if folder else None
        self._copy = copy
        self._shipped: list[FlowVersion] = []
        """Those that the database was not yet offered."""
        self._offered: dict[str, str] = {}
        self._publications: list[PublicationRecord] = []
        self._versions: dict[str, FlowVersion] = {}
        self._unreadable: set[str] = set()

    async def start(self) -> str:
        """Publish what is new among the shipped flows and the files, and fill the shelf. Returns ``""``, or else why
        the database is away: then the shelf has what was in force when that was last there.

        Raises `DatabaseError`, also when that is not known, and `SettingsError` when the folder cannot be read. A
        broken file does not keep the service from starting: the version that was in force before still is.
        """
        if self._place and not self._place.is_dir():
            raise SettingsError(f"flows.folder: {self._place} is not a folder")
        self._shipped = await asyncio.to_thread(lambda: [load_flow(path) for path in sorted(LIBRARY.glob("*.yaml"))])
        try:
            await self._look(at_once=True)
        except OSError as error:
            raise SettingsError(f"flows.folder: {self._place} cannot be read: {error.strerror}") from None
        try:
            await self._settle()
        except DatabaseAway as error:
            if not await self._recall():
                raise
            self.status.problem = str(error)
        return self.status.problem

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(STEP_SECONDS)
            try:
                await self.step()
            except Exception as error:
                # Whatever it is: the flows in force stay, and the next change must not be missed for it.
                log.exception("the flows cannot be looked at")
                self.status.problem = type(error).__name__

    async def step(self) -> None:
        """Look once at the folder and at the database. What cannot be done now is tried again at the next step."""
        problems: list[str] = []
        try:
            await self._look()
        except OSError as error:
            problems.append(f"flows.folder: {self._place} cannot be read: {error.strerror}")
        try:
            await self._settle()
        except DatabaseError as error:
            problems.append(str(error))
        self._trouble("; ".join(problems))

    def mistakes(self) -> list[str]:
        """Every line that is to be said of the files that are refused."""
        return [line for refusal in self.status.refusals.values() for line in refusal.mistakes]

    def _trouble(self, problem: str) -> None:
        if problem and problem != self.status.problem:
            log.error("changes of flows are not seen; those in force stay", why=problem)
        if self.status.problem and not problem:
            log.info("changes of flows are seen again")
        self.status.problem = problem

    async def _look(self, *, at_once: bool = False) -> None:
        if self._folder is None:
            return
        files = await asyncio.to_thread(partial(self._folder.look, at_once=at_once))
        before, self.status.files = self.status.files, files
        refusals: dict[Path, Refusal] = {}
        for path, file in files.items():
            if file == before.get(path):
                if path in self.status.refusals:
                    refusals[path] = self.status.refusals[path]
                continue
            if file.mistakes:
                refusals[path] = Refusal(path=path, flow=file.flow, at=self._now(), mistakes=file.mistakes)
                self.status.refused += 1
                log.error("a flow file is refused", file=str(path), flow=file.flow, mistakes=list(file.mistakes))
        self.status.refusals = refusals
        held = {file.flow for file in files.values()}
        orphans = frozenset({*self._offered, *self.status.orphans} - held)
        for flow in sorted(orphans - self.status.orphans):
            log.warning("no file holds a flow any more; its last good version stays in force", flow=flow)
        self.status.orphans = orphans

    async def _settle(self) -> None:
        """Have the database know what is new here, and know what is new there."""
        while self._shipped:
            await self._publish(self._shipped[0], "shipped", "", unless=is_superseded_or_shipped)
            del self._shipped[0]
        # After the shipped ones: of two with one code, the admin's own holds.
        await self._publish_files()
        await self.refresh()

    async def _recall(self) -> bool:
        """Fill the shelf with what was in force when the database was last there; False when that is not known."""
        kept = await self._copy.recall() if self._copy else None
        if kept is None:
            return False
        versions = {record.digest: version for record in kept.versions if (version := self._read(record))}
        self._shelf.update([one for one in kept.publications if one.digest in versions], versions)
        return True

    async def _publish_files(self) -> None:
        for file in list(self.status.files.values()):
            version = file.version
            if version is None or self._offered.get(file.flow) == version.digest:
                continue
            await self._publish(version, "file", file.path.name, unless=is_published_by_file)
            # Only now: what the database did not take is offered again at the next step.
            self._offered[file.flow] = version.digest

    async def _publish(
        self,
        version: FlowVersion,
        way: Way,
        by: str,
        *,
        unless: Callable[[list[PublicationRecord], str], bool],
    ) -> None:
        now = self._now()
        await self._recorder.publish(version_record(version, now))
        publication = PublicationRecord(
            flow=version.flow.flow,
            digest=version.digest,
            in_force_from=now,
            published_at=now,
            way=way,
            published_by=by,
        )
        added = await self._recorder.put_in_force(
            publication, unless=lambda standing: unless(list(standing), version.digest)
        )
        if added:
            self.status.published += 1
            # The first start puts every shipped flow in force: nobody's news.
            tell = log.debug if way == "shipped" else log.info
            tell("a flow is published", flow=version.flow.flow, version=version.digest[:12], way=way, by=by)

    async def refresh(self) -> None:
        """Take over the publications of all replicas and commands, with the versions that they need."""
        found = await publications_unless(self._database, len(self._publications))
        if found is None:
            return
        readable, versions = found, dict(self._versions)
        while True:
            readable = [one for one in found if one.digest not in self._unreadable]
            needed = _needed(readable, self._now()) - versions.keys()
            if not needed:
                break
            stored = {record.digest: record for record in await flow_versions(self._database, needed)}
            for digest in needed:
                version = self._read(stored[digest])
                if version is None:
                    self._unreadable.add(digest)
                else:
                    versions[digest] = version
        self._publications, self._versions = found, versions
        self._shelf.update(readable, versions)
        if self._copy:
            needed = _needed(readable, self._now())
            records = [version_record(one, self._now()) for digest, one in versions.items() if digest in needed]
            await self._copy.keep(readable, records)

    def _read(self, record: FlowVersionRecord) -> FlowVersion | None:
        try:
            # The stored digest is the version's name, even if this release would hash the same source otherwise.
            return replace(parse_flow(record.source, f"{record.flow} {record.digest[:12]}"), digest=record.digest)
        except FlowError as error:
            log.error(
                "a published version cannot be read by this release; the one before is put to callers",
                flow=record.flow,
                version=record.digest[:12],
                mistakes=str(error).splitlines(),
            )
            return None


def version_record(version: FlowVersion, at: datetime) -> FlowVersionRecord:
    """A version as it is stored, first published at `at`."""
    return FlowVersionRecord(
        digest=version.digest,
        flow=version.flow.flow,
        title=version.flow.title,
        source=version.source,
        published_at=at,
    )


def _needed(publications: Iterable[PublicationRecord], now: datetime) -> set[str]:
    """The digests of all versions that are in force now or will be."""
    by_flow: dict[str, list[PublicationRecord]] = {}
    for one in publications:
        by_flow.setdefault(one.flow, []).append(one)
    needed: set[str] = set()
    for ones in by_flow.values():
        at = moment(ones, now)
        current = in_force(ones, at)
        needed |= {one.digest for one in ones if one is current or one.in_force_from > at}
    return needed
