"""The site of a scenario: what its table says before the first row."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.scenarios.table import Scenario


def site_settings(scenario: Scenario, folder: Path, now: float) -> dict[str, Any]:
    """Settings of the site, with its list of agents, if there is one, in `folder`; `now` is a Unix time."""
    site: dict[str, Any] = {
        "trigger": scenario.settings.get("trigger", ["ami"])[0],
        "queue_reasons": dict(one.split(" ") for one in scenario.settings.get("queue reason", [])),
    }
    if scenario.settings.get("rule"):
        site["rules"] = tomllib.loads("\n".join(scenario.settings["rule"]))
    if scenario.settings.get("agents"):
        path = folder / "agents.csv"
        path.write_text("agent;interface;member;from;to\n" + "\n".join(_entries(scenario, now)), "utf-8")
        site["agents_file"] = str(path)
    return site


def _entries(scenario: Scenario, now: float) -> list[str]:
    today = datetime.fromtimestamp(now, UTC).date()
    lines = []
    for entry in scenario.settings["agents"]:
        agent, kind, rest = entry.split(" ", 2)
        value, since, until_ = rest, "", ""
        if rest.endswith(" since today"):
            value, since = rest.removesuffix(" since today"), str(today)
        elif rest.endswith(" until yesterday"):
            value, until_ = rest.removesuffix(" until yesterday"), str(today - timedelta(days=1))
        lines.append(
            f"{agent};{value if kind == 'interface' else ''};{value if kind == 'member' else ''};{since};{until_}"
        )
    return lines
