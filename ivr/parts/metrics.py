"""What is measured of the service: counters that it keeps itself, and the state of its parts when somebody asks."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib import metadata
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.link import AmiLink
from ivr.errors import DatabaseError
from ivr.live import LiveFeed, SurveyNews
from ivr.parts.jobs import Jobs
from ivr.surveys.callbacks import Callbacks
from ivr.surveys.conduct import Since, SurveyDesk
from ivr.surveys.facts import FactWriter
from ivr.surveys.publishing import Publishing
from storage import queries
from storage.engine import Database, Kind
from storage.journal import Journal
from storage.records import CountFilter

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """What is counted as it happens."""

    def __init__(self) -> None:
        # Of one service: several of them may run in one process, and each has counts of its own.
        self.registry = CollectorRegistry()
        self._surveys = Counter(
            "postcall_surveys_ended", "Surveys that ended, by how.", ["site", "flow", "outcome"], registry=self.registry
        )
        self._offered = Counter(
            "postcall_surveys_offered", "Surveys that began.", ["site", "flow"], registry=self.registry
        )
        self._answers = Counter("postcall_answers", "Answers with a value.", ["site", "flow"], registry=self.registry)
        self._begun = Histogram(
            "postcall_survey_begin_seconds",
            "How long callers waited for the first prompt: from the agent's hang-up, or else from the PBX's request.",
            ["site", "since"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._transactions = Histogram(
            "postcall_database_seconds",
            "A transaction with all its attempts and its waiting.",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._failures = Counter(
            "postcall_database_failures", "Transactions that failed.", ["kind"], registry=self.registry
        )

    def tell(self, news: SurveyNews) -> None:
        """Something happened to a survey."""
        match news.happened:
            case "offered":
                self._offered.labels(news.site, news.flow).inc()
            case "answered":
                self._answers.labels(news.site, news.flow).inc()
            case "ended":
                self._surveys.labels(news.site, news.flow, news.outcome).inc()

    def begun(self, site: str, since: Since, seconds: float) -> None:
        """A survey began, and so long the caller had waited."""
        self._begun.labels(site, since).observe(seconds)

    def transaction(self, kind: Kind, seconds: float, is_done: bool) -> None:
        """A transaction took so long."""
        self._transactions.labels(kind).observe(seconds)
        if not is_done:
            self._failures.labels(kind).inc()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The parts that are looked at when somebody asks."""

    meters: Meters
    database: Database
    zones: Mapping[str, ZoneInfo]
    """By site."""
    links: Mapping[str, AmiLink]
    agi: AgiServer
    desk: SurveyDesk
    callbacks: Callbacks
    live: LiveFeed
    refused: Mapping[str, int]
    """How many were not let in at the web's door, by why."""
    jobs: Jobs
    facts: FactWriter
    publishing: Publishing
    journal: Journal | None

    async def measure(self) -> Iterable[Metric]:
        """All that is measured, as it is now."""
        return [
            *self.meters.registry.collect(),
            InfoMetricFamily("postcall_build", "The version.", {"version": metadata.version("postcall")}),
            *_of_links(self.links),
            *self._of_agi(),
            *self._of_surveys(),
            *self._of_people(),
            *self._of_waiting(),
            *await self._of_calls(),
        ]

    def _of_agi(self) -> Iterable[Metric]:
        counts = self.agi.counts
        yield GaugeMetricFamily("postcall_fastagi_open", "FastAGI connections that are open.", counts.open)
        accepted = "postcall_fastagi_accepted", "FastAGI connections with a whole header."
        yield CounterMetricFamily(*accepted, counts.accepted)
        refused = CounterMetricFamily(
            "postcall_fastagi_refused", "FastAGI connections that were not served, by why.", labels=["why"]
        )
        for why, count in (
            ("too_many", counts.refused),
            ("bad_request", counts.bad_requests),
            ("unknown_route", counts.unknown_routes),
        ):
            refused.add_metric([why], count)
        yield refused
        yield CounterMetricFamily("postcall_fastagi_failed", "Calls whose handling failed.", counts.failed)

    def _of_surveys(self) -> Iterable[Metric]:
        opened = GaugeMetricFamily("postcall_surveys_open", "Surveys that are under way.", labels=["site"])
        for site in self.zones:
            opened.add_metric([site], self.desk.open[site])
        yield opened
        callbacks = CounterMetricFamily(
            "postcall_callbacks", "Tries of call-backs, by how they ended.", labels=["site", "result"]
        )
        for (site, result), count in sorted(self.callbacks.ended.items()):
            callbacks.add_metric([site, result], count)
        yield callbacks

    def _of_people(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("postcall_live_clients", "Clients who are told live.", self.live.followers)
        refused = CounterMetricFamily("postcall_sign_ins_refused", "Those who were not let in, by why.", labels=["why"])
        for why in ("password", "wait", "link", "token"):
            refused.add_metric([why], self.refused.get(why, 0))
        yield refused

    def _of_waiting(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "postcall_facts_waiting", "Calls that are to be written to the database.", self.facts.waiting
        )
        yield CounterMetricFamily(
            "postcall_facts_given_up",
            "Calls that were never written: too many waited, or the database refused one.",
            self.facts.given_up,
        )
        held = GaugeMetricFamily("postcall_job", "Whether a job is this replica's.", labels=["job"])
        for job in sorted(self.jobs.names):
            held.add_metric([job], self.jobs.has(job))
        yield held
        yield GaugeMetricFamily("postcall_tasks", "What goes on at once: calls, and what runs beside them.", _tasks())
        retries = "postcall_database_retries", "Transactions that were run again."
        yield CounterMetricFamily(*retries, self.database.retries)
        mistakes = len(self.publishing.mistakes())
        yield GaugeMetricFamily("postcall_flow_mistakes", "Mistakes in flow files that are not published.", mistakes)
        if self.journal:
            age = self.journal.oldest_seconds
            yield GaugeMetricFamily(
                "postcall_journal_entries", "Entries that wait for the database.", self.journal.waiting
            )
            yield GaugeMetricFamily("postcall_journal_age_seconds", "For how long the oldest has waited.", age)

    async def _of_calls(self) -> Iterable[Metric]:
        """What the database counts of today's calls: the same at every replica."""
        calls = GaugeMetricFamily(
            "postcall_calls_today",
            "Calls that are over, by the reason code for which they were not asked; empty for those that were.",
            labels=["site", "reason_code"],
        )
        up = GaugeMetricFamily("postcall_database_up", "Whether the database answers.")
        try:
            for site, zone in self.zones.items():
                today = _today(zone)
                narrowed = CountFilter(site=site, from_day=today, to_day=today)
                counts: dict[str, float] = {}
                for row in await queries.call_counts(self.database, narrowed, by=()):
                    counts[row.exclusion] = counts.get(row.exclusion, 0.0) + float(row.calls)
                for code, count in sorted(counts.items()):
                    calls.add_metric([site, code], count)
        except DatabaseError:
            up.add_metric([], 0)
        else:
            up.add_metric([], 1)
        return [up, calls]


def _of_links(links: Mapping[str, AmiLink]) -> Iterable[Metric]:
    states = {site: link.state for site, link in links.items()}
    gauges = {
        "connected": "Whether the AMI link is up.",
        "lag_seconds": "From Asterisk's own time of the last event to its arrival.",
        "waiting_events": "Call events that were not handled yet.",
    }
    counters = {
        "events": "Events that mean something for calls.",
        "reconnects": "Sessions after the first one.",
        "skipped_messages": "Messages that could not be read.",
        "dropped_events": "Call events thrown away, as too many waited.",
        "consumer_errors": "Call events whose handling failed.",
        "unattributable": "Ends of talks that fitted no leg.",
        "armed": "Callers who were sent into the survey at the end of their talk.",
        "not_armed": "Callers who could not be.",
    }
    for names, family in ((gauges, GaugeMetricFamily), (counters, CounterMetricFamily)):
        for name, meaning in names.items():
            metric = family(f"postcall_ami_{name}", meaning, labels=["site"])
            for site, state in states.items():
                metric.add_metric([site], float(getattr(state, name)))
            yield metric


def _tasks() -> int:
    return len(asyncio.all_tasks())


def _today(zone: ZoneInfo) -> date:
    return datetime.now(zone).date()
