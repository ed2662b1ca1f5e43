"""What became of all calls: how many could have been asked, were not and why, were asked, answered; and who hung up."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ivr.scoreboard.board import Scoreboard, ScoreQuery, counted, people
from ivr.scores.intervals import Amount
from ivr.scores.score import Response
from ivr.scores.starvation import Starvation, starvation
from storage import queries
from storage.records import CallCountRow, FunnelRow, Step

FunnelBy = Literal["agent", "team", "queue", "reason"]
"""By what the funnel is told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """The calls of one group. Calls are counted when they are over, surveys at once."""

    key: str
    """The code; ``""`` when it is not known, and for all calls together."""
    eligible: Amount
    """Calls that are over: asked and excluded."""
    excluded: Mapping[str, Amount]
    """Calls that were not asked, by reason code."""
    steps: Mapping[Step, Amount]
    """Surveys that reached each step, those of all flows; every step present."""
    ended_by: Mapping[str, Amount]
    """Calls by who hung up first: agent, caller, transfer, unknown."""
    talk_seconds: Amount
    """Of all calls together."""

    @property
    def response(self) -> Response:
        """answered / offered, and no other denominator."""
        return Response(offered=self.steps["offered"], answered=self.steps["answered"])


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelView:
    """All calls, and the groups among them."""

    everything: Funnel
    groups: Sequence[Funnel]
    """In the order of their keys."""
    leaving_first: Mapping[str, Starvation]
    """By agent, whose callers hang up first; empty unless told apart by agent."""


async def funnel_view(board: Scoreboard, query: ScoreQuery, by: FunnelBy) -> FunnelView:
    """The funnel of a period told apart by `by`. A flow does not narrow it: a call that was not asked never had one."""
    who = await people(board, query)
    narrowed = counted(query, who, any_flow=True)
    calls: dict[str, list[CallCountRow]] = defaultdict(list)
    surveys: dict[str, list[FunnelRow]] = defaultdict(list)
    for row in await queries.call_counts(board.database, narrowed, by=(by,)):
        calls[_key(row, by)].append(row)
    for step in await queries.funnel(board.database, narrowed, by=(by,)):
        surveys[_key(step, by)].append(step)
    groups = [_funnel(key, calls[key], surveys[key]) for key in sorted({*calls, *surveys})]
    return FunnelView(
        everything=_funnel(
            "", [row for rows in calls.values() for row in rows], [row for rows in surveys.values() for row in rows]
        ),
        groups=groups,
        leaving_first=starvation({group.key: _left(group) for group in groups if group.key}) if by == "agent" else {},
    )


def _key(row: CallCountRow | FunnelRow, by: FunnelBy) -> str:
    match by:
        case "team":
            return row.team or ""
        case "agent":
            return row.agent or ""
        case "queue":
            return row.queue or ""
        case "reason":
            return row.reason or ""


def _left(group: Funnel) -> tuple[Amount, Amount]:
    """Calls that the caller ended, and those that the caller or the agent ended."""
    caller = group.ended_by.get("caller", 0)
    return caller, caller + group.ended_by.get("agent", 0)


def _funnel(key: str, calls: Sequence[CallCountRow], surveys: Sequence[FunnelRow]) -> Funnel:
    excluded: dict[str, Amount] = defaultdict(int)
    ended_by: dict[str, Amount] = defaultdict(int)
    for row in calls:
        ended_by[row.ended_by] += row.calls
        if row.exclusion:
            excluded[row.exclusion] += row.calls
    steps: dict[Step, Amount] = dict.fromkeys(get_args(Step), 0)
    for step in surveys:
        steps[step.step] += step.surveys
    return Funnel(
        key=key,
        eligible=sum(row.calls for row in calls),
        excluded=dict(sorted(excluded.items(), key=lambda item: (-item[1], item[0]))),
        steps=steps,
        ended_by=dict(sorted(ended_by.items())),
        talk_seconds=sum(row.talk_seconds for row in calls),
    )
