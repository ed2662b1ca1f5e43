"""The channels of the simulated PBX, with the names and ids that Asterisk would give them."""

from dataclasses import dataclass, field

Fields = list[tuple[str, str]]
"""Headers of an AMI message in the order in which they are sent."""

DOWN, RING, RINGING, UP = 0, 4, 5, 6
"""Channel states, as `include/asterisk/channelstate.h` numbers them."""

STATE_NAMES = {DOWN: "Down", RING: "Ring", RINGING: "Ringing", UP: "Up"}

# Asterisk puts C's escapes into the names in channel events, so that a line break stays within its header.
_ESCAPES = str.maketrans(
    {char: f"\\{letter}" for char, letter in zip("\a\b\f\n\r\t\v\\'\"?", "abfnrtv\\'\"?", strict=True)}
)


def _escaped(name: str) -> str:
    return name.translate(_ESCAPES)


@dataclass(slots=True, kw_only=True)
class Channel:
    """One end of a call."""

    name: str
    """Such as ``PJSIP/trunk-0000001a``."""
    uniqueid: str
    linkedid: str
    caller_number: str
    caller_name: str
    context: str
    exten: str
    priority: int = 1
    state: int = DOWN
    connected_number: str = ""
    connected_name: str = ""
    language: str = "en"
    hangup_source: str = ""
    """The name of the channel that hung up on this one; empty while nobody has."""
    after_bridge_goto: tuple[str, str, int] | None = None
    """Context, extension and priority to go on with when the other side leaves the bridge."""
    bridge: str = ""
    """The unique id of the bridge that it is in; empty when in none."""
    application: str = ""
    data: str = ""
    """The application's arguments."""
    variables: dict[str, str] = field(default_factory=dict)

    def connect_to(self, other: "Channel") -> None:
        """Take the other end's number and name as connected line."""
        self.connected_number, self.connected_name = other.caller_number, other.caller_name

    def snapshot(self, prefix: str = "") -> Fields:
        """The channel's headers as they stand in every event about it, each name led by `prefix`."""
        return [
            (f"{prefix}Channel", self.name),
            (f"{prefix}ChannelState", str(self.state)),
            (f"{prefix}ChannelStateDesc", STATE_NAMES[self.state]),
            (f"{prefix}CallerIDNum", self.caller_number or "<unknown>"),
            (f"{prefix}CallerIDName", _escaped(self.caller_name) or "<unknown>"),
            (f"{prefix}ConnectedLineNum", self.connected_number or "<unknown>"),
            (f"{prefix}ConnectedLineName", _escaped(self.connected_name) or "<unknown>"),
            (f"{prefix}Language", self.language),
            (f"{prefix}AccountCode", ""),
            (f"{prefix}Context", self.context),
            (f"{prefix}Exten", self.exten),
            (f"{prefix}Priority", str(self.priority)),
            (f"{prefix}Uniqueid", self.uniqueid),
            (f"{prefix}Linkedid", self.linkedid),
        ]


@dataclass(slots=True, kw_only=True)
class Bridge:
    """Where two channels hear each other."""

    uniqueid: str
    channels: list[Channel] = field(default_factory=list)

    def enter(self, channel: Channel) -> None:
        self.channels.append(channel)
        channel.bridge = self.uniqueid

    def leave(self, channel: Channel) -> None:
        self.channels.remove(channel)
        channel.bridge = ""

    def snapshot(self, prefix: str = "") -> Fields:
        """The bridge's headers as they stand in every event about it, each name led by `prefix`."""
        return [
            (f"{prefix}BridgeUniqueid", self.uniqueid),
            (f"{prefix}BridgeType", "basic"),
            (f"{prefix}BridgeTechnology", "simple_bridge"),
            (f"{prefix}BridgeCreator", "<unknown>"),
            (f"{prefix}BridgeName", "<unknown>"),
            (f"{prefix}BridgeNumChannels", str(len(self.channels))),
            (f"{prefix}BridgeVideoSourceMode", "none"),
        ]


class ChannelBoard:
    """The channels that are up, by name; it hands out names and unique ids."""

    def __init__(self) -> None:
        self._next = 0
        self._live: dict[str, Channel] = {}

    def open(
        self,
        device: str,
        *,
        timestamp: float,
        number: str,
        name: str,
        context: str,
        exten: str,
        state: int,
        linkedid: str = "",
        half: str = "",
    ) -> Channel:
        """A new channel of `device` (such as ``PJSIP/1001``), on a call of its own unless `linkedid` names one.

        `half` is ``;1`` or ``;2`` for one of a pair of Local channels.
        """
        # As in the recordings, one count numbers both the unique id and the channel's name.
        count, self._next = self._next, self._next + 1
        uniqueid = f"{int(timestamp)}.{count}"
        channel = Channel(
            name=f"{device}-{count:08x}{half}",
            uniqueid=uniqueid,
            linkedid=linkedid or uniqueid,
            caller_number=number,
            caller_name=name,
            context=context,
            exten=exten,
            state=state,
        )
        self._live[channel.name] = channel
        return channel

    def close(self, channel: Channel) -> None:
        self._live.pop(channel.name, None)

    def find(self, name: str) -> Channel | None:
        """The channel of that name, if it is up."""
        return self._live.get(name)

    def all(self) -> list[Channel]:
        """Every channel that is up, oldest first."""
        return list(self._live.values())
