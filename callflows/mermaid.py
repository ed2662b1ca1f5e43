"""A chart as Mermaid text, which many wikis and code hosts draw."""

from callflows.chart import Box, Chart

_SHAPES = {
    "say": ("(", ")"),
    "ask": ("[", "]"),
    "comment": ("[/", "/]"),
    "branch": ("{{", "}}"),
    "draw": ("[[", "]]"),
    "end": ("([", "])"),
}


def mermaid(chart: Chart) -> str:
    """The chart as a Mermaid flowchart."""
    # Ids of our own: a step may be called "end", which is a word of Mermaid's.
    lines = ["---", f"title: '{_title(chart.title)}'", "---", "flowchart TD"]
    for number, box in enumerate(chart.boxes):
        opening, closing = _SHAPES[box.kind]
        lines.append(f'  s{number}{opening}"{_box(box)}"{closing}')
    for arrow in chart.arrows:
        line = "-.->" if arrow.is_exit else "-->"
        label = f'|"{_text(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  s{arrow.source} {line}{label} s{arrow.target}")
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    parts = [f"<b>{_text(box.heading)}</b>", _text(box.said), *map(_text, box.notes)]
    return "<br/>".join(filter(None, parts))


def _text(text: str) -> str:
    """Every sign that is not plain as the entity that Mermaid reads in the place of HTML's."""
    return "".join(char if char.isalnum() or char in " .,;:!?–-★/()'" else f"#{ord(char)};" for char in text)


def _title(text: str) -> str:
    return text.replace("'", "''")
