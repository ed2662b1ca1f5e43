"""The rows of demonstration calls, as the service would have stored them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.demo.data import DemoCall
from storage.bulk import Rows
from storage.records import PARTS
from storage.tables import Answer, Base, Call, Credit, Leg, Survey

RINGS = timedelta(seconds=12)


def rows_of(calls: Iterable[DemoCall], *, site: str, flow: str, version: str, question: str, zone: ZoneInfo) -> Rows:
    """The rows of some calls, in the order in which they refer to each other."""
    rows: dict[type[Base], list[dict[str, Any]]] = {table: [] for table in (Call, Leg, Survey, Credit, Answer)}
    for call in calls:
        for table, some in _rows(call, site, flow, version, question, zone).items():
            rows[table] += some
    return rows


def _rows(
    call: DemoCall, site: str, flow: str, version: str, question: str, zone: ZoneInfo
) -> dict[type[Base], list[dict[str, Any]]]:
    found: dict[type[Base], list[dict[str, Any]]] = defaultdict(list)
    name = f"{int(call.started_at.timestamp())}.{call.number}"
    connected = call.started_at + RINGS
    over = connected + timedelta(seconds=call.talk_seconds)
    local = over.astimezone(zone)
    ids = {"site_id": site, "linkedid": name}
    found[Call] = [
        {
            **ids, "uniqueid": name, "queue": call.queue, "reason": call.reason,
            "reason_source": "channel" if call.reason else "", "caller_digest": call.caller,
            "caller_mask": f"•••••••{int(call.caller[-3:], 16) % 1000:03}", "started_at": call.started_at,
            "ended_at": over, "ended_by": call.ended_by, "abandoned": call.exclusion == "abandoned",
            "exclusion": call.exclusion, "exclusion_rule": "", "agent": call.second or call.agent,
            "day": local.date(), "hour": local.hour,
        }
    ]  # fmt: skip
    talked = [agent for agent in (call.agent, call.second) if agent]
    for place, agent in enumerate(talked):
        is_last = place == len(talked) - 1
        seconds = call.talk_seconds // len(talked)
        begin = connected + place * timedelta(seconds=seconds)
        end = over if is_last else begin + timedelta(seconds=seconds)
        found[Leg].append(
            {
                **ids, "leg": f"{name}-{place}", "agent": agent, "interface": agent, "member": "", "queue": call.queue,
                "connected_at": begin, "ended_at": end, "ended_by": call.ended_by if is_last else "transfer",
                "ring_seconds": 6, "hold_seconds": 12, "talk_seconds": int((end - begin).total_seconds()),
            }
        )  # fmt: skip
    if call.exclusion:
        return found
    status = "completed" if call.value is not None else "no_input"
    asked = {"site_id": site, "survey": name}
    found[Survey] = [
        {
            **asked, "linkedid": name, "day": local.date(), "flow": flow, "flow_version": version, "language": "en",
            "agent": call.second or call.agent, "shared": bool(call.second), "queue": call.queue, "reason": call.reason,
            "caller_digest": call.caller, "reason_source": "channel", "member": call.agent, "member_name": "",
            "transferred_to": call.second, "handed_over_by": "", "sent_by": "", "trial": False, "status": status,
            "offered_at": over, "started_at": over, "ended_at": over + timedelta(seconds=15), "incentive": None,
        }
    ]  # fmt: skip
    if call.second:
        # The second agent leads, as the row of the survey says.
        found[Credit] = [
            {**asked, "agent": call.agent, "parts": PARTS * 2 // 5},
            {**asked, "agent": call.second, "parts": PARTS - PARTS * 2 // 5},
        ]
    found[Answer] = [
        {
            **asked, "question": question, "is_rating": True, "keys": "" if call.value is None else str(call.value),
            "value": call.value, "tries": 1, "ended": "no_input" if call.value is None else "answered",
            "answered_at": over + timedelta(seconds=9), "recording": None, "recording_seconds": None,
        }
    ]  # fmt: skip
    return found
