"""Which team an agent belongs to, as the settings say."""

from collections.abc import Mapping, Sequence


class Teams:
    """The teams of one site: the code of each, with the codes of its agents.

    Where no list of agents says otherwise, an agent's code is the interface.
    """

    def __init__(self, teams: Mapping[str, Sequence[str]]) -> None:
        self._by_agent = {agent: team for team, agents in teams.items() for agent in agents}

    def team_of(self, agent: str) -> str:
        """The team of the agent with the code `agent`; ``""`` for one in no team."""
        return self._by_agent.get(agent, "")
