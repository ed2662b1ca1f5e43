"""Writes the configuration of a small call centre for a real Asterisk: agents, callers, queues, survey.

What is dialled, what the agents are called and which header sets which channel variable is said here and nowhere else.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

AGENTS: Mapping[str, str] = {
    "1001": "Alice Moreau",
    "1002": "Doe, John",
    "1003": "李雷",
    "1004": "Zoë O'Neil",
}
"""Extension of each agent → the member name that the queues use. The interface is ``PJSIP/`` and the extension."""

QUEUES = ("support", "billing")
"""Every agent is a member of every queue; a queue rings only those whose phone is registered and idle."""

SURVEY = "postcall-survey,s,1"
"""Where a caller is sent to be asked, in the form of ``CHANNEL(after_bridge_goto)``."""

SURVEY_URL_VARIABLE = "SURVEY_URL"
"""The global dialplan variable with the address that the survey's ``AGI()`` connects to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiUser:
    """A login to the manager interface, with its rights as ``manager.conf`` spells them."""

    name: str
    read: str
    write: str
    event_filters: Sequence[str] = ()
    """Values of ``eventfilter``, such as ``Event: AgentConnect``; none lets through all that `read` allows."""
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Loopback ports of one Asterisk."""

    ami: int
    sip: int


def write_configuration(
    base: Path,
    *,
    modules: Path,
    english_sounds: Path,
    documentation: Path,
    prompts: Path | None,
    ports: Ports,
    users: Sequence[AmiUser],
    survey_url: str,
    extra_dialplan: str = "",
) -> Path:
    """Write everything under `base` and return the path of ``asterisk.conf``.

    `prompts` becomes playable as ``postcall/…``; `extra_dialplan` is appended to ``extensions.conf`` as it is.
    """
    etc = base / "etc"
    for folder in (etc, *(base / name for name in _FOLDERS)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (base / "data/sounds").mkdir(exist_ok=True)
    (base / "data/sounds/en").symlink_to(english_sounds)
    (base / "data/documentation").symlink_to(documentation)
    if prompts is not None:
        (base / "data/sounds/postcall").symlink_to(prompts.resolve())
    files = {
        "asterisk.conf": _asterisk(base, modules),
        "modules.conf": _modules(),
        "logger.conf": "[general]\n[logfiles]\nmessages => notice,warning,error,verbose(3)\n",
        "manager.conf": _manager(ports.ami, users),
        "pjsip.conf": _pjsip(ports.sip),
        "queues.conf": _queues(),
        "extensions.conf": _extensions(survey_url, extra_dialplan),
        "rtp.conf": "[general]\nrtpstart=20000\nrtpend=29999\nicesupport=no\nstrictrtp=no\n",
        "indications.conf": _INDICATIONS,
        "acl.conf": "",
    }
    # Asterisk does without these, and complains at each start; a log is for what matters.
    files |= {f"{name}.conf": "[general]\n" for name in _UNUSED}
    for name, text in files.items():
        (etc / name).write_text(text, encoding="utf-8")
    return etc / "asterisk.conf"


_UNUSED = ("ccss", "cdr", "cel", "features", "pjproject", "queuerules", "udptl")
_INDICATIONS = "[general]\ncountry=us\n[us]\ndescription=USA\nringcadence=2000,4000\nring=440+480/2000,0/4000\n"
_FOLDERS = ("data", "keys", "lib", "log", "run", "spool", "agi-bin")

_MODULES = {
    "app": "dial exec playback queue read record senddtmf stack userevent verbose",
    "bridge": "builtin_features holding native_rtp simple softmix",
    "chan": "pjsip",
    "codec": "alaw gsm resample ulaw",
    "format": "gsm pcm sln wav",
    "func": "callerid channel env global logic strings timeout uri",
    "pbx": "config",
    "res": "agi pjproject rtp_asterisk sorcery_astdb sorcery_config sorcery_memory speech timing_timerfd pjsip",
    "res_pjsip": "authenticator_digest caller_id dtmf_info endpoint_identifier_ip endpoint_identifier_user "
    "header_funcs nat pubsub refer registrar rfc3326 sdp_rtp session",
}
"""First part of a module's name → the rest of it."""


