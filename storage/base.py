"""What all tables share. Natural keys; the site leads every primary key that grows, so that rows spread by site.

One convention for what is not known: ``""`` for a code (agent, queue, reason, language), because a key cannot hold
NULL and one value is compared in one way everywhere; NULL for times, lengths and who ended it. Codes are not foreign
keys into `agent`, `queue` and `reason`: those tables describe codes, and a survey must be storable before its agent is.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, MetaData
from sqlalchemy.orm import DeclarativeBase

from storage.types import UtcDateTime

SITE = 32
CODE = 80
"""Longest agent, queue or reason; Asterisk's own limit for a channel name and a queue name."""
CHANNEL = 150
"""Longest uniqueid and linkedid in Asterisk."""
NAME = 64
"""Longest flow and question."""
LABEL = 120
WORD = 16
"""Longest of our own enumerated words."""


def one_of(column: str, words: Sequence[str]) -> str:
    """The condition that `column` holds one of `words`."""
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can drop it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, date: Date}  # noqa: RUF012 - SQLAlchemy's own class attribute
