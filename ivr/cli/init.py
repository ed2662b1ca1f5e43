"""`postcall init`: a settings file to start from."""

import os
import secrets
from pathlib import Path

import click

from ivr.cli.options import config_option
from ivr.errors import SettingsError

_TEMPLATE = """\
# Postcall's settings. Any of them can be overridden by an environment variable:
# POSTCALL_WEB__PORT=8081 is `port` under [web].

[database]
url = "sqlite:///postcall.db"      # or postgresql://user:password@host/name

[web]                              # scores
host = "127.0.0.1"
port = 8080
token = "{token}"

[fastagi]                          # where Asterisk brings the callers
host = "127.0.0.1"
port = 4573

[privacy]                          # callers' numbers are hashed with this key; keep it, and keep it secret
caller_key = "{caller_key}"

[sites.main]                       # one section for each Asterisk
name = "Head office"
zone = "UTC"                       # where this site's days begin, such as "Europe/Madrid"
flow = "csat"
language = "en"                    # when the caller's channel does not say

[sites.main.ami]                   # `postcall asterisk dialplan` prints what belongs into manager.conf
host = "127.0.0.1"
port = 5038
username = "postcall"
secret = "{secret}"
"""


@click.command()
@config_option
def init(path: Path) -> None:
    """Write a settings file with fresh secrets."""
    text = _TEMPLATE.format(
        token=secrets.token_urlsafe(24), caller_key=secrets.token_urlsafe(32), secret=secrets.token_urlsafe(18)
    )
    try:
        with open(path, "x", encoding="utf-8", opener=_private) as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f"{path}: is there already, and stays as it is") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None
    click.echo(
        f"{path} is written. Next: `postcall db upgrade`, `postcall asterisk dialplan`, `postcall accounts add`,"
        " `postcall serve`."
    )


def _private(name: str, flags: int) -> int:
    """The file holds secrets: only its owner may read it."""
    return os.open(name, flags, mode=0o600)
