"""What the service should say, counted again: plain SQL over calls, legs, surveys and answers, and no code of ours.

None of the tables that count is read. Shares of surveys are counted in whole thousandths, as they are stored.
"""

import math
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FACTS = """
-- A row for each agent of each survey.
CREATE TEMP TABLE asked AS
SELECT survey.site_id AS site, survey.survey, survey.linkedid, survey.queue, survey.reason, survey.flow, survey.status,
       COALESCE(credit.agent, survey.agent) AS agent,
       COALESCE(credit.parts, 1000) AS parts,
       COALESCE((SELECT team FROM agent WHERE agent.site_id = survey.site_id
                    AND agent.agent = COALESCE(credit.agent, survey.agent)), '') AS team,
       local_day(survey.site_id, survey.offered_at) AS day,
       survey.started_at IS NOT NULL AS started,
       EXISTS (SELECT 1 FROM answer
                WHERE answer.site_id = survey.site_id AND answer.survey = survey.survey
                  AND value IS NOT NULL) AS answered,
       (SELECT value FROM answer
         WHERE answer.site_id = survey.site_id AND answer.survey = survey.survey AND is_rating) AS rating
  FROM survey LEFT JOIN credit ON credit.site_id = survey.site_id AND credit.survey = survey.survey
 WHERE NOT survey.trial;

CREATE INDEX asked_linkedid ON asked (linkedid);

-- A row for each of these and each question that was answered with a value.
CREATE TEMP TABLE said AS
SELECT asked.*, answer.question, answer.is_rating, answer.value
  FROM asked JOIN answer ON answer.site_id = asked.site AND answer.survey = asked.survey
 WHERE answer.ended = 'answered';

-- A row for each agent of each call that is over and was asked or excluded.
CREATE TEMP TABLE counted AS
SELECT call.site_id AS site, call.linkedid,
       COALESCE(asked.agent, call.agent) AS agent,
       COALESCE(asked.team, (SELECT team FROM agent WHERE agent.site_id = call.site_id
                                AND agent.agent = call.agent), '') AS team,
       COALESCE(asked.queue, call.queue) AS queue,
       COALESCE(asked.reason, call.reason) AS reason,
       COALESCE(asked.day, local_day(call.site_id, call.ended_at)) AS day,
       COALESCE(asked.parts, 1000) AS parts,
       asked.rating,
       CASE WHEN asked.survey IS NULL THEN call.exclusion ELSE '' END AS exclusion,
       COALESCE(call.ended_by, 'unknown') AS ended_by,
       local_hour(call.site_id, call.ended_at) AS hour,
       (SELECT SUM(talk_seconds) FROM leg WHERE leg.site_id = call.site_id AND leg.linkedid = call.linkedid) AS talk
  FROM call LEFT JOIN asked ON asked.site = call.site_id AND asked.linkedid = call.linkedid
 WHERE call.ended_at IS NOT NULL AND (asked.survey IS NOT NULL OR call.exclusion <> '');
"""


class Facts:
    """The facts of one database file, at sites in these zones."""

    def __init__(self, path: Path, zones: Mapping[str, ZoneInfo]) -> None:
        self._file = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

        def local(site: str, told: str) -> datetime:
            return datetime.fromisoformat(told).replace(tzinfo=UTC).astimezone(zones[site])

        self._file.create_function("local_day", 2, lambda *told: local(*told).date().isoformat(), deterministic=True)
        self._file.create_function("local_hour", 2, lambda *told: local(*told).hour, deterministic=True)
        self._file.create_function("week", 1, week, deterministic=True)
        self._file.create_function("month", 1, lambda day: day[:8] + "01", deterministic=True)
        self._file.execute("PRAGMA temp_store = MEMORY")
        self._file.executescript(FACTS)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        return self._file.execute(statement, parameters).fetchall()

    def ratings(self, by: Sequence[str], where: str) -> dict[tuple[str, ...], dict[int, float]]:
        """Ratings by value, for each group."""
        found: dict[tuple[str, ...], dict[int, float]] = {}
        keys = ", ".join(map(spelled, by))
        for *key, rating, parts in self.rows(
            f"SELECT {keys}, rating, SUM(parts) FROM asked WHERE rating IS NOT NULL AND {where} GROUP BY {keys}, rating"
        ):
            found.setdefault(tuple(key), {})[rating] = parts / 1000
        return found

    def steps(self, by: Sequence[str], where: str) -> dict[tuple[str, ...], dict[str, float]]:
        """Surveys that reached each step, for each group."""
        keys = ", ".join(map(spelled, by))
        statuses = ("completed", "partial", "no_input", "hung_up", "failed")
        sums = ", ".join(f"SUM(parts * (status = '{status}'))" for status in statuses)
        return {
            tuple(row[: len(by)]): dict(
                zip(("offered", "started", "answered", *statuses), (n / 1000 for n in row[len(by) :]), strict=True)
            )
            for row in self.rows(
                f"SELECT {keys}, SUM(parts), SUM(parts * started), SUM(parts * answered), {sums}"
                f" FROM asked WHERE {where} GROUP BY {keys}"
            )
        }

    def calls(self, by: Sequence[str], where: str) -> dict[tuple[Any, ...], float]:
        """Calls that are over, for each group."""
        keys = ", ".join(map(spelled, by))
        return {
            tuple(key): parts / 1000
            for *key, parts in self.rows(f"SELECT {keys}, SUM(parts) FROM counted WHERE {where} GROUP BY {keys}")
        }


def spelled(dimension: str) -> str:
    """A dimension as SQL."""
    return f"{dimension}(day)" if dimension in ("week", "month") else dimension


def between(first: date, last: date) -> str:
    """The days of a period as a condition."""
    return f"day BETWEEN '{first.isoformat()}' AND '{last.isoformat()}'"


def week(day: str) -> str:
    """The Monday of a day's week."""
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


Z = 1.959963984540054


def wilson(count: float, n: float) -> tuple[float, float]:
    """The two shares x from which `count` of `n` is Z standard errors away: (count / n - x)² = Z² x (1 - x) / n."""
    p = count / n
    a, b, c = 1 + Z * Z / n, -(2 * p + Z * Z / n), p * p
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)
