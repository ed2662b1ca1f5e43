"""`postcall doctor`: looks at an installation, and says what to do."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ivr.asterisk.extension import ExtensionPlan
from ivr.cli.asterisk import dialplan_site
from ivr.cli.options import config_option
from ivr.doctor.findings import Finding, Level
from ivr.doctor.named import look_at_names
from ivr.doctor.pbx import look_at_pbx
from ivr.doctor.prompts import look_at_prompts
from ivr.doctor.service import look_at_service
from ivr.doctor.store import look_at_store
from ivr.doctor.test_call import call_for_test
from ivr.parts.pbx import ami_access
from ivr.settings import Settings, load_settings

_SIGNS: dict[Level, tuple[str, str]] = {
    "ok": ("ok", "green"), "note": ("not seen", "cyan"), "warning": ("warning", "yellow"), "fault": ("FAULT", "red")
}  # fmt: skip


@click.command()
@config_option
@click.option("--test-call", "calls", is_flag=True, help="Place a call into the survey, which is counted nowhere.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(path: Path, calls: bool, form: str) -> None:
    """Look at database, disk, clock, service and each Asterisk, and print what to do.

    Changes nothing, and may be run beside the service. Status 1 when there is a fault.
    """
    findings = asyncio.run(_look(load_settings(path), calls=calls))
    if form == "json":
        click.echo(json.dumps([asdict(one) for one in findings], ensure_ascii=False, indent=2))
    else:
        for one in findings:
            sign, colour = _SIGNS[one.level]
            click.echo(f"{click.style(f'{sign:8}', fg=colour)}  {one.about}: {one.said}")
            if one.fix:
                click.echo(f"{'':10}-> {one.fix}")
        if not calls:
            click.echo("Prompts on the PBX and event filters are seen with --test-call.")
        faults = sum(one.level == "fault" for one in findings)
        click.echo("Nothing is wrong." if not faults else f"{faults} to be put right.")
    sys.exit(any(one.level == "fault" for one in findings))


async def _look(settings: Settings, *, calls: bool) -> list[Finding]:
    found = [
        *await look_at_store(settings),
        *await look_at_names(settings),
        *await look_at_prompts(settings),
        *await look_at_service(settings),
    ]
    for code, site in settings.sites.items():
        lines = dialplan_site(settings, code)
        plan = ExtensionPlan(
            site=code,
            goto=site.survey_goto,
            agi_host=lines.agi_host,
            agi_port=lines.agi_port,
            replicas=lines.replicas,
        )
        found += await look_at_pbx(ami_access(site), lines, plan)
        if calls:
            found += await call_for_test(ami_access(site), lines)
    return found
