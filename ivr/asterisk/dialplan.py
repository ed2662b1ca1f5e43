"""The lines that an admin adds to Asterisk's own files, made from the settings."""

from dataclasses import dataclass
from ipaddress import ip_address

from ivr.asterisk.events import WANTED

READ = "agent,call"
"""The event classes of every name in `EVENTS`."""
EVENTS = sorted(set(WANTED) - {"FullyBooted", "Shutdown"})
"""What the link lives on. The other two would need the class `system`, and only make the log clearer."""
WRITE = "call"
"""`Setvar` and `Status` need `call`; `QueueStatus` and `Ping` need nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialplanSite:
    """What the lines depend on."""

    site: str
    username: str
    trigger: str
    """``ami`` or ``dialplan``."""
    survey_goto: str
    """Context, extension and priority."""
    agi_host: str
    agi_port: int


def extensions_conf(site: DialplanSite) -> str:
    """For ``extensions.conf``: the survey, and how callers get there."""
    context, extension, priority = site.survey_goto.split(",")
    lines = [
        f"[{context}]",
        f"exten => {extension},{priority},AGI(agi://{_reachable(site.agi_host)}:{site.agi_port}/survey?site={site.site})",
        " same => n,Hangup()",
    ]
    if site.trigger == "dialplan":
        lines += [
            "",
            "; In your own context, behind each queue whose callers are to be asked:",
            ";   same => n,Queue(support,c)",
            f";   same => n,Goto({site.survey_goto})",
        ]
    else:
        lines += ["", "; Your queues' own lines stay as they are: callers are sent here over AMI."]
    return "\n".join(lines) + "\n"


def queues_conf() -> str:
    """For ``queues.conf``: what lets the survey know the agent even while the AMI link is down."""
    return (
        "; In each [queue], or in a template that they share:\n"
        "setinterfacevar = yes\n"
        "setqueuevar = yes\n"
        "setqueueentryvar = yes\n"
    )


def manager_conf(site: DialplanSite) -> str:
    """For ``manager.conf``: a user with no more rights than are used. The secret is not printed."""
    return "\n".join(
        [
            "; In [general], so that times are the PBX's own:",
            ";   timestampevents = yes",
            f"[{site.username}]",
            f"secret = the secret of sites.{site.site}.ami in postcall.toml",
            "deny = 0.0.0.0/0.0.0.0",
            f"permit = {_permitted(site.agi_host)}",
            f"read = {READ}",
            f"write = {WRITE}",
            *(f"eventfilter = Event: {name}" for name in EVENTS),
            "",
        ]
    )


def _reachable(host: str) -> str:
    """The address to call back to; a service that listens on every address is reached by one of them."""
    return "ADDRESS-OF-THIS-SERVICE" if _is_any(host) else host


def _permitted(host: str) -> str:
    if _is_any(host):
        return "ADDRESS-OF-THIS-SERVICE/255.255.255.255"
    return f"{host}/255.255.255.255"


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
