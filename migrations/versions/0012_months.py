"""Counts stand by month, too, beside those by day."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# What is put together below comes from this file alone.
# ruff: noqa: S608
CODE = sa.String(80)
KEYS: dict[str, dict[str, sa.types.TypeEngine[object]]] = {
    "tally": {
        "agent": CODE, "queue": CODE, "reason": CODE, "flow": sa.String(64), "question": sa.String(64),
        "is_rating": sa.Boolean(), "value": sa.Integer(),
    },
    "funnel": {"agent": CODE, "queue": CODE, "reason": CODE, "flow": sa.String(64)},
    "call_count": {"agent": CODE, "queue": CODE, "reason": CODE, "exclusion": CODE, "ended_by": sa.String(16)},
    "coverage": {
        "hour": sa.Integer(), "talk_band": sa.Integer(), "queue": CODE, "reason": CODE, "value": sa.Integer()
    },
}  # fmt: skip
STEPS = ("offered", "started", "answered", "completed", "partial", "no_input", "hung_up", "failed")
COUNTS = {"tally": ("ratings",), "funnel": STEPS, "call_count": ("calls", "talk"), "coverage": ("calls",)}
CHECKS = {"tally": "ratings", "funnel": "steps", "call_count": "counts", "coverage": "calls"}


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    month = "date(day, 'start of month')" if is_sqlite else "CAST(date_trunc('month', day) AS date)"
    for days, columns in KEYS.items():
        counts, months = COUNTS[days], f"{days}_month"
        op.create_table(
            months,
            sa.Column("site_id", sa.String(32), nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            *(sa.Column(name, kind, autoincrement=False, nullable=False) for name, kind in columns.items()),
            *(sa.Column(name, sa.BigInteger() if name == "talk" else sa.Integer(), nullable=False) for name in counts),
            sa.PrimaryKeyConstraint("site_id", "day", *columns, name=f"pk_{months}"),
            sa.CheckConstraint(
                " AND ".join(f"{name} >= 0" for name in counts), name=op.f(f"ck_{months}_{CHECKS[days]}")
            ),
        )
        rest = ", ".join(columns)
        sums = ", ".join(f"SUM({name})" for name in counts)
        op.execute(
            f"INSERT INTO {months} (site_id, day, {rest}, {', '.join(counts)})"
            f" SELECT site_id, {month}, {rest}, {sums} FROM {days} GROUP BY site_id, {month}, {rest}"
        )


def downgrade() -> None:
    for days in KEYS:
        op.drop_table(f"{days}_month")
