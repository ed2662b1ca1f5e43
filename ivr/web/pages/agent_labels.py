"""What agents are called where nothing else stands beside the name: two may have the same."""

from collections import Counter
from collections.abc import Iterable, Mapping


def agent_labels(agents: Iterable[tuple[str, str, str]]) -> Mapping[str, str]:
    """By code, from each one's code, name and team: the name; with the team where others have that name, too; with the
    code where that is not enough. Without a name the code."""
    everybody = list(agents)
    names = Counter(name for _, name, _ in everybody)
    in_teams = Counter((name, team) for _, name, team in everybody)

    def label(code: str, name: str, team: str) -> str:
        if not name:
            return code
        if names[name] == 1:
            return name
        return f"{name} ({team if team and in_teams[name, team] == 1 else code})"

    return {code: label(code, name, team) for code, name, team in everybody}