def _modules() -> str:
    # Required, and not only loaded: one that fails must end the start, and not surprise the first call.
    names = [f"{family}_{name}" for family, rest in _MODULES.items() for name in rest.split()]
    return "[modules]\nautoload=no\n" + "".join(f"require={name}.so\n" for name in names)


def _asterisk(base: Path, modules: Path) -> str:
    return f"""[directories](!)
[directories]
astetcdir => {base}/etc
astmoddir => {modules}
astvarlibdir => {base}/lib
astdbdir => {base}/lib
astkeydir => {base}/keys
astdatadir => {base}/data
astagidir => {base}/agi-bin
astspooldir => {base}/spool
astrundir => {base}/run
astlogdir => {base}/log
[options]
verbose=3
nocolor=yes
"""


def _manager(port: int, users: Sequence[AmiUser]) -> str:
    text = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nport={port}\ntimestampevents=yes\ndisplayconnects=no\n"
    for user in users:
        text += f"\n[{user.name}]\nsecret={user.secret}\nread={user.read}\nwrite={user.write}\n"
        text += "deny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.255\n"
        text += "".join(f"eventfilter={wanted}\n" for wanted in user.event_filters)
    return text


def _pjsip(port: int) -> str:
    # SIP's default timers make Asterisk wait 32 s for a phone that is gone (RFC 3261, timer B = 64 × T1).
    text = f"""[system]
type=system
timer_t1=100
timer_b=6400
[global]
type=global
endpoint_identifier_order=username,ip
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}
[phone](!)
type=endpoint
context=from-caller
disallow=all
allow=ulaw
direct_media=no
rtp_symmetric=yes
dtmf_mode=rfc4733
timers=no
[caller](phone)
[loopback]
type=identify
endpoint=caller
match=127.0.0.1
"""
    for extension in AGENTS:
        text += f"[{extension}](phone)\naors={extension}\n"
        text += f"[{extension}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\nqualify_frequency=0\n"
    return text


def _queues() -> str:
    text = "[general]\npersistentmembers=no\n"
    for queue in QUEUES:
        text += f"""[{queue}]
strategy=rrmemory
ringinuse=no
autofill=yes
timeout=15
retry=1
joinempty=yes
leavewhenempty=no
setinterfacevar=yes
setqueuevar=yes
setqueueentryvar=yes
"""
        # member => interface,penalty,name,state interface; a quoted name may hold a comma.
        text += "".join(f'member => PJSIP/{number},0,"{name}"\n' for number, name in AGENTS.items())
    return text


def _extensions(survey_url: str, extra: str) -> str:
    return f"""[general]
static=yes
writeprotect=yes
[globals]
{SURVEY_URL_VARIABLE}={survey_url}

; What a menu in front of the queue would have found out travels in two headers of the call.
[from-caller]
exten => 8000,1,GoSub(arrive,s,1)
 same => n,Queue(support)
 same => n,Hangup()
exten => 8001,1,GoSub(arrive,s,1)
 same => n,Queue(support,c)
 same => n,Goto({SURVEY})
exten => 8002,1,GoSub(arrive,s,1)
 same => n,Queue(billing)
 same => n,Hangup()

[arrive]
exten => s,1,Answer()
 same => n,Set(POSTCALL_REASON=${{URIDECODE(${{PJSIP_HEADER(read,X-Call-Reason)}})}})
 same => n,Set(WANTED=${{PJSIP_HEADER(read,X-Language)}})
 same => n,ExecIf($["${{WANTED}}" != ""]?Set(CHANNEL(language)=${{WANTED}}))
 same => n,Return()

[postcall-survey]
exten => s,1,AGI(${{{SURVEY_URL_VARIABLE}}})
 same => n,UserEvent(AfterSurvey,AgiStatus: ${{AGISTATUS}},Result: ${{POSTCALL_RESULT}})
 same => n,Playback(vm-goodbye)
 same => n,Hangup()

{extra}
"""
