"""`postcall asterisk`: the Asterisk side of a site."""

from pathlib import Path

import click

from ivr.asterisk.dialplan import DialplanSite, extensions_conf, manager_conf, queues_conf
from ivr.cli.options import config_option
from ivr.settings import Settings, load_settings


@click.group()
def asterisk() -> None:
    """Set up an Asterisk."""


@asterisk.command()
@config_option
def dialplan(path: Path) -> None:
    """Print the lines to add to extensions.conf, queues.conf and manager.conf, for each site."""
    settings = load_settings(path)
    for code in settings.sites:
        site = dialplan_site(settings, code)
        click.echo(f"; ===== site {code}: extensions.conf =====\n{extensions_conf(site)}")
        click.echo(f"; ===== site {code}: queues.conf =====\n{queues_conf()}")
        click.echo(f"; ===== site {code}: manager.conf =====\n{manager_conf(site)}")


def dialplan_site(settings: Settings, code: str) -> DialplanSite:
    """What the lines of one site depend on."""
    site = settings.sites[code]
    return DialplanSite(
        site=code,
        username=site.ami.username,
        trigger=site.trigger,
        survey_goto=site.survey_goto,
        agi_host=settings.fastagi.host,
        agi_port=settings.fastagi.port,
    )
