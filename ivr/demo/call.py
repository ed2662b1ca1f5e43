"""One call on the simulated PBX, as those who placed it see it."""

import asyncio
from dataclasses import dataclass, field

from ivr.demo.agi_client import AgiStatus
from ivr.demo.behaviour import Behaviour
from ivr.demo.channels import Channel


@dataclass(slots=True, kw_only=True, eq=False)
class SimulatedCall:
    """A call under way or over. All its fields are to be read only."""

    channel: Channel
    """The caller's."""
    queue: str
    dialled: str
    """The number that the caller dialled."""
    behaviour: Behaviour
    interfaces: list[str] = field(default_factory=list)
    """The agents who talked with the caller, in order."""
    abandoned: bool = False
    agi_status: AgiStatus | None = None
    """How the survey's session ended; None when there was none."""
    dialogue: list[tuple[str, str]] = field(default_factory=list)
    """Each AGI command with its reply, without line feeds at the end."""
    dialplan_went_on: bool = False
    """Whether the dialplan went on after the survey, with the caller still on the line."""
    task: asyncio.Task[None] | None = None

    @property
    def uniqueid(self) -> str:
        """The caller's channel; in a queue call it equals the linkedid."""
        return self.channel.uniqueid

    @property
    def armed(self) -> bool:
        """Whether an AMI client has set `CHANNEL(after_bridge_goto)` for the caller."""
        return self.channel.after_bridge_goto is not None

    async def wait(self) -> None:
        """Wait until the call is over. Raises what went wrong in the simulator itself, if anything did."""
        if self.task:
            await asyncio.wait({self.task})
            if not self.task.cancelled():
                self.task.result()
