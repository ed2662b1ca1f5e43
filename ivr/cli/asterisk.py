"""`postcall asterisk`: the Asterisk side of a site."""

from pathlib import Path
from typing import get_args

import click

from ivr.asterisk.dialplan import DialplanSite, Way, extensions_conf, manager_conf, queues_conf
from ivr.cli.group import Group
from ivr.cli.options import config_option
from ivr.settings import Settings, load_settings


@click.group(cls=Group)
def asterisk() -> None:
    """Set up an Asterisk."""


@asterisk.command()
@config_option
@click.option(
    "--way",
    type=click.Choice(get_args(Way)),
    default="queue",
    show_default=True,
    help="How customers and agents come together: a queue, Dial() to the agent, or agents who dial out.",
)
def dialplan(path: Path, way: Way) -> None:
    """Print the lines to add to extensions.conf, queues.conf and manager.conf, for each site."""
    settings = load_settings(path)
    for code in settings.sites:
        site = dialplan_site(settings, code)
        files = {
            "extensions.conf": extensions_conf(site, way),
            "queues.conf": "" if way != "queue" or site.create_extension else queues_conf(),
            "manager.conf": manager_conf(site, way),
        }
        for name, lines in files.items():
            if lines:
                click.echo(f"; ===== site {code}: {name} =====\n{lines}")


def dialplan_site(settings: Settings, code: str) -> DialplanSite:
    """What the lines of one site depend on."""
    site = settings.sites[code]
    return DialplanSite(
        site=code,
        username=site.ami.username,
        trigger=site.trigger,
        survey_goto=site.survey_goto,
        create_extension=site.create_extension,
        calls_back=site.callback.enabled,
        agi_host=settings.fastagi.host,
        agi_port=settings.fastagi.port,
        replicas=settings.fastagi.replicas,
    )
