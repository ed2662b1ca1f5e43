"""The flows that can be put to callers, each in the version that is in force at the moment when one asks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from callflows.loader import FlowVersion
from ivr.errors import SettingsError
from ivr.surveys.versions import coming, in_force, in_force_since, moment
from storage.records import PublicationRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A flow as it stands at one moment."""

    version: FlowVersion
    publication: PublicationRecord
    """The one by which the version is in force."""
    since: datetime
    """Since when it has been so without a break."""
    coming: PublicationRecord | None
    """What is planned next, if anything."""


class FlowShelf:
    """Every flow, by code. A version that was handed out never changes: a call under way keeps its own."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._publications: Mapping[str, tuple[PublicationRecord, ...]] = {}
        self._versions: Mapping[str, FlowVersion] = {}

    def update(self, publications: Iterable[PublicationRecord], versions: Mapping[str, FlowVersion]) -> None:
        """Go by these publications from now on; `versions`, by digest, has each that is in force now or later."""
        by_flow: dict[str, list[PublicationRecord]] = {}
        for one in publications:
            by_flow.setdefault(one.flow, []).append(one)
        self._publications = {flow: tuple(ones) for flow, ones in by_flow.items()}
        self._versions = dict(versions)

    @property
    def codes(self) -> list[str]:
        """The codes of the flows that have a version in force, sorted."""
        return [flow for flow in sorted(self._publications) if self.find(flow) is not None]

    @property
    def variables(self) -> list[str]:
        """The channel variables that the flows in force name, in order."""
        return sorted({name for version in self._versions.values() for name in version.flow.variables})

    def find(self, code: str) -> FlowVersion | None:
        """The version in force of the flow `code`."""
        publications = self._publications.get(code, ())
        publication = in_force(publications, moment(publications, self._now()))
        return self._versions.get(publication.digest) if publication else None

    def state(self, code: str) -> InForce | None:
        """The flow `code` as it stands now; None when no version of it is in force."""
        publications = self._publications.get(code, ())
        now = moment(publications, self._now())
        publication, since = in_force(publications, now), in_force_since(publications, now)
        if publication is None or since is None or publication.digest not in self._versions:
            return None
        return InForce(
            version=self._versions[publication.digest],
            publication=publication,
            since=since,
            coming=coming(publications, now),
        )

    def require(self, code: str, *, setting: str) -> FlowVersion:
        """The version in force of `code`; raises `SettingsError` that names `setting` when there is none."""
        version = self.find(code)
        if version is None:
            publications = self._publications.get(code, ())
            planned = coming(publications, moment(publications, self._now()))
            if planned:
                raise SettingsError(
                    f"{setting}: flow {code!r} is not in force before {planned.in_force_from.isoformat()}"
                )
            raise SettingsError(f"{setting}: there is no flow {code!r}; there are {', '.join(self.codes)}")
        return version
