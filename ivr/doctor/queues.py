"""The queues' own lines: without them nobody knows whom a caller rated while the AMI link is down."""

from collections.abc import Collection, Mapping

from ivr.asterisk.actions import AmiAction, is_denied
from ivr.asterisk.ami import AmiManager
from ivr.asterisk.messages import Message
from ivr.doctor.findings import Finding

LINES = ("setinterfacevar", "setqueuevar", "setqueueentryvar")
_YES = ("yes", "true", "y", "t", "1", "on")
"""What Asterisk takes for a yes (`ast_true`)."""


async def look_at_queues(manager: AmiManager, about: str) -> Finding | None:
    """What is to be said of the queues that this Asterisk has; None when it has none. Raises `PbxError`."""
    status = await manager.submit(AmiAction("QueueStatus"))
    if status.refusal is not None:  # the action comes with app_queue
        return None
    names = {item.get("Queue") for item in status.items if item.event == "QueueParams"}
    if not names:
        return None
    reply = await manager.submit(AmiAction("GetConfig", {"Filename": "queues.conf"}))
    if is_denied(reply.refusal):
        fix = f"give the user write = config for the look, or see for yourself that each has {', '.join(LINES)}"
        return Finding(level="note", about=about, said="its queues' own lines cannot be looked at", fix=fix)
    return of_queues(about, names, {} if reply.refusal else categories(reply.response))


def of_queues(about: str, names: Collection[str], written: Mapping[str, Mapping[str, str]]) -> Finding:
    """By the queues that there are, and what queues.conf says of each; one from elsewhere (realtime) is not judged."""
    lacking = {
        name: [line for line in LINES if written[name].get(line, "").lower() not in _YES]
        for name in sorted(names)
        if name in written
    }
    bare = [name for name, lines in lacking.items() if lines]
    if bare:
        missing = [line for line in LINES if any(line in lacking[name] for name in bare)]
        return Finding(
            level="warning",
            about=about,
            said=f"while the link is down, nobody knows whom callers of {', '.join(bare)} rate: {', '.join(missing)}",
            fix="in queues.conf, for each queue: "
            + ", ".join(f"{line} = yes" for line in missing)
            + "; `queue reload all`",
        )
    unseen = len(names) - len(lacking)
    if unseen:
        said = (
            f"{unseen} of its {len(names)} queues do not stand in queues.conf, and their own lines cannot be looked at"
        )
        return Finding(level="note", about=about, said=said, fix=f"see that each has {', '.join(LINES)}")
    return Finding(level="ok", about=about, said=f"each of its {len(names)} queues has {', '.join(LINES)}")


def categories(response: Message) -> dict[str, dict[str, str]]:
    """The answer to `GetConfig`: what stands in each category, its templates included. The last value counts."""
    names: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for header, value in response:
        kind, _, number = header.partition("-")
        if kind == "Category":
            names[number] = value
            found.setdefault(value, {})
        elif kind == "Line" and (name := names.get(number.partition("-")[0])) is not None:
            key, _, text = value.partition("=")
            found[name][key.strip().lower()] = text.strip()
    return found
