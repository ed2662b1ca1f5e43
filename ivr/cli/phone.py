"""`postcall phone`: the terminal as a telephone on which a flow is tried."""

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from callflows.loader import FlowVersion
from callflows.sounds import spoken
from ivr.cli.logs import configure_logs
from ivr.cli.options import config_option
from ivr.errors import FlowError, SettingsError
from ivr.service_settings import LogSettings
from ivr.settings import Settings, load_settings
from ivr.surveys.conduct import spoken as spoken_language
from ivr.trial.flow_files import flow_to_try
from ivr.trial.terminal import TerminalPhone, TypedKeys, single_presses
from ivr.trial.trial import PretendedCall, TrialDesk, TrialResult, TrialStore
from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import SiteRecord
from storage.schema import check_schema

SHIPPED = "csat"
"""What is tried when neither the command nor a settings file names a flow."""
_HEADINGS = ("question", "keys", "value", "tries", "ended")


@click.command()
@config_option
@click.argument("flow", required=False)
@click.option("--language", help="One of the flow's languages; without it, the site's or the flow's first.")
@click.option("--queue", default="", help="The queue that the call is taken to have come through.")
@click.option("--reason", default="", help="The call reason that is taken to be known.")
@click.option("--team", default="", help="The team of the agent who is taken to have talked with the caller.")
@click.option(
    "--variable", "variables", multiple=True, metavar="NAME=VALUE", help="A channel variable; may be given repeatedly."
)
@click.option("--record", is_flag=True, help="Keep the answers in the database, as a trial, which is never counted.")
def phone(
    path: Path,
    flow: str | None,
    language: str | None,
    queue: str,
    reason: str,
    team: str,
    variables: tuple[str, ...],
    record: bool,
) -> None:
    """Try FLOW, a file or a flow's code: what a caller hears is written, keys come from the keyboard.

    From a pipe each character is a key, a line end is silence until the timeout, and the end hangs up.
    """
    configure_logs(LogSettings(level="error"))
    settings = load_settings(path) if record or path.exists() else None
    site = next(iter(settings.sites.values())) if settings else None
    version = flow_to_try(flow or (site.flow if site else SHIPPED), settings.flows.folder if settings else None)
    if language is not None and language not in version.flow.languages:
        raise FlowError(f"--language: got {language!r}; allowed: {', '.join(version.flow.languages)}")
    language = language or spoken_language(version.flow, "", site.language if site else "")
    call = PretendedCall(queue=queue, team=team, reason=reason, variables=_variables(variables))
    result = asyncio.run(_try(version, settings, record, language, call))
    click.echo(_shown(result))
    if result.outcome == "failed":
        sys.exit(1)


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    for one in given:
        if not one.partition("=")[1]:
            raise SettingsError(f"--variable: got {one!r}; allowed: a name and a value, such as VIP=yes")
    return dict(one.split("=", 1) for one in given)


async def _try(
    version: FlowVersion, settings: Settings | None, record: bool, language: str, call: PretendedCall
) -> TrialResult:
    # None is the machine's own zone.
    zone = next(iter(settings.sites.values())).zone_info if settings else None
    async with AsyncExitStack() as stack:
        store = None
        if settings and record:
            database = await stack.enter_async_context(await open_database(settings.database.url.get_secret_value()))
            await check_schema(database)
            recorder = Recorder(database)
            code, site = next(iter(settings.sites.items()))
            await recorder.ensure_site(SiteRecord(site=code, name=site.name, zone=site.zone))
            store = TrialStore(recorder=recorder, site=code)
        stdin = sys.stdin.fileno()
        stack.enter_context(single_presses(stdin))
        keys = await stack.enter_async_context(TypedKeys(stdin))
        if sys.stdin.isatty():
            click.echo("Press keys 0-9 * #; Ctrl-C hangs up.")
        return await TrialDesk(store=store, now=lambda: datetime.now(UTC).astimezone(zone)).conduct(
            version,
            TerminalPhone(keys, spoken(version.flow), _write),
            language=language,
            call=call,
        )


def _write(text: str) -> None:
    click.echo(text, nl=False)
    sys.stdout.flush()


def _shown(result: TrialResult) -> str:
    rows = [
        _HEADINGS,
        *(
            (answer.question, answer.keys or "-", _or_dash(answer.value), str(answer.tries), answer.ended)
            for answer in result.answers
        ),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        f"{result.flow}, version {result.flow_version[:12]}, in {result.language}: {result.outcome}",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
        *([f"reason: {result.reason}"] if result.reason else []),
        *([f"code: {result.incentive}"] if result.incentive else []),
        f"Kept as {result.trial}; trials are never counted." if result.trial else "Nothing was kept.",
    ]
    return "\n" + "\n".join(lines)


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)
