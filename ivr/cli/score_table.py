"""The scores as a table in the terminal."""

from collections.abc import Sequence

from rich.table import Table

from ivr.web.score_models import AgentScoreBody


def score_table(agents: Sequence[AgentScoreBody], title: str) -> Table:
    """One row an agent: n, mean, CSAT with its 95 % interval, response rate. By name: no ranking."""
    table = Table(title=title, title_justify="left")
    table.add_column("agent")
    table.add_column("name")
    for heading in ("n", "mean", "CSAT", "95 % interval", "answered / offered"):
        table.add_column(heading, justify="right")
    for agent in agents:
        csat = agent.csat
        table.add_row(
            agent.agent or "not known",
            agent.name,
            f"{agent.n:g}",
            "" if agent.mean is None else f"{agent.mean:.2f}",
            "" if csat is None else f"{csat.percent:.0f} %",
            "" if csat is None else f"{csat.low:.0f} to {csat.high:.0f} %",
            f"{agent.answered:g} / {agent.offered:g}",
        )
    return table
