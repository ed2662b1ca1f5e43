"""Flow files for tests: the shipped satisfaction flow under another code and title."""

from pathlib import Path

from callflows.loader import LIBRARY

CSAT = (LIBRARY / "csat.yaml").read_text("utf-8")


def source(title: str, flow: str = "mine") -> str:
    """The text of a good flow; another title makes another version."""
    text = CSAT.replace("flow: csat", f"flow: {flow}").replace("title: Customer satisfaction", f"title: {title}")
    assert text != CSAT
    return text


def write(path: Path, title: str, flow: str = "mine") -> Path:
    """Write a good flow file."""
    path.write_text(source(title, flow), "utf-8")
    return path
