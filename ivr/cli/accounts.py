"""`postcall accounts`: who may sign in, and with which tokens programs may ask."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from ivr.cli.group import Group
from ivr.cli.options import config_option
from ivr.errors import SettingsError
from ivr.settings import Settings, load_settings
from ivr.web.access import LOGIN, ROOT
from ivr.web.auth import fingerprint, new_secret
from ivr.web.passwords import hashed
from storage import queries
from storage.accounts import AccountRecord, Accounts, Role
from storage.engine import Database, open_database
from storage.records import AgentRecord
from storage.schema import check_schema
from storage.tables import LABEL

Found = TypeVar("Found")
LOGIN_ALLOWED = "small letters, digits and . _ @ -, at most 64, and the first a letter or a digit"


@click.group(cls=Group)
def accounts() -> None:
    """Look after those who may sign in."""


@accounts.command("add")
@config_option
@click.argument("login")
@click.option("--role", type=click.Choice(["admin", "supervisor", "agent"]), required=True, help="What may be seen.")
@click.option("--site", default="", help="The only site that is seen; an agent needs one.")
@click.option("--team", "teams", multiple=True, help="A team that a supervisor sees, instead of all; may be repeated.")
@click.option("--agent", default="", help="The code of an agent's own, such as PJSIP/1001.")
@click.option("--no-password", is_flag=True, help="For a program, which gets a token.")
def add_command(
    path: Path, login: str, role: Role, site: str, teams: tuple[str, ...], agent: str, no_password: bool
) -> None:
    """Add an account. The password is asked for, or is the first line of standard input."""
    settings = load_settings(path)
    _check_login(login)
    _check_reach(settings, role, site, teams, agent)
    password_hash = "" if no_password else hashed(_password())
    account = AccountRecord(
        login=login,
        role=role,
        site=site,
        teams=teams,
        agent=agent,
        password_hash=password_hash,
        created_at=datetime.now(UTC),
    )

    async def work(database: Database) -> list[AgentRecord]:
        if not await Accounts(database).add(account):
            raise SettingsError(f"LOGIN: there is an account {login!r} already")
        return await queries.agents(database, site or None)

    known = _with_database(settings, work)
    click.echo(f"{login} is added: {_about(account)}")
    if agent and agent not in {one.agent for one in known}:
        click.echo(f"nothing was heard of an agent {agent!r} at the site {site} yet", err=True)
    there = {one.team for one in known if one.team}
    there |= {team for code, one in settings.sites.items() if site in ("", code) for team in one.teams}
    for team in teams:
        if team not in there:
            others = f"; there are {', '.join(sorted(there))}" if there else ""
            click.echo(f"nobody is known to be in a team {team!r} yet{others}", err=True)


@accounts.command("list")
@config_option
def list_command(path: Path) -> None:
    """List the accounts."""
    found = _with_database(load_settings(path), lambda database: Accounts(database).all())
    tokens = _with_database(load_settings(path), lambda database: Accounts(database).tokens())
    if not found:
        click.echo("There are no accounts; `postcall accounts add` makes one.")
        return
    rows = [("login", "role", "password", "sees", "tokens")]
    for account in found:
        labels = [token.label or "without a label" for token in tokens if token.login == account.login]
        password = "yes" if account.password_hash else "none"
        rows.append((account.login, account.role, password, _reach(account), ", ".join(labels) or "none"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@accounts.command("password")
@config_option
@click.argument("login")
def password_command(path: Path, login: str) -> None:
    """Change a password. Every browser that is signed in to the account is signed out."""
    settings = load_settings(path)
    _with_database(settings, lambda database: _require(database, login))
    password_hash = hashed(_password())
    if not _with_database(settings, lambda database: Accounts(database).set_password(login, password_hash)):
        raise _no_account(login)
    click.echo(f"{login} has a new password")


@accounts.command("token")
@config_option
@click.argument("login")
@click.option("--label", default="", help="What it is for, to tell tokens apart.")
def token_command(path: Path, login: str, label: str) -> None:
    """Make a token, with which a program may ask for what the account sees. It is shown this once."""
    if not (label.isprintable() and len(label) <= LABEL):
        raise SettingsError(f"--label: not printable, or too long; allowed: {LABEL} characters")
    token = new_secret()

    async def work(database: Database) -> bool:
        return await Accounts(database).add_token(login, fingerprint(token), label, datetime.now(UTC))

    if not _with_database(load_settings(path), work):
        raise _no_account(login)
    click.echo(token)


@accounts.command("revoke")
@config_option
@click.argument("login")
def revoke_command(path: Path, login: str) -> None:
    """End an account's tokens, and sign out every browser. The password stays."""

    async def work(database: Database) -> int:
        await _require(database, login)
        return await Accounts(database).revoke(login)

    ended = _with_database(load_settings(path), work)
    click.echo(f"{login} is signed out everywhere; tokens that hold no longer: {ended}")


@accounts.command("remove")
@config_option
@click.argument("login")
def remove_command(path: Path, login: str) -> None:
    """Remove an account. What it looked at stays logged."""
    if not _with_database(load_settings(path), lambda database: Accounts(database).remove(login)):
        raise _no_account(login)
    click.echo(f"{login} is removed")


def _check_login(login: str) -> None:
    if not LOGIN.fullmatch(login):
        raise SettingsError(f"LOGIN: got {login[:100]!r}; allowed: {LOGIN_ALLOWED}")
    if login == ROOT.name:
        raise SettingsError(f"LOGIN: got {login!r}, the name of whoever has the token of the settings")


def _check_reach(settings: Settings, role: Role, site: str, teams: tuple[str, ...], agent: str) -> None:
    if site and site not in settings.sites:
        raise SettingsError(f"--site: got {site!r}; allowed: {', '.join(sorted(settings.sites))}")
    if role == "agent" and not (site and agent):
        raise SettingsError("--site and --agent: an agent's account needs both")
    if role != "agent" and agent:
        raise SettingsError(f"--agent: not for the role {role}; allowed with --role agent")
    if role != "supervisor" and teams:
        raise SettingsError(f"--team: not for the role {role}; allowed with --role supervisor")
    if role == "admin" and site:
        raise SettingsError("--site: not for the role admin, which sees all sites")
    if any(not team.strip() or not team.isprintable() for team in teams):
        raise SettingsError("--team: an empty name, or one of several lines; allowed: the name of a team")


def _password() -> str:
    """Asked for twice at a terminal, or else the first line of standard input; no argument, which others could see."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _about(account: AccountRecord) -> str:
    return f"{account.role}, sees {_reach(account)}"


def _reach(account: AccountRecord) -> str:
    """What an account sees, in words."""
    if account.role == "agent":
        return f"{account.agent} at {account.site}"
    where = f"site {account.site}" if account.site else "all sites"
    return f"{where}, {'teams ' + ', '.join(account.teams) if account.teams else 'all teams'}"


async def _require(database: Database, login: str) -> None:
    if await Accounts(database).find(login) is None:
        raise _no_account(login)


def _no_account(login: str) -> SettingsError:
    return SettingsError(f"LOGIN: there is no account {login[:100]!r}; `postcall accounts list` shows them")


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[Found]]) -> Found:
    async def run() -> Found:
        async with await open_database(settings.database.url.get_secret_value()) as database:
            await check_schema(database)
            return await work(database)

    return asyncio.run(run())
