"""Which person sits at a device: by the site's own list of agents, and else the device itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ivr.calls import AgentRef
from storage.records import AgentRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEntry:
    """One line of a site's list: from `since` until `until`, this is `agent`. At least one of `interface` and `member`
    is given; where both are, both must fit."""

    agent: str
    """The agent's code; never empty."""
    name: str = ""
    team: str = ""
    interface: str = ""
    """The device as the queue knows it, such as ``PJSIP/1001``."""
    member: str = ""
    """The member name in the queue."""
    since: datetime | None = None
    """The first moment; None for always so."""
    until: datetime | None = None
    """The first moment when it is no longer so; None for never."""

    def is_valid(self, at: datetime) -> bool:
        """Whether it is so at that moment."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def overlaps(self, other: "AgentEntry") -> bool:
        """Whether there is a moment at which both are so."""
        return (self.until is None or other.since is None or other.since < self.until) and (
            other.until is None or self.since is None or self.since < other.until
        )


class AgentBook:
    """A site's list of agents. Empty, every device is its own agent."""

    def __init__(self, entries: Iterable[AgentEntry] = (), *, teams: Mapping[str, str] | None = None) -> None:
        """`teams` has the team of each device that is its own agent."""
        self._entries = tuple(entries)
        self._teams = dict(teams or {})

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, ref: AgentRef, at: datetime) -> AgentEntry | None:
        """Who that was at the moment `at`; None when nobody can know.

        Nobody can know when lines of different agents fit, and when lines name the device but none of them for that
        moment or that member. A device that the list does not name is its own agent.
        """
        fitting = [entry for entry in self._entries if entry.is_valid(at) and _fits(entry, ref)]
        if fitting:
            return fitting[0] if len({entry.agent for entry in fitting}) == 1 else None
        if any(entry.interface and _is_device(entry.interface, ref.interface) for entry in self._entries):
            return None
        return AgentEntry(
            agent=ref.interface,
            name="" if ref.name_is_cut else ref.name,
            team=self._teams.get(ref.interface, ""),
            interface=ref.interface,
        )

    @property
    def teams(self) -> frozenset[str]:
        """All teams, whenever."""
        return frozenset(entry.team for entry in self._entries if entry.team) | frozenset(self._teams.values())

    def team_of(self, agent: str, at: datetime) -> str:
        """The team of the agent with that code at the moment `at`: that of the first line which gives one; ``""`` for
        an agent in no team."""
        lines = (entry.team for entry in self._entries if entry.agent == agent and entry.team and entry.is_valid(at))
        return next(lines, self._teams.get(agent, ""))


class AgentDirectory:
    """The lists of all sites. A list may be replaced while the service runs."""

    def __init__(self, books: Mapping[str, AgentBook] | None = None) -> None:
        self._books = dict(books or {})

    def replace(self, site: str, book: AgentBook) -> None:
        """Use another list for a site from now on."""
        self._books[site] = book

    def identify(self, site: str, ref: AgentRef, at: datetime) -> str:
        """The code of whoever sat at a device; ``""`` when that cannot be known."""
        found = self._find(site, ref, at)
        return found.agent if found else ""

    def describe(self, site: str, ref: AgentRef, at: datetime) -> AgentRecord | None:
        """Who sat at a device, by code and name; None when that cannot be known."""
        found = self._find(site, ref, at)
        if found is None:
            return None
        name = found.name or ("" if ref.name_is_cut else ref.name)
        return AgentRecord(site=site, agent=found.agent, interface=ref.interface, name=name, team=found.team)

    def team_of(self, site: str, agent: str, at: datetime) -> str:
        """The team of an agent, by code; ``""`` for one in no team."""
        return self._books.get(site, AgentBook()).team_of(agent, at)

    def _find(self, site: str, ref: AgentRef, at: datetime) -> AgentEntry | None:
        return self._books.get(site, AgentBook()).find(ref, at)


def _fits(entry: AgentEntry, ref: AgentRef) -> bool:
    if entry.interface and not _is_device(entry.interface, ref.interface):
        return False
    if not entry.member:
        return True
    # Several full names may begin like one that was cut: then they all fit, and nobody is sure.
    member = entry.member.partition(",")[0] if ref.name_is_cut else entry.member
    return member == ref.name


def _is_device(listed: str, interface: str) -> bool:
    """Whether both name one device; one of them may have options behind a further slash (``Local/7@agents/n``)."""
    return f"{interface}/".startswith(f"{listed}/") or f"{listed}/".startswith(f"{interface}/")
