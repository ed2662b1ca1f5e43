"""An Asterisk, as far as our AMI user may look. Nothing is changed there, and nobody's call is touched."""

import ssl
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from ivr.asterisk.actions import AmiAction, Reply, is_denied
from ivr.asterisk.ami import AmiAccess, AmiManager, AmiTiming
from ivr.asterisk.dialplan import DialplanSite, rights
from ivr.asterisk.extension import ExtensionPlan, is_missing
from ivr.doctor.findings import Finding
from ivr.doctor.queues import look_at_queues
from ivr.errors import PbxError, PbxRefused, SettingsError

OFF_SECONDS = 2.0
"""From so much on, times of calls are wrong enough to be seen."""
FAR_OFF_SECONDS = 30.0
"""From so much on, whose call it was may be taken wrongly."""
MODULES = {
    "res_agi": "the application AGI, by which callers are asked",
    "func_channel": "CHANNEL(after_bridge_goto), by which callers stay on the line",
    "func_uri": "URIENCODE, by which names and numbers come over whole",
}
_LOOK = "give the user read and write = system,config,reporting for the look, and take them away again"


async def look_at_pbx(access: AmiAccess, site: DialplanSite, plan: ExtensionPlan) -> list[Finding]:
    """What an admin should know of one site's PBX. `plan` is the survey's extension, whoever creates it."""
    about = f"pbx {site.site}"
    try:
        manager = AmiManager(access, AmiTiming(), on_event=_nothing, on_skipped=_nothing, wanted=())
        await manager.connect()
    except (SettingsError, PbxError) as error:
        return [Finding(level="fault", about=about, said=str(error), fix=_way_in(error, access))]
    try:
        queues = None if site.create_extension else await look_at_queues(manager, about)
        return [
            await _version(manager, about, access),
            await _clock(manager, about),
            *await _rights(manager, about, site),
            *await _modules(manager, about),
            await _extension(manager, about, site, plan),
            *([queues] if queues else []),
        ]
    except PbxError as error:
        return [Finding(level="fault", about=about, said=str(error), fix="see Asterisk's own log")]
    finally:
        manager.close()


def _way_in(error: Exception, access: AmiAccess) -> str:
    """What to do about an AMI that does not let us in."""
    cause = error.__cause__
    if isinstance(error, PbxRefused):
        return "in manager.conf: the secret as in postcall.toml, and a `permit` for this machine; then `manager reload`"
    if isinstance(error, SettingsError):
        return "ca_file of this site must name a PEM file that the service's user may read"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "ca_file of this site must have the authority of Asterisk's certificate, and that the host of this site"
    if isinstance(cause, ssl.SSLError):
        return "tls = true wants the port of `tlsbindaddr` in manager.conf, with `tlsenable = yes`"
    if isinstance(cause, TimeoutError) and not access.tls:
        return "see that no firewall is in between; a port that speaks TLS (`tlsbindaddr`) wants tls = true"
    return "start Asterisk, with `enabled = yes` and `bindaddr`, `port` in manager.conf as in postcall.toml"


async def _version(manager: AmiManager, about: str, access: AmiAccess) -> Finding:
    """Which Asterisk it is, as far as the user may know."""
    reply = await _ask(manager, "CoreSettings")
    told = "" if reply.refusal else reply.response.get("AsteriskVersion")
    who = f"Asterisk {told[:60]}, " if told else ""
    return Finding(level="ok", about=about, said=f"{who}AMI {manager.version} at {access.address} lets us in")


def _nothing(*_: object) -> None:
    """What is heard meanwhile is the service's business."""


async def _ask(manager: AmiManager, name: str, **headers: str) -> Reply:
    """Ask, whether the answer is yes or no."""
    return await manager.submit(AmiAction(name, headers))


async def _clock(manager: AmiManager, about: str) -> Finding:
    reply = await _ask(manager, "Ping")
    told = reply.response.get("Timestamp")
    try:
        apart = abs(datetime.now(UTC).timestamp() - float(told))
    except ValueError:
        return Finding(level="note", about=about, said="Asterisk does not tell its time")
    said = f"its clock and ours are {apart:.1f} s apart"
    fix = "run NTP (chrony, systemd-timesyncd) on both machines"
    if apart > FAR_OFF_SECONDS:
        return Finding(level="fault", about=about, said=said, fix=fix)
    if apart > OFF_SECONDS:
        return Finding(level="warning", about=about, said=said, fix=fix)
    return Finding(level="ok", about=about, said=said)


async def _rights(manager: AmiManager, about: str, site: DialplanSite) -> list[Finding]:
    # Each is refused for what it lacks, or for the right that the user lacks: nothing comes of any of them.
    tries = {
        "call": ("Hangup", {"Channel": "Postcall/nobody"}),
        "originate": ("Originate", {"Channel": "", "Exten": "", "Context": "", "Priority": "1"}),
        "system": ("DialplanExtensionAdd", {"Context": "", "Extension": ""}),
        "reporting": ("ShowDialPlan", {"Context": "postcall-no-such-context"}),
    }
    _, write, _ = rights(site, "queue")
    needed = [name for name in write.split(",") if name in tries]
    lacking = []
    for name in needed:
        action, headers = tries[name]
        if is_denied((await _ask(manager, action, **headers)).refusal):
            lacking.append(name)
    if not lacking:
        return [Finding(level="ok", about=about, said=f"the user has write = {', '.join(needed)}")]
    return [
        Finding(
            level="fault",
            about=about,
            said=f"the user lacks write = {', '.join(lacking)}",
            fix=f"in manager.conf: write = {write} (see `postcall asterisk dialplan`); then `manager reload`",
        )
    ]


async def _modules(manager: AmiManager, about: str) -> Sequence[Finding]:
    absent: list[str] = []
    for name in MODULES:
        reply = await _ask(manager, "ModuleCheck", Module=name)
        if is_denied(reply.refusal):
            return [Finding(level="note", about=about, said="its modules cannot be looked at", fix=_LOOK)]
        if reply.refusal is not None:
            absent.append(name)
    return _of_modules(about, absent)


def _of_modules(about: str, absent: Collection[str]) -> Sequence[Finding]:
    if not absent:
        return [Finding(level="ok", about=about, said=f"it has {', '.join(MODULES)}")]
    return [
        Finding(
            level="fault",
            about=about,
            said=f"{name} is not loaded: {MODULES[name]}",
            fix=f"no `noload` for {name}.so in modules.conf; then `module load {name}`",
        )
        for name in absent
    ]


async def _extension(manager: AmiManager, about: str, site: DialplanSite, plan: ExtensionPlan) -> Finding:
    context, extension, _ = site.survey_goto.split(",")
    where = f"{extension}@{context}"
    reply = await _ask(manager, "ShowDialPlan", Context=context, Extension=extension)
    if is_denied(reply.refusal):
        return Finding(level="note", about=about, said="its dialplan cannot be looked at", fix=_LOOK)
    wanted = plan.steps(manager.local_host)
    if reply.refusal is None and not is_missing(reply.items, wanted, site=site.site):
        return Finding(level="ok", about=about, said=f"the survey's extension {where} is there")
    if site.create_extension:
        said = f"the survey's extension {where} is not there, or leads elsewhere; the service makes it when it starts"
        return Finding(level="warning", about=about, said=said, fix="start `postcall serve`")
    urls = plan.urls(manager.local_host)
    return Finding(
        level="fault",
        about=about,
        said=f"the survey's extension {where} is not there, or leads elsewhere than to {' and '.join(urls)}",
        fix="paste what `postcall asterisk dialplan` prints for extensions.conf; then `dialplan reload`",
    )
