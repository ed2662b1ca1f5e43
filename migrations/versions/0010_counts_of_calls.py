"""Calls are counted: by who is or would be credited, why they were not asked, who ended them, and what was rated."""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from storage.types import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BATCH = 1000
NO_RATING = -1
PARTS = 1000
CODES = ("agent", "queue", "reason")

# What a call counts, as it was at this revision.
COUNTED = f"""
WITH talked AS (
 SELECT site_id, linkedid, SUM(talk_seconds) AS talk FROM leg GROUP BY site_id, linkedid
), counted AS (
 SELECT c.site_id, COALESCE(s.day, c.day) AS day, COALESCE(cr.agent, s.agent, c.agent) AS agent,
  COALESCE(s.queue, c.queue) AS queue, COALESCE(s.reason, c.reason) AS reason,
  CASE WHEN s.survey IS NULL THEN c.exclusion ELSE '' END AS exclusion, COALESCE(c.ended_by, 'unknown') AS ended_by,
  c.hour, CASE WHEN t.talk IS NULL THEN -1 WHEN t.talk < 30 THEN 0 WHEN t.talk < 60 THEN 1 WHEN t.talk < 120 THEN 2
   WHEN t.talk < 300 THEN 3 WHEN t.talk < 600 THEN 4 ELSE 5 END AS talk_band,
  COALESCE(a.value, {NO_RATING}) AS value, COALESCE(cr.parts, {PARTS}) AS parts, COALESCE(t.talk, 0) AS talk
 FROM call c
 LEFT JOIN survey s ON s.site_id = c.site_id AND s.linkedid = c.linkedid AND NOT s.trial
 LEFT JOIN credit cr ON cr.site_id = s.site_id AND cr.survey = s.survey
 LEFT JOIN answer a ON a.site_id = s.site_id AND a.survey = s.survey AND a.is_rating AND a.value IS NOT NULL
 LEFT JOIN talked t ON t.site_id = c.site_id AND t.linkedid = c.linkedid
 WHERE c.ended_at IS NOT NULL AND c.day IS NOT NULL AND (s.survey IS NOT NULL OR c.exclusion <> '')
)
"""  # noqa: S608 - put together from this file alone


def upgrade() -> None:
    op.add_column("call", sa.Column("agent", sa.String(80), server_default=sa.text("''"), nullable=False))
    op.add_column("call", sa.Column("day", sa.Date(), nullable=True))
    op.add_column("call", sa.Column("hour", sa.Integer(), nullable=True))
    op.create_table(
        "call_count",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.String(80), nullable=False) for name in (*CODES, "exclusion")),
        sa.Column("ended_by", sa.String(16), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("talk", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "day", *CODES, "exclusion", "ended_by", name="pk_call_count"),
        sa.CheckConstraint("calls >= 0 AND talk >= 0", name=op.f("ck_call_count_counts")),
    )
    op.create_table(
        "coverage",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("talk_band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "day", "hour", "talk_band", "queue", "reason", "value", name="pk_coverage"),
        sa.CheckConstraint("calls >= 0", name=op.f("ck_coverage_calls")),
    )
    _date_calls()
    # Of those who were not asked it is kept from now on whom they would be credited to; until now, who talked last.
    op.execute(
        "UPDATE call SET agent = COALESCE((SELECT l.agent FROM leg l WHERE l.site_id = call.site_id"
        " AND l.linkedid = call.linkedid ORDER BY l.connected_at DESC, l.leg DESC LIMIT 1), '')"
    )
    bucket = "site_id, day, agent, queue, reason, exclusion, ended_by"
    op.execute(
        f"INSERT INTO call_count ({bucket}, calls, talk)"  # noqa: S608
        f" {COUNTED} SELECT {bucket}, SUM(parts), SUM(parts * talk) FROM counted GROUP BY {bucket}"
    )
    stratum = "site_id, day, hour, talk_band, queue, reason, value"
    op.execute(
        f"INSERT INTO coverage ({stratum}, calls)"  # noqa: S608
        f" {COUNTED} SELECT {stratum}, SUM(parts) FROM counted GROUP BY {stratum}"
    )


def _date_calls() -> None:
    """The day and hour of each call's end, in its site's zone."""
    connection = op.get_bind()
    call = sa.table(
        "call",
        sa.column("site_id", sa.String()),
        sa.column("linkedid", sa.String()),
        sa.column("ended_at", UtcDateTime()),
        sa.column("day", sa.Date()),
        sa.column("hour", sa.Integer()),
    )
    dated = (
        sa.update(call)
        .where(call.c.site_id == sa.bindparam("site"), call.c.linkedid == sa.bindparam("id"))
        .values(day=sa.bindparam("on"), hour=sa.bindparam("at"))
    )
    for site, zone in connection.execute(sa.text("SELECT site_id, zone FROM site")).all():
        last = ""
        while True:
            rows = connection.execute(
                sa.select(call.c.linkedid, call.c.ended_at)
                .where(call.c.site_id == site, call.c.linkedid > last, call.c.ended_at.is_not(None))
                .order_by(call.c.linkedid)
                .limit(BATCH)
            ).all()
            if not rows:
                break
            last = rows[-1][0]
            connection.execute(dated, [_dated(site, linkedid, at.astimezone(ZoneInfo(zone))) for linkedid, at in rows])


def _dated(site: str, linkedid: str, at: datetime) -> dict[str, object]:
    return {"site": site, "id": linkedid, "on": at.date(), "at": at.hour}


def downgrade() -> None:
    op.drop_table("coverage")
    op.drop_table("call_count")
    for column in ("hour", "day", "agent"):
        op.drop_column("call", column)
