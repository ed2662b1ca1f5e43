"""`postcall accounts`: who may sign in."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from ivr.cli.main import main
from ivr.web.auth import fingerprint
from ivr.web.passwords import Passwords
from storage.accounts import Accounts
from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import AgentRecord, SiteRecord

SETTINGS = """
[database]
url = "sqlite:///{path}"
[web]
token = "a token of these tests"
[privacy]
caller_key = "a key of these tests"
[sites.main.ami]
secret = "s3cret of the tests"
"""
PASSWORD = "correct horse battery"
Found = TypeVar("Found")


class Desk:
    """An admin at a terminal."""

    def __init__(self, folder: Path) -> None:
        self.settings = folder / "postcall.toml"
        self.path = folder / "postcall.db"
        self.settings.write_text(SETTINGS.format(path=self.path), "utf-8")

    def run(self, *words: str, typed: str = "") -> Result:
        arguments = ["accounts", words[0], "-c", str(self.settings), *words[1:]]
        result = CliRunner().invoke(main, arguments, input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def done(self, *words: str, typed: str = "") -> str:
        result = self.run(*words, typed=typed)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *words: str, typed: str = "") -> str:
        result = self.run(*words, typed=typed)
        assert result.exit_code == 2, result.output
        return result.output

    def asked(self, work: Callable[[Accounts], Awaitable[Found]]) -> Found:
        async def ask() -> Found:
            async with await open_database(f"sqlite:///{self.path}") as database:
                return await work(Accounts(database))

        return asyncio.run(ask())

    def know_agent(self, team: str = "") -> None:
        async def tell() -> None:
            async with await open_database(f"sqlite:///{self.path}") as database:
                recorder = Recorder(database)
                await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
                agent = AgentRecord(site="main", agent="PJSIP/1001", interface="PJSIP/1001", team=team)
                await recorder.record_agent(agent)

        asyncio.run(tell())


@pytest.fixture
def desk(tmp_path: Path, migrated_file: Path) -> Desk:
    here = Desk(tmp_path)
    shutil.copy(migrated_file, here.path)
    return here


def test_a_team_that_nobody_is_in_is_pointed_out_for_it_may_be_misspelled(desk: Desk) -> None:
    added = ("add", "--role", "supervisor", "--no-password", "--team")
    assert desk.done(*added, "gold", "sue") == (
        "sue is added: supervisor, sees all sites, teams gold\nnobody is known to be in a team 'gold' yet\n"
    )
    with desk.settings.open("a") as file:
        file.write('[sites.main.teams]\ngold = ["PJSIP/1001"]\n')
    desk.know_agent(team="night")
    assert desk.done(*added, "gold", "--team", "night", "uma").count("\n") == 1
    assert desk.done(*added, "glod", "--site", "main", "tom").splitlines()[1:] == [
        "nobody is known to be in a team 'glod' yet; there are gold, night"
    ]


def test_an_account_is_added_with_a_password_that_is_kept_as_a_hash_only(desk: Desk) -> None:
    assert desk.done("add", "ada", "--role", "admin", typed=f"{PASSWORD}\n") == (
        "ada is added: admin, sees all sites, all teams\n"
    )
    account = desk.asked(lambda accounts: accounts.find("ada"))
    assert account is not None
    assert account.password_hash.startswith("$argon2id$")
    assert PASSWORD.encode() not in desk.path.read_bytes()

    async def fits(password: str) -> bool:
        return await Passwords().fits(password, account.password_hash)

    assert asyncio.run(fits(PASSWORD))
    assert not asyncio.run(fits(PASSWORD + " "))


def test_the_list_says_who_sees_what(desk: Desk) -> None:
    assert "There are no accounts" in desk.done("list")
    desk.done("add", "ada", "--role", "admin", typed=PASSWORD)
    desk.done(
        "add", "sue", "--role", "supervisor", "--site", "main", "--team", "north", "--team", "a[b]", typed=PASSWORD
    )
    desk.done("add", "wall", "--role", "supervisor", "--no-password")
    desk.done("token", "wall", "--label", "the screen in the hall")
    rows = [" ".join(line.split()) for line in desk.done("list").splitlines()]
    assert rows == [
        "login role password sees tokens",
        "ada admin yes all sites, all teams none",
        "sue supervisor yes site main, teams north, a[b] none",
        "wall supervisor none all sites, all teams the screen in the hall",
    ]


def test_an_agent_sees_the_own_code_and_a_code_that_nobody_heard_of_is_pointed_out(desk: Desk) -> None:
    said = desk.done("add", "al", "--role", "agent", "--site", "main", "--agent", "PJSIP/1001", typed=PASSWORD)
    assert said.splitlines() == [
        "al is added: agent, sees PJSIP/1001 at main",
        "nothing was heard of an agent 'PJSIP/1001' at the site main yet",
    ]
    desk.know_agent()
    said = desk.done("add", "alice", "--role", "agent", "--site", "main", "--agent", "PJSIP/1001", typed=PASSWORD)
    assert said.splitlines() == ["alice is added: agent, sees PJSIP/1001 at main"]


def test_a_token_is_shown_once_and_kept_as_a_digest(desk: Desk) -> None:
    desk.done("add", "wall", "--role", "supervisor", "--no-password")
    token = desk.done("token", "wall").strip()
    found = desk.asked(lambda accounts: accounts.by_token(fingerprint(token)))
    assert found is not None
    assert found.login == "wall"
    assert token.encode() not in desk.path.read_bytes()
    assert desk.done("revoke", "wall") == "wall is signed out everywhere; tokens that hold no longer: 1\n"
    assert desk.asked(lambda accounts: accounts.by_token(fingerprint(token))) is None


def test_who_is_removed_is_gone_with_the_tokens(desk: Desk) -> None:
    desk.done("add", "wall", "--role", "supervisor", "--no-password")
    token = desk.done("token", "wall").strip()
    assert desk.done("remove", "wall") == "wall is removed\n"
    assert desk.asked(lambda accounts: accounts.by_token(fingerprint(token))) is None
    # Whoever gets the name later gets nothing with it.
    desk.done("add", "wall", "--role", "admin", "--no-password")
    assert desk.asked(lambda accounts: accounts.tokens()) == []


def test_a_new_password_replaces_the_old_one(desk: Desk) -> None:
    desk.done("add", "ada", "--role", "admin", typed=PASSWORD)
    before = desk.asked(lambda accounts: accounts.find("ada"))
    desk.done("password", "ada", typed="another long password\n")
    after = desk.asked(lambda accounts: accounts.find("ada"))
    assert before
    assert after
    assert before.password_hash != after.password_hash


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "Ada", "--role", "admin"), "LOGIN: got 'Ada'; allowed: small letters, digits"),
        (("add", "token", "--role", "admin"), "LOGIN: got 'token', the name of whoever has the token of the settings"),
        (("add", "al", "--role", "agent"), "--site and --agent: an agent's account needs both"),
        (("add", "al", "--role", "agent", "--site", "mars", "--agent", "1"), "--site: got 'mars'; allowed: main"),
        (("add", "al", "--role", "supervisor", "--agent", "1"), "--agent: not for the role supervisor"),
        (("add", "al", "--role", "admin", "--team", "north"), "--team: not for the role admin"),
        (("add", "al", "--role", "admin", "--site", "main"), "--site: not for the role admin"),
        (("add", "al", "--role", "supervisor", "--team", "a\nb"), "--team: an empty name, or one of several lines"),
        (("add", "al", "--role", "supervisor", "--team", ""), "--team: an empty name, or one of several lines"),
        (("password", "nobody"), "LOGIN: there is no account 'nobody'"),
        (("token", "nobody"), "LOGIN: there is no account 'nobody'"),
        (("revoke", "nobody"), "LOGIN: there is no account 'nobody'"),
        (("remove", "nobody"), "LOGIN: there is no account 'nobody'"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(desk: Desk, words: tuple[str, ...], says: str) -> None:
    said = desk.refused(*words, typed=PASSWORD)
    assert said.startswith(f"postcall: {says}")
    assert len(said.splitlines()) == 1
    assert desk.asked(lambda accounts: accounts.all()) == []


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 1025])
def test_a_password_of_the_wrong_length_is_refused_and_not_repeated(desk: Desk, password: str) -> None:
    said = desk.refused("add", "ada", "--role", "admin", typed=password)
    assert said == f"postcall: password: got {len(password)} characters; allowed: 12 to 1024\n"


def test_a_login_that_is_taken_is_not_given_again(desk: Desk) -> None:
    desk.done("add", "ada", "--role", "admin", typed=PASSWORD)
    assert "there is an account 'ada' already" in desk.refused("add", "ada", "--role", "supervisor", typed=PASSWORD)
