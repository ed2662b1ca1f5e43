"""The lines that an admin adds to Asterisk's own files, made from the settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ivr.asterisk.events import MARK, WANTED
from ivr.asterisk.extension import is_any_address, survey_calls
from ivr.asterisk.originate import OUTCOME

Way = Literal["queue", "dial", "outbound"]
"""How customers and agents come together: a queue, a `Dial` to the agent, or an agent who dials the customer."""

READ = "agent,call"
"""The event classes of every name in `EVENTS`."""
EVENTS = sorted(set(WANTED) - {"FullyBooted", "Shutdown"})
"""What the link lives on. The other two would need the class `system`, and only make the log clearer."""
WRITE = "call"
"""`Setvar`, `Status` and `Hangup` need `call`; `QueueStatus` and `Ping` need nothing."""

SEND_EXTENSION = "*7"
"""What an agent dials, or transfers to, to send the caller into the survey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialplanSite:
    """What the lines depend on."""

    site: str
    username: str
    trigger: str
    """``ami`` or ``dialplan``."""
    survey_goto: str
    """Context, extension and priority."""
    create_extension: bool
    """Whether the service creates the survey's extension itself."""
    agi_host: str
    agi_port: int
    replicas: Sequence[str] = ()
    """Where all replicas of the service listen, ``host:port``; empty for this one alone."""
    calls_back: bool = False
    """Whether the service places calls."""


def extensions_conf(site: DialplanSite, way: Way = "queue") -> str:
    """For ``extensions.conf``: the survey, and how callers get there; empty when nothing is needed there."""
    return "\n".join([*_survey(site), *_way(site, way), *_send(site)])


def queues_conf() -> str:
    """For ``queues.conf``: what lets the survey know the agent even while the AMI link is down."""
    return (
        "; In each [queue], or in a template that they share:\n"
        "setinterfacevar = yes\n"
        "setqueuevar = yes\n"
        "setqueueentryvar = yes\n"
    )


def manager_conf(site: DialplanSite, way: Way = "queue") -> str:
    """For ``manager.conf``: a user with no more rights than are used. The secret is not printed."""
    read, write, events = rights(site, way)
    return "\n".join(
        [
            "; In [general], so that times are the PBX's own:",
            ";   timestampevents = yes",
            *([_SYSTEM_RIGHT] if site.create_extension else []),
            f"[{site.username}]",
            f"secret = the secret of sites.{site.site}.ami in postcall.toml",
            "deny = 0.0.0.0/0.0.0.0",
            *(f"permit = {host}/255.255.255.255" for host in _hosts(site)),
            f"read = {read}",
            f"write = {write}",
            *(f"eventfilter = {wanted}" for wanted in events),
            "",
        ]
    )


def rights(site: DialplanSite, way: Way) -> tuple[str, str, list[str]]:
    """The least that works: event classes, action classes, event filters. Each class was measured on Asterisk 22.10."""
    read, write = [READ], [WRITE]
    events = [f"Event: {name}" for name in EVENTS]
    if way != "queue":
        read.append("user")
        events.append(f"UserEvent: {MARK}")
    if site.create_extension:
        write += ["reporting", "system"]
    if site.calls_back:
        write.append("originate")
        events.append(f"Event: {OUTCOME}")
    return ",".join(read), ",".join(write), events


_SYSTEM_RIGHT = """\
; create_extension needs the class system. Whoever has it can make Asterisk run any program, so keep the secret as you
; would keep a root password, or paste the extension into extensions.conf and set create_extension = false."""


def _survey(site: DialplanSite) -> list[str]:
    if site.create_extension:
        return []
    context, extension, priority = site.survey_goto.split(",")
    places = site.replicas or (f"{_reachable(site.agi_host)}:{site.agi_port}",)
    first, *others = survey_calls([f"agi://{place}/survey?site={site.site}" for place in places])
    return [
        f"[{context}]",
        f"exten => {extension},{priority},{first[0]}({first[1]})",
        *(f" same => n,{application}({data})" for application, data in others),
        " same => n,Hangup()",
        "",
    ]


def _way(site: DialplanSite, way: Way) -> list[str]:
    over_ami = site.trigger == "ami"
    match way:
        case "queue" if over_ami:
            return [] if site.create_extension else [_AS_IT_IS.format("Your queues' own lines stay as they are"), ""]
        case "queue":
            return [
                "; In your own context, behind each queue whose callers are to be asked:",
                ";   same => n,Queue(support,c)",
                f";   same => n,Goto({site.survey_goto})",
                "",
            ]
        case "dial":
            return [
                "; Where your customers' calls come in, before any phone rings; Queue may be left out:",
                f";   same => n,UserEvent({MARK},Queue: support)",
                *([_AS_IT_IS.format("Dial() stays as it is")] if over_ami else _dial_and_go_on(site)),
                "",
            ]
        case "outbound":
            target = site.survey_goto.replace(",", "^")
            return [
                "; Where your agents dial out, before Dial():",
                ";   same => n,Set(_POSTCALL_AGENT=${CHANNEL(name)})",
                f";   same => n,UserEvent({MARK},Customer: callee,Number: ${{EXTEN}},Queue: outbound)",
                _AS_IT_IS.format("Dial() stays as it is")
                if over_ami
                else f"; and the customer is sent on when the agent hangs up, by the option F({target}) of Dial():",
                *([] if over_ami else [f";   same => n,Dial(PJSIP/${{EXTEN}}@trunk,60,F({target}))"]),
                "",
            ]


_AS_IT_IS = "; {}: callers are sent into the survey over AMI."


def _dial_and_go_on(site: DialplanSite) -> list[str]:
    return [
        ";   same => n,Set(POSTCALL_CALLER=yes)",
        "; Wherever agents are dialled, also by each other: an agent who has consulted a colleague goes on behind",
        "; Dial() as a customer does, but only a customer's channel has POSTCALL_CALLER, and nobody else is asked.",
        ";   same => n,Dial(PJSIP/${EXTEN},30,g)",
        f';   same => n,GotoIf($["${{POSTCALL_CALLER}}/${{DIALSTATUS}}" = "yes/ANSWER"]?{site.survey_goto})',
        ";   same => n,Hangup()",
    ]


def _send(site: DialplanSite) -> list[str]:
    if site.create_extension:
        return []
    return [
        f"; In the context of the agents' phones, for a blind transfer of the caller to {SEND_EXTENSION}:",
        f';exten => {SEND_EXTENSION},1,GotoIf($["${{BLINDTRANSFER}}" = ""]?nobody)',
        "; same => n,Set(POSTCALL_SENT=${BLINDTRANSFER})",
        f"; same => n,Goto({site.survey_goto})",
        "; same => n(nobody),Hangup()",
        "",
    ]


def _hosts(site: DialplanSite) -> list[str]:
    """From where the service comes, whichever replica of it."""
    hosts = [place.rpartition(":")[0].strip("[]") for place in site.replicas] or [_reachable(site.agi_host)]
    return list(dict.fromkeys(hosts))


def _reachable(host: str) -> str:
    """The address to call back to; a service that listens on every address is reached by one of them."""
    return "ADDRESS-OF-THIS-SERVICE" if is_any_address(host) else host
