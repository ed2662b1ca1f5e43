"""Who is asked: rules in one order, the first that stops a call decides.

1. ``opt_out``        the caller said never to be asked again                      → ``opted_out``
2. ``do_not_ask``     the caller is on the list                                    → ``listed``
3. ``internal``       the call is one of our own people                            → ``internal``
4. ``without_agent``  no agent was reached                                         → ``no_agent``
5. ``minimum_talk``   they talked too shortly                                      → ``too_short``
6. ``hours``          nobody is asked at this time                                 → ``outside_hours``
7. ``quarantine``     each sentence, as they are written                           → ``quarantine``
8. ``maximum_a_day``  the site's, then the queue's                                 → ``daily_maximum``
9. ``sampling``       chance                                                       → ``sampled_out``

Facts about the call go first and chance last, so that a share is a share of the callers who could be asked. A fact
that is not known stops nobody. All of it is pure: `needed` says what must be known of the past, `decide` decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ivr.grammar.quarantine import Quarantine
from ivr.rule_settings import RuleSettings
from ivr.surveys.sampling import WEEK_DAYS, chance, share_for
from storage.quarantine import Lookup, Past, SurveysSince
from storage.records import Exclusion

Says = Literal["passes", "stops", "not set", "not known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one site."""

    given: RuleSettings
    zone: ZoneInfo
    """In which hours, days and months are meant."""
    do_not_ask: frozenset[str] = frozenset()
    """The digests of all who are on the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a call when it is decided whether its caller is asked. A code that is not known is ``""``."""

    site: str
    at: datetime
    """The moment of the decision, with its zone."""
    caller: str = ""
    """The digest of the caller's number."""
    number: str = field(default="", repr=False)
    """The number itself, without separators; it is compared, and never told."""
    marked_internal: bool = False
    """The channel says that the call is internal."""
    agent: str = ""
    queue: str = ""
    reason: str = ""
    agent_reached: bool | None = None
    talk_seconds: int | None = None
    """With all agents of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """What one rule says of a call."""

    rule: str
    """The name of the setting; for a quarantine with its sentence."""
    says: Says
    why: str
    code: str = ""
    """The reason code, where it stops the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a caller is asked, and what every rule says, also those behind the one that decided."""

    lines: tuple[RuleLine, ...]

    @property
    def decided_by(self) -> RuleLine | None:
        """The first rule that stops the call; None when the caller is asked."""
        return next((line for line in self.lines if line.says == "stops"), None)

    @property
    def asked(self) -> bool:
        """Whether the caller is asked."""
        return self.decided_by is None

    @property
    def exclusion(self) -> Exclusion | None:
        """What is kept with a call that is not asked."""
        line = self.decided_by
        return Exclusion(exclusion=line.code, rule=line.rule) if line else None


def needed(rules: Rules, facts: Facts) -> Lookup:
    """What `decide` has to know of the past."""
    today = facts.at.astimezone(rules.zone).date()
    rated = facts.agent if rules.given.weekly_ratings else ""
    limits = (limit for _, limit in _limits(rules, facts) if limit is not None)
    return Lookup(
        site=facts.site,
        surveys=tuple(dict.fromkeys(limits)),
        caller=facts.caller,
        rated_agent=rated,
        rated_days=tuple(today - timedelta(days=ago) for ago in range(WEEK_DAYS)) if rated else (),
    )


def decide(rules: Rules, facts: Facts, past: Past, draw: float | None) -> Decision:
    """Decide. `draw` of `ivr.surveys.sampling` meets the chance; without one (None) chance stops nobody who has any."""
    return Decision(
        lines=(
            _opt_out(facts, past),
            _do_not_ask(rules, facts),
            _internal(rules, facts),
            _without_agent(rules, facts),
            _minimum_talk(rules, facts),
            _hours(rules, facts),
            *_counted(rules, facts, past),
            _sampling(rules, facts, past, draw),
        )
    )


def _opt_out(facts: Facts, past: Past) -> RuleLine:
    if not facts.caller:
        return RuleLine(rule="opt_out", says="not known", why="the caller's number is withheld")
    if past.opted_out:
        return RuleLine(rule="opt_out", says="stops", why="the caller opted out", code="opted_out")
    return RuleLine(rule="opt_out", says="passes", why="the caller has not opted out")


def _do_not_ask(rules: Rules, facts: Facts) -> RuleLine:
    name = "do_not_ask"
    if not rules.do_not_ask:
        return RuleLine(rule=name, says="not set", why="the list is empty")
    if not facts.caller:
        return RuleLine(rule=name, says="not known", why="the caller's number is withheld")
    if facts.caller in rules.do_not_ask:
        return RuleLine(rule=name, says="stops", why="the caller is on the list", code="listed")
    return RuleLine(rule=name, says="passes", why="the caller is not on the list")


def _internal(rules: Rules, facts: Facts) -> RuleLine:
    given = rules.given
    if facts.marked_internal and given.internal_variable:
        why = f"the channel variable {given.internal_variable} says so"
        return RuleLine(rule="internal_variable", says="stops", why=why, code="internal")
    for pattern in given.internal:
        if facts.number and pattern.fits(facts.number):
            return RuleLine(rule="internal", says="stops", why=f"the number fits {pattern.text}", code="internal")
    if not given.internal and not given.internal_variable:
        return RuleLine(rule="internal", says="not set", why="no number and no variable is internal")
    return RuleLine(rule="internal", says="passes", why="nothing says that the call is internal")


def _without_agent(rules: Rules, facts: Facts) -> RuleLine:
    name = "without_agent"
    if rules.given.without_agent:
        return RuleLine(rule=name, says="not set", why="callers are asked who reached no agent, too")
    if facts.agent_reached is None:
        return RuleLine(rule=name, says="not known", why="whether an agent was reached is not known")
    if not facts.agent_reached:
        return RuleLine(rule=name, says="stops", why="no agent was reached", code="no_agent")
    return RuleLine(rule=name, says="passes", why="an agent was reached")


def _minimum_talk(rules: Rules, facts: Facts) -> RuleLine:
    name, least = "minimum_talk", rules.given.minimum_talk
    if not least:
        return RuleLine(rule=name, says="not set", why="any talk is long enough")
    if facts.talk_seconds is None:
        return RuleLine(rule=name, says="not known", why="how long they talked is not known")
    why = f"{facts.talk_seconds} s of talk, {least} s are needed"
    if facts.talk_seconds < least:
        return RuleLine(rule=name, says="stops", why=why, code="too_short")
    return RuleLine(rule=name, says="passes", why=why)


def _hours(rules: Rules, facts: Facts) -> RuleLine:
    if not rules.given.hours:
        return RuleLine(rule="hours", says="not set", why="callers are asked at any time")
    local = facts.at.astimezone(rules.zone)
    time = f"{local:%A %H:%M} in {rules.zone.key}"
    for hours in rules.given.hours:
        if hours.hold(local):
            return RuleLine(rule="hours", says="passes", why=f"{time} is within {hours.text}")
    allowed = ", ".join(hours.text for hours in rules.given.hours)
    return RuleLine(rule="hours", says="stops", why=f"{time} is outside {allowed}", code="outside_hours")


def _counted(rules: Rules, facts: Facts, past: Past) -> Iterator[RuleLine]:
    if not rules.given.quarantine:
        yield RuleLine(rule="quarantine", says="not set", why="nobody is asked too often")
    for limit, asked in _limits(rules, facts):
        yield _limited(rules, limit, asked, past)
    if rules.given.maximum_a_day is None and facts.queue not in rules.given.maximum_a_day_by_queue:
        yield RuleLine(rule="maximum_a_day", says="not set", why="any number of surveys may be offered in a day")


def _limited(rules: Rules, limit: "Quarantine | str", asked: SurveysSince | None, past: Past) -> RuleLine:
    if isinstance(limit, Quarantine):
        name, code = f"quarantine: {limit}", "quarantine"
    else:
        name, code = limit, "daily_maximum"
    if asked is None:
        assert isinstance(limit, Quarantine)  # a maximum a day counts what is always known
        unknown = "the caller's number is withheld" if limit.same == "caller" else f"the {limit.same} is not known"
        return RuleLine(rule=name, says="not known", why=unknown)
    count = past.surveys.get(asked, 0)
    # A maximum a day counts after the last moment of yesterday.
    since = (asked.since + timedelta(microseconds=1)).astimezone(rules.zone)
    why = f"{count} of {asked.up_to} offered since {since:%Y-%m-%d %H:%M}"
    if count >= asked.up_to:
        return RuleLine(rule=name, says="stops", why=why, code=code)
    return RuleLine(rule=name, says="passes", why=why)


def _limits(rules: Rules, facts: Facts) -> "Iterator[tuple[Quarantine | str, SurveysSince | None]]":
    """Every limit, and what is counted against it; None where that is not known."""
    values = {"caller": facts.caller, "agent": facts.agent, "queue": facts.queue, "reason": facts.reason}
    for quarantine in rules.given.quarantine:
        value = values[quarantine.same]
        since = quarantine.since(facts.at, rules.zone)
        yield (
            quarantine,
            SurveysSince(same=quarantine.same, value=value, since=since, up_to=quarantine.limit) if value else None,
        )
    midnight = facts.at.astimezone(rules.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # What is counted lies after a moment, and midnight itself belongs to the day.
    before_today = midnight - timedelta(microseconds=1)
    most = rules.given.maximum_a_day
    if most is not None:
        yield "maximum_a_day", SurveysSince(same="site", value="", since=before_today, up_to=most)
    most = rules.given.maximum_a_day_by_queue.get(facts.queue)
    if most is not None:
        yield (
            "maximum_a_day_by_queue",
            SurveysSince(same="queue", value=facts.queue, since=before_today, up_to=most),
        )


def _sampling(rules: Rules, facts: Facts, past: Past, draw: float | None) -> RuleLine:
    share, name = share_for(rules.given, agent=facts.agent, reason=facts.reason, queue=facts.queue)
    why = f"the share is {100 * share:.4g} %"
    wanted = rules.given.weekly_ratings
    if wanted is not None and facts.agent:
        share = chance(share, wanted=wanted, ratings=past.ratings)
        why += f", {past.ratings} of {wanted} weekly ratings make the chance {100 * share:.4g} %"
    elif share == 1 and name == "sampling":
        return RuleLine(rule=name, says="not set", why="all callers are asked")
    if draw is None:
        says: Says = "passes" if share == 1 else "not known"
        return RuleLine(rule=name, says=says if share else "stops", why=why, code="" if share else "sampled_out")
    why += f", the call drew {100 * draw:.4g} %"
    if draw < share:
        return RuleLine(rule=name, says="passes", why=why)
    return RuleLine(rule=name, says="stops", why=why, code="sampled_out")
