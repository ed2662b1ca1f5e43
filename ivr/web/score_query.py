"""What a request for scores asks: period, site, flow, queue and reason, each wrong one refused by name."""

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from multidict import MultiMapping

from ivr.web.problems import wrong_parameter
from storage.records import CountFilter

PARAMETERS = ("site", "flow", "queue", "reason", "from", "to")
DEFAULT_DAYS = 30
"""Length of the period when no `from` is given, today included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSite:
    """A site whose scores can be asked for."""

    zone: ZoneInfo
    flow: str
    """The flow that is scored when the request names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreQuery:
    """A request for scores, checked."""

    site: str
    zone: ZoneInfo
    flow: str
    from_day: date
    to_day: date
    """The last day, itself included."""
    queue: str | None
    reason: str | None

    @property
    def begins(self) -> datetime:
        """The first moment of the period, in the site's zone."""
        return datetime.combine(self.from_day, time.min, self.zone)

    @property
    def ends(self) -> datetime:
        """The first moment after the period, in the site's zone."""
        return datetime.combine(self.to_day + timedelta(days=1), time.min, self.zone)

    def filter(self, agent: str | None = None) -> CountFilter:
        """The counts that answer the request."""
        return CountFilter(
            site=self.site,
            agent=agent,
            queue=self.queue,
            reason=self.reason,
            flow=self.flow,
            from_day=self.from_day,
            to_day=self.to_day,
        )


def parse_score_query(
    query: MultiMapping[str],
    *,
    sites: Mapping[str, ScoredSite],
    flows: Collection[str],
    now: Callable[[], datetime],
) -> ScoreQuery:
    """Read the query of a URL. Raises `Problem` (400) that names the first wrong parameter."""
    for name in query:
        if name not in PARAMETERS:
            near = difflib.get_close_matches(name, PARAMETERS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise wrong_parameter(name, query[name], f"no such parameter; there are {', '.join(PARAMETERS)}{hint}")
        if len(query.getall(name)) > 1:
            raise wrong_parameter(name, ", ".join(query.getall(name)), "one value")
    site = _one_of("site", query.get("site", next(iter(sites))), sites)
    zone = sites[site].zone
    today = now().astimezone(zone).date()
    to_day = _day("to", query["to"]) if "to" in query else today
    from_day = _day("from", query["from"]) if "from" in query else to_day - timedelta(days=DEFAULT_DAYS - 1)
    if from_day > to_day:
        raise wrong_parameter("from", from_day.isoformat(), f"a day not after `to`, which is {to_day.isoformat()}")
    return ScoreQuery(
        site=site,
        zone=zone,
        flow=_one_of("flow", query.get("flow", sites[site].flow), flows),
        from_day=from_day,
        to_day=to_day,
        queue=query.get("queue"),
        reason=query.get("reason"),
    )


def _one_of(name: str, given: str, allowed: Collection[str]) -> str:
    if given not in allowed:
        raise wrong_parameter(name, given, f"one of {', '.join(sorted(allowed))}")
    return given


def _day(name: str, given: str) -> date:
    try:
        day = datetime.strptime(given, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone of its own
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 2999:
        raise wrong_parameter(name, given, "a day such as 2026-11-22, in the site's zone")
    return day
