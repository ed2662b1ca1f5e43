"""Ratings are counted by agent alone, too, and an agent's months are found by the agent."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# What is put together below comes from this file alone.
# ruff: noqa: S608
KEY = ("site_id", "day", "agent", "flow", "question", "is_rating", "value")
OF_MONTHS = ("tally_month", "funnel_month", "call_count_month")
OF_AGENTS = {"agent_tally": "tally", "agent_tally_month": "tally_month"}
"""Each new table, and the one that it sums."""


def upgrade() -> None:
    for sums, summed in OF_AGENTS.items():
        op.create_table(
            sums,
            sa.Column("site_id", sa.String(32), nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("agent", sa.String(80), nullable=False),
            sa.Column("flow", sa.String(64), nullable=False),
            sa.Column("question", sa.String(64), nullable=False),
            sa.Column("is_rating", sa.Boolean(), nullable=False),
            sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("ratings", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint(*KEY, name=f"pk_{sums}"),
            sa.CheckConstraint("ratings >= 0", name=op.f(f"ck_{sums}_ratings")),
        )
        key = ", ".join(KEY)
        op.execute(f"INSERT INTO {sums} ({key}, ratings) SELECT {key}, SUM(ratings) FROM {summed} GROUP BY {key}")
    for table in (*OF_MONTHS, *OF_AGENTS):
        op.create_index(f"ix_{table}_agent", table, ["site_id", "agent", "day"])


def downgrade() -> None:
    for table in OF_AGENTS:
        op.drop_table(table)
    for table in OF_MONTHS:
        op.drop_index(f"ix_{table}_agent", table)
