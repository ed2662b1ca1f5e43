"""An application with some operations, and the token of the settings as the only way in."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from aiohttp import web

from ivr.web.auth import Door
from ivr.web.health import Check
from ivr.web.operations import Operation
from ivr.web.server import web_app
from storage.accounts import Accounts


def api(
    token: str,
    operations: Iterable[Operation],
    checks: Mapping[str, Check] | None = None,
    accounts: Accounts | None = None,
) -> web.Application:
    """The application, whose parts are still to be set."""
    return web_app(Door(token=token, accounts=accounts, now=lambda: datetime.now(UTC)), checks or {}, operations)
