"""Accounts, their sessions and tokens, and looks at recordings: written and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import Select, delete, func, select, update

from storage.account_tables import Account, ApiToken, RecordingLook, WebSession
from storage.engine import Database
from storage.transaction import Transaction
from storage.upsert import insert_new, table_of

Role = Literal["admin", "supervisor", "agent"]
"""An admin may do everything, a supervisor sees some teams, an agent the own score."""
IDLE = timedelta(minutes=60)
"""A session that is not used for so long is over."""
LONGEST = timedelta(hours=12)
"""However much it is used, a session is over after that."""
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """Somebody who may sign in."""

    login: str
    role: Role
    site: str = ""
    """The only site that is seen; ``""`` for all."""
    teams: tuple[str, ...] = ()
    """The only teams that are seen; empty for all."""
    agent: str = ""
    """The agent whose own scores are seen; ``""`` for other roles."""
    password_hash: str = ""
    """``""`` for an account without a password."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token of an account; what it is itself is not kept."""

    login: str
    label: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRecord:
    """Somebody listened to what a caller had said."""

    login: str
    question: str
    looked_at: datetime


class Accounts:
    """Every method is one transaction and raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account: AccountRecord) -> bool:
        """Add an account; False when there is one of that login already."""

        async def work(connection: Transaction) -> bool:
            return await insert_new(
                connection,
                Account,
                login=account.login,
                role=account.role,
                site_id=account.site,
                teams="\n".join(account.teams),
                agent=account.agent,
                password_hash=account.password_hash,
                created_at=account.created_at,
            )

        return await self._database.write(work)

    async def set_password(self, login: str, password_hash: str) -> bool:
        """Change a password and end every session of the account; False when there is no such account."""

        async def work(connection: Transaction) -> bool:
            statement = update(Account).where(Account.login == login).values(password_hash=password_hash)
            await connection.execute(delete(WebSession).where(WebSession.login == login))
            return (await connection.execute(statement)).rowcount > 0

        return await self._database.write(work)

    async def remove(self, login: str) -> bool:
        """Remove an account with its sessions and tokens; False when there is none."""

        async def work(connection: Transaction) -> bool:
            await connection.execute(delete(WebSession).where(WebSession.login == login))
            await connection.execute(delete(ApiToken).where(ApiToken.login == login))
            return (await connection.execute(delete(Account).where(Account.login == login))).rowcount > 0

        return await self._database.write(work)

    async def all(self) -> list[AccountRecord]:
        """Every account, by login."""
        return await self._accounts(select(table_of(Account)).order_by(Account.login))

    async def find(self, login: str) -> AccountRecord | None:
        """The account of that login."""
        return _first(await self._accounts(select(table_of(Account)).where(Account.login == login)))

    async def add_token(self, login: str, digest: str, label: str, at: datetime) -> bool:
        """Add a token by its digest; False when there is no such account."""

        async def work(connection: Transaction) -> bool:
            if not await connection.scalar(select(func.count()).select_from(Account).where(Account.login == login)):
                return False
            return await insert_new(connection, ApiToken, digest=digest, login=login, label=label, created_at=at)

        return await self._database.write(work)

    async def tokens(self) -> list[TokenRecord]:
        """Every token, by login and then the oldest first."""

        async def work(connection: Transaction) -> list[TokenRecord]:
            statement = select(ApiToken.login, ApiToken.label, ApiToken.created_at)
            rows = await connection.execute(statement.order_by(ApiToken.login, ApiToken.created_at))
            return [TokenRecord(login=row.login, label=row.label, created_at=row.created_at) for row in rows]

        return await self._database.read(work)

    async def revoke(self, login: str) -> int:
        """End the sessions and tokens of an account; how many tokens there were."""

        async def work(connection: Transaction) -> int:
            await connection.execute(delete(WebSession).where(WebSession.login == login))
            return (await connection.execute(delete(ApiToken).where(ApiToken.login == login))).rowcount

        return await self._database.write(work)

    async def by_token(self, digest: str) -> AccountRecord | None:
        """Whose token that is."""
        mine = table_of(Account).c.login == table_of(ApiToken).c.login
        statement = select(table_of(Account)).join(table_of(ApiToken), mine).where(ApiToken.digest == digest)
        return _first(await self._accounts(statement))

    async def begin_session(self, digest: str, login: str, at: datetime) -> None:
        """Somebody has signed in; sessions that are over go away."""

        async def work(connection: Transaction) -> None:
            over = (WebSession.seen_at < at - IDLE) | (WebSession.begun_at < at - LONGEST)
            await connection.execute(delete(WebSession).where(over))
            await insert_new(connection, WebSession, digest=digest, login=login, begun_at=at, seen_at=at)

        await self._database.write(work)

    async def by_session(self, digest: str, at: datetime) -> AccountRecord | None:
        """Who is signed in with that session; None when there is none, or it is over."""

        async def look(connection: Transaction) -> Any:
            mine = table_of(Account).c.login == table_of(WebSession).c.login
            statement = (
                select(table_of(Account), WebSession.seen_at)
                .join(table_of(WebSession), mine)
                .where(
                    WebSession.digest == digest, WebSession.seen_at >= at - IDLE, WebSession.begun_at >= at - LONGEST
                )
            )
            return (await connection.execute(statement)).one_or_none()

        async def touch(connection: Transaction) -> None:
            await connection.execute(update(WebSession).where(WebSession.digest == digest).values(seen_at=at))

        row = await self._database.read(look)
        if row is None:
            return None
        # Not with every request: a page asks for a dozen things at once.
        if at - row.seen_at > _SEEN_EVERY:
            await self._database.write(touch)
        return _record(row)

    async def end_session(self, digest: str) -> None:
        """Somebody has signed out."""
        statement = delete(WebSession).where(WebSession.digest == digest)

        async def work(connection: Transaction) -> None:
            await connection.execute(statement)

        await self._database.write(work)

    async def note_look(self, *, login: str, site: str, linkedid: str, question: str, at: datetime) -> None:
        """Somebody listens to what a caller had said."""

        async def work(connection: Transaction) -> None:
            await insert_new(
                connection,
                RecordingLook,
                site_id=site,
                linkedid=linkedid,
                question=question,
                looked_at=at,
                login=login,
            )

        await self._database.write(work)

    async def looks(self, site: str, linkedid: str) -> list[LookRecord]:
        """Who listened to the recordings of a call, the latest first."""

        async def work(connection: Transaction) -> list[LookRecord]:
            statement = (
                select(RecordingLook.login, RecordingLook.question, RecordingLook.looked_at)
                .where(RecordingLook.site_id == site, RecordingLook.linkedid == linkedid)
                .order_by(RecordingLook.looked_at.desc(), RecordingLook.login)
            )
            rows = await connection.execute(statement)
            return [LookRecord(login=row.login, question=row.question, looked_at=row.looked_at) for row in rows]

        return await self._database.read(work)

    async def _accounts(self, statement: Select[Any]) -> list[AccountRecord]:
        async def work(connection: Transaction) -> Sequence[Any]:
            return list(await connection.execute(statement))

        return [_record(row) for row in await self._database.read(work)]


def _record(row: Any) -> AccountRecord:
    return AccountRecord(
        login=row.login,
        role=cast("Role", row.role),
        site=row.site_id,
        teams=tuple(row.teams.split("\n")) if row.teams else (),
        agent=row.agent,
        password_hash=row.password_hash,
        created_at=row.created_at,
    )


def _first(found: list[AccountRecord]) -> AccountRecord | None:
    return found[0] if found else None
