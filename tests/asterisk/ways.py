"""An Asterisk whose dialplan has the lines that `postcall asterisk dialplan` prints, as an admin would paste them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import callflows
from ivr.app import running
from ivr.asterisk.dialplan import DialplanSite, Way, extensions_conf, manager_conf
from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from tests.asterisk.service import Beside, settings_for
from tests.asterisk.test_printed_lines import printed_user

GOTO = "pasted-survey,s,1"
SHIPPED_PROMPTS = Path(callflows.__file__).parent / "library/sounds"


@dataclass(frozen=True)
class Ways:
    """A server with printed lines for every way."""

    server: AsteriskServer
    trigger: str
    agi_port: int

    @asynccontextmanager
    async def service(self, url: str, **site: Any) -> AsyncIterator[Beside]:
        """The service beside it."""
        more = {"trigger": self.trigger, "user": "postcall", "survey_goto": GOTO, **site}
        settings = settings_for(self.server, url, agi_port=self.agi_port, **more)
        async with running(settings) as service:
            yield Beside(service)


def uncommented(lines: str, containing: tuple[str, ...]) -> str:
    """Those of the printed lines for the admin's own contexts that hold one of these words, ready to be pasted."""
    found = [line[1:] for line in lines.splitlines() if line[:1] == ";" and any(word in line for word in containing)]
    assert found, lines
    return "\n".join(found)


def pasted(site: DialplanSite) -> str:
    """The admin's dialplan: customers come in at 7100 and 7200, agents dial each other, and customers behind a 9."""
    dial, outbound = extensions_conf(site, "dial"), extensions_conf(site, "outbound")
    continues = site.trigger == "dialplan"
    to_agent = uncommented(dial, ("Dial(", 'GotoIf($["${POSTCALL', "same => n,Hangup")) if continues else ""
    to_customer = uncommented(outbound, ("n,Dial(",)).replace("${EXTEN}@trunk", "${EXTEN:1}") if continues else ""
    option = "ct" if continues else "t"  # t: agents may transfer by keys
    return f"""
{extensions_conf(site, "queue").split("; In ")[0]}
[from-caller]
exten => 7100,1,Answer()
{uncommented(dial, ("UserEvent(", "Set(POSTCALL_CALLER"))}
 same => n,Goto(phones,1001,1)
exten => 7200,1,Answer()
 same => n,Queue(support,{option})
 same => n,{"Goto(" + GOTO + ")" if continues else "Hangup()"}
exten => _1XXX,1,Goto(phones,${{EXTEN}},1)
exten => _9XXXX,1,NoOp()
{uncommented(outbound, ("Set(_POSTCALL_AGENT", "UserEvent("))}
{to_customer or " same => n,Dial(PJSIP/${EXTEN:1},20)"}
 same => n,Hangup()
{uncommented(dial, ("*7", "; same =>"))}
exten => *71,1,AGI(agi://127.0.0.1:{site.agi_port}/wrapup?site={site.site}&reason=tech/router)
 same => n,Hangup()
[phones]
exten => _1XXX,1,NoOp()
{to_agent or " same => n,Dial(PJSIP/${EXTEN},20)"}
 same => n,Hangup()
"""


@contextmanager
def ways(
    root: Path,
    base: Path,
    trigger: str,
    *,
    calls_back: bool = False,
    prompts: Path = SHIPPED_PROMPTS,
    etc: Mapping[str, str] | None = None,
    own_lines: str = "",
) -> Iterator[Ways]:
    """Run such a server, with `own_lines` below the printed ones, and `etc` in place of its configuration files."""
    agi_port = free_port()
    site = DialplanSite(
        site="main",
        username="postcall",
        trigger=trigger,
        survey_goto=GOTO,
        create_extension=False,
        agi_host="127.0.0.1",
        agi_port=agi_port,
        calls_back=calls_back,
    )
    way: Way = "dial"
    server = AsteriskServer(
        root,
        users=[printed_user(manager_conf(site, way))],
        prompts=prompts,
        base=base,
        extra_dialplan=pasted(site) + own_lines,
    )
    for name, text in (etc or {}).items():
        (base / "etc" / name).write_text(text, encoding="utf-8")
    asyncio.run(server.start())
    try:
        yield Ways(server=server, trigger=trigger, agi_port=agi_port)
    finally:
        asyncio.run(server.stop())
