"""In which team an agent is: by the list of agents, or where there is none by the settings; asked in one place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ivr.calls import AgentRef
from ivr.errors import SettingsError
from ivr.parts.choice import site_flows
from ivr.settings import Settings, build_settings
from ivr.surveys.crediting import attribution_of

LIST = """\
agent,team,interface,from,to
A7,Night shift,PJSIP/1001,,2026-11-22
A7,south,PJSIP/1001,2026-11-23,
B9,,PJSIP/1002,,
"""
BEFORE = datetime(2026, 11, 22, 12, tzinfo=UTC)
AFTER = datetime(2026, 11, 23, 12, tzinfo=UTC)


def settings(**site: Any) -> Settings:
    given = {
        "web": {"token": "a token of these tests"},
        "privacy": {"caller_key": "a caller key of these tests"},
        "sites": {"main": {"ami": {"secret": "x"}, **site}},
    }
    return build_settings(given, source="test")


def flow_of(given: Settings, agent: str, at: datetime = BEFORE) -> str:
    agents, _ = attribution_of(given)
    flows = site_flows("main", given.sites["main"], agents)
    return flows.choose(at=at, queue="", agent=agent, reason="", language="").flow


def known_team(given: Settings, interface: str, at: datetime = BEFORE) -> str:
    """What is stored with the agent's name, and shown with the scores."""
    agents, _ = attribution_of(given)
    described = agents.describe("main", AgentRef(interface=interface), at)
    return described.team if described else "nobody knows"


@pytest.fixture
def agents_file(tmp_path: Path) -> str:
    path = tmp_path / "agents.csv"
    path.write_text(LIST, "utf-8")
    return str(path)


def test_without_a_list_rules_and_scores_go_by_the_teams_of_the_settings() -> None:
    given = settings(teams={"gold": ["PJSIP/1001"]}, flows=[{"flow": "nps", "team": "gold"}])
    assert (flow_of(given, "PJSIP/1001"), flow_of(given, "PJSIP/1002")) == ("nps", "csat")
    assert (known_team(given, "PJSIP/1001"), known_team(given, "PJSIP/1002")) == ("gold", "")


def test_with_a_list_rules_and_scores_go_by_its_teams_and_these_by_the_day(agents_file: str) -> None:
    given = settings(agents_file=agents_file, flows=[{"flow": "nps", "team": "Night shift"}])
    assert (flow_of(given, "A7", BEFORE), flow_of(given, "A7", AFTER)) == ("nps", "csat")
    assert (flow_of(given, "B9"), flow_of(given, "PJSIP/1009")) == ("csat", "csat")
    assert (known_team(given, "PJSIP/1001", BEFORE), known_team(given, "PJSIP/1001", AFTER)) == ("Night shift", "south")
    assert (known_team(given, "PJSIP/1002"), known_team(given, "PJSIP/1009")) == ("", "")


def test_a_rule_with_a_team_that_the_list_does_not_have_is_refused(agents_file: str) -> None:
    given = settings(agents_file=agents_file, flows=[{"flow": "nps", "team": ["south", "north"]}])
    with pytest.raises(SettingsError) as caught:
        attribution_of(given)
    assert str(caught.value) == (
        f"sites.main.flows.1.team: there is no team north in {agents_file}; there are Night shift, south"
    )
