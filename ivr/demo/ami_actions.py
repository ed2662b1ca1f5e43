"""What the simulated PBX answers to AMI actions, each as a list of messages ready to be written."""

import time
from collections.abc import Mapping

from ivr.demo.channels import Channel, Fields
from ivr.demo.queues import Member, Queue
from ivr.demo.switch import Switch

Action = Mapping[str, str]
"""An action's headers, by name in lower case."""


class AmiActions:
    """Carries out the actions of a client that has logged in."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._since = time.monotonic()
        self._globals: dict[str, str] = {}

    def answer(self, action: Action) -> list[Fields]:
        """The response, and the events that belong to it alone."""
        match action.get("action", "").lower():
            case "":
                return [error(action, "Missing action in request")]
            case "ping":
                stamp = f"{self._switch.clock.timestamp():.6f}"
                return [response(action, "Success", ("Ping", "Pong"), ("Timestamp", stamp))]
            case "setvar":
                return [self._set_variable(action)]
            case "queuestatus":
                return self._queue_status(action)
            case "coreshowchannels":
                return self._channels(action)
            case _:
                return [error(action, "Invalid/unknown command")]

    def fully_booted(self) -> Fields:
        """The event that follows a login."""
        up = str(int(time.monotonic() - self._since))
        return [
            ("Event", "FullyBooted"),
            ("Privilege", "system,all"),
            ("Uptime", up),
            ("LastReload", up),
            ("Status", "Fully Booted"),
        ]

    def _set_variable(self, action: Action) -> Fields:
        name, value = action.get("variable", ""), action.get("value", "")
        if not name:
            return error(action, "No variable specified")
        if not (channel_name := action.get("channel", "")):
            self._globals[name] = value
            return response(action, "Success", ("Message", "Variable Set"))
        channel = self._switch.board.find(channel_name)
        if channel is None:
            return error(action, "No such channel")
        if name == "CHANNEL(after_bridge_goto)":
            channel.after_bridge_goto = _goto(value)
        else:
            channel.variables[name] = value
        return response(action, "Success", ("Message", "Variable Set"))

    def _queue_status(self, action: Action) -> list[Fields]:
        wanted, member = action.get("queue", ""), action.get("member", "")
        items: list[Fields] = []
        for queue in self._switch.queues.values():
            if wanted in ("", queue.name):
                items.append(_queue_params(queue))
                items += [
                    _queue_member(queue, one)
                    for one in self._switch.floor.members
                    if queue.name in one.queues and member in ("", one.interface)
                ]
                items += self._queue_entries(queue)
        items = [[*item, *_action_id(action)] for item in items]
        return _listing(action, "Queue status will follow", items, "QueueStatusComplete")

    def _queue_entries(self, queue: Queue) -> list[Fields]:
        entries: list[Fields] = []
        for place in queue.callers:
            channel = place.channel
            entry = [
                ("Event", "QueueEntry"),
                ("Queue", queue.name),
                ("Position", str(queue.position(place))),
                ("Channel", channel.name),
                ("Uniqueid", channel.uniqueid),
                ("CallerIDNum", channel.caller_number or "unknown"),
                ("CallerIDName", channel.caller_name or "unknown"),
                ("ConnectedLineNum", channel.connected_number or "unknown"),
                ("ConnectedLineName", channel.connected_name or "unknown"),
                ("Wait", str(self._switch.clock.whole_seconds_since(place.joined))),
                ("Priority", "0"),
            ]
            entries.append(entry)
        return entries

    def _channels(self, action: Action) -> list[Fields]:
        now = self._switch.clock.timestamp()
        items = [
            [("Event", "CoreShowChannel"), *_action_id(action), *_channel(channel, now)]
            for channel in self._switch.board.all()
        ]
        return _listing(action, "Channels will follow", items, "CoreShowChannelsComplete")


def response(action: Action, word: str, *fields: tuple[str, str]) -> Fields:
    """A response; the ActionID is given back, after the word, when the client sent one."""
    return [("Response", word), *_action_id(action), *fields]


def error(action: Action, message: str) -> Fields:
    """A refusal."""
    return response(action, "Error", ("Message", message))


def _action_id(action: Action) -> Fields:
    return [("ActionID", action["actionid"])] if action.get("actionid") else []


def _listing(action: Action, message: str, items: list[Fields], complete: str) -> list[Fields]:
    first = response(action, "Success", ("EventList", "start"), ("Message", message))
    last = [("Event", complete), *_action_id(action), ("EventList", "Complete"), ("ListItems", str(len(items)))]
    return [first, *items, last]


def _goto(value: str) -> tuple[str, str, int] | None:
    """``context,exten,priority``; an empty or unreadable value disarms."""
    context, _, rest = value.partition(",")
    exten, _, priority = rest.partition(",")
    return (context, exten, int(priority)) if context and exten and priority.isdecimal() else None


def _queue_params(queue: Queue) -> Fields:
    return [
        ("Event", "QueueParams"),
        ("Queue", queue.name),
        ("Max", "0"),
        ("Strategy", "linear"),
        ("Calls", str(len(queue.callers))),
        ("Holdtime", str(queue.hold_average)),
        ("TalkTime", str(queue.talk_average)),
        ("Completed", str(queue.completed)),
        ("Abandoned", str(queue.abandoned)),
        ("ServiceLevel", "0"),
        ("ServicelevelPerf", "0.0"),
        ("ServicelevelPerf2", "0.0"),
        ("Weight", "0"),
    ]


def _queue_member(queue: Queue, member: Member) -> Fields:
    return [
        ("Event", "QueueMember"),
        ("Queue", queue.name),
        ("Name", member.name),
        ("Location", member.interface),
        *member.standing(),
        ("Wrapuptime", "0"),
    ]


def _channel(channel: Channel, now: float) -> Fields:
    seconds = max(0, int(now) - int(channel.uniqueid.partition(".")[0]))
    duration = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return [
        *channel.snapshot(),
        ("Application", channel.application),
        ("ApplicationData", channel.data),
        ("Duration", duration),
        ("BridgeId", channel.bridge),
    ]
