"""The tables of those who look at scores: accounts, sessions, tokens, and which recordings they listened to."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import CHANNEL, CODE, LABEL, NAME, SITE, WORD, Base
from storage.types import Clipped

DIGEST = 64


class Account(Base):
    """Somebody who may sign in."""

    __tablename__ = "account"
    login: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    role: Mapped[str] = mapped_column(Clipped(WORD))
    site_id: Mapped[str] = mapped_column(Clipped(SITE))
    """The only site that is seen; ``""`` for all."""
    teams: Mapped[str] = mapped_column(Text)
    """The only teams that are seen, a line each; ``""`` for all."""
    agent: Mapped[str] = mapped_column(Clipped(CODE))
    """The agent whose own scores are seen; ``""`` for other roles."""
    password_hash: Mapped[str] = mapped_column(Text)
    """By argon2; ``""`` for an account without a password."""
    created_at: Mapped[datetime]
    __table_args__ = (CheckConstraint("role IN ('admin', 'supervisor', 'agent')", name="role"),)


class ApiToken(Base):
    """A bearer token of an account; only its SHA-256 is kept."""

    __tablename__ = "api_token"
    digest: Mapped[str] = mapped_column(Clipped(DIGEST), primary_key=True)
    login: Mapped[str] = mapped_column(Clipped(NAME), ForeignKey("account.login"))
    label: Mapped[str] = mapped_column(Clipped(LABEL), server_default=text("''"))
    created_at: Mapped[datetime]


class WebSession(Base):
    """A browser that is signed in; only the SHA-256 of what its cookie holds is kept."""

    __tablename__ = "web_session"
    digest: Mapped[str] = mapped_column(Clipped(DIGEST), primary_key=True)
    login: Mapped[str] = mapped_column(Clipped(NAME), ForeignKey("account.login"))
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    __table_args__ = (Index("ix_web_session_login", "login"),)


class RecordingLook(Base):
    """Somebody listened to what a caller had said."""

    __tablename__ = "recording_look"
    site_id: Mapped[str] = mapped_column(Clipped(SITE), primary_key=True)
    linkedid: Mapped[str] = mapped_column(Clipped(CHANNEL), primary_key=True)
    question: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    looked_at: Mapped[datetime] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(Clipped(NAME), primary_key=True)
    """Not a foreign key: it stays when the account goes."""
