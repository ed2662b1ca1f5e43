"""The funnel has a row a bucket with a column a step, no longer a row a step; one agent's counts are found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# What is put together below comes from this file alone.
# ruff: noqa: S608
KEY = {"site_id": 32, "day": None, "agent": 80, "queue": 80, "reason": 80, "flow": 64}
BUCKET = ", ".join(KEY)
STEPS = ("offered", "started", "answered", "completed", "partial", "no_input", "hung_up", "failed")
BY_AGENT = ("tally", "funnel", "call_count")


def upgrade() -> None:
    sums = ", ".join(f"SUM(CASE WHEN step = '{step}' THEN surveys ELSE 0 END) AS {step}" for step in STEPS)
    op.execute(f"CREATE TEMPORARY TABLE kept AS SELECT {BUCKET}, {sums} FROM funnel GROUP BY {BUCKET}")
    op.drop_table("funnel")
    op.create_table(
        "funnel",
        *_key(),
        *(sa.Column(step, sa.Integer(), nullable=False) for step in STEPS),
        sa.PrimaryKeyConstraint(*KEY, name="pk_funnel"),
        sa.CheckConstraint(" AND ".join(f"{step} >= 0" for step in STEPS), name=op.f("ck_funnel_steps")),
    )
    names = f"{BUCKET}, {', '.join(STEPS)}"
    op.execute(f"INSERT INTO funnel ({names}) SELECT {names} FROM kept")
    op.execute("DROP TABLE kept")
    for table in BY_AGENT:
        op.create_index(f"ix_{table}_agent", table, ["site_id", "agent", "day"])


def downgrade() -> None:
    for table in BY_AGENT:
        op.drop_index(f"ix_{table}_agent", table)
    op.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM funnel")
    op.drop_table("funnel")
    op.create_table(
        "funnel",
        *_key(),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("surveys", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, "step", name="pk_funnel"),
        sa.CheckConstraint(f"step IN {STEPS}", name=op.f("ck_funnel_step")),
        sa.CheckConstraint("surveys >= 0", name=op.f("ck_funnel_surveys")),
    )
    for step in STEPS:
        op.execute(
            f"INSERT INTO funnel ({BUCKET}, step, surveys) SELECT {BUCKET}, '{step}', {step} FROM kept WHERE {step} > 0"
        )
    op.execute("DROP TABLE kept")


def _key() -> list[sa.Column[object]]:
    return [sa.Column(name, sa.String(size) if size else sa.Date(), nullable=False) for name, size in KEY.items()]
