"""What became of the calls of a scenario, from what is stored, in the words of the tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, get_args
from zoneinfo import ZoneInfo

from ivr.site_settings import CreditPolicy
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.agents_file import read_agents
from ivr.surveys.attribution import Attribution, CreditRules
from storage.engine import Database
from storage.recorder import Recorder
from storage.tables import Answer, Base, Call, Credit, Leg, Survey
from storage.verify import verify
from tests.scenarios.table import Scenario
from tests.waiting import until

POLICIES: tuple[CreditPolicy, ...] = get_args(CreditPolicy)


class Seen(Protocol):
    """A service beside its PBX, whatever that is."""

    @property
    def database(self) -> Database: ...

    async def rows(self, table: type[Base], **wanted: Any) -> list[Any]:
        """The rows of a table with these values."""
        ...

    async def settled(self) -> None:
        """Wait until all that the PBX told is written."""
        ...


async def seen(played: Seen, linkedid: str, expected: dict[str, str]) -> dict[str, str]:
    """What became of a call, in the words of the tables; only what the table speaks of."""

    async def heard_to_the_end() -> bool:
        found = await played.rows(Call, linkedid=linkedid)
        return expected["asked"] == "never heard of" or bool(found and (found[0].ended_at or "legs" not in expected))

    await until(heard_to_the_end)
    await played.settled()
    calls = await played.rows(Call, linkedid=linkedid)
    surveys = await played.rows(Survey, linkedid=linkedid)
    told: dict[str, str] = {"recorded": expected.get("recorded", "")}
    told |= {name: expected[name] for name in ("first", "longest", "split") if name in expected}
    if not calls:
        return {"asked": "never heard of"} | {name: told[name] for name in expected if name in told}
    told["asked"] = "yes" if surveys else f"no: {calls[0].exclusion}"
    told["ended by"] = calls[0].ended_by or "nobody knows"
    legs = sorted(await played.rows(Leg, linkedid=linkedid), key=lambda leg: leg.connected_at)
    told["legs"] = ", ".join(
        f"{short(leg.agent)} by {leg.ended_by}" + (f" {leg.talk_seconds} s" if leg.talk_seconds is not None else "")
        for leg in legs
    )
    if surveys:
        told["credited"] = written(await credits_of(played, surveys[0]))
        told["reason"] = f"{surveys[0].reason} ({surveys[0].reason_source})"
        answers = [row.value for row in await played.rows(Answer, survey=surveys[0].survey) if row.value is not None]
        told["rating"] = ", ".join(map(str, answers))
        assert ("rating" in expected) == bool(answers)
    return {name: told.get(name, "") for name in expected}


async def other_policies(
    scenario: Scenario, played: Seen, linkedid: str, folder: Path, policies: Sequence[CreditPolicy] = POLICIES
) -> None:
    """Whom each policy would credit, from what is stored; afterwards the counts are still exact."""
    if scenario.expects("asked") != "yes":
        return
    path = folder / "agents.csv"
    books = {"main": read_agents(path, ZoneInfo("UTC"))} if path.exists() else {}
    for policy in policies:
        decide = Attribution({"main": CreditRules(default=policy)}, AgentDirectory(books).identify).decide
        await Recorder(played.database).recredit_call("main", linkedid, decide)
        (survey,) = await played.rows(Survey, linkedid=linkedid)
        credited = await credits_of(played, survey)
        assert sum(credited.values()) == 1000
        assert written(credited) == scenario.expects(policy, scenario.expects("credited")), policy
        assert await verify(played.database) == []


async def credits_of(played: Seen, survey: Any) -> dict[str, int]:
    if not survey.shared:
        return {survey.agent: 1000}
    return {row.agent: row.parts for row in await played.rows(Credit, survey=survey.survey)}


async def offered_and_excluded_are_all(played: Seen) -> None:
    calls, surveys = await played.rows(Call), await played.rows(Survey)
    asked = {survey.linkedid for survey in surveys}
    for call in calls:
        assert call.ended_at is None or (call.linkedid in asked) == (call.exclusion == "")


def written(credited: dict[str, int]) -> str:
    """Shares in the words of the tables."""
    if len(credited) == 1:
        return short(next(iter(credited)))
    return ", ".join(f"{short(agent)} {parts}" for agent, parts in sorted(credited.items()))


def short(agent: str) -> str:
    return agent.removeprefix("PJSIP/") or "nobody"
