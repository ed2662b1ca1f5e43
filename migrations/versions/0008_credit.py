"""Credit: several agents may share a survey; where reasons come from; who sat at which device."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What is put together below comes from this file alone.
# ruff: noqa: S608
PARTS = 1000
TEXTS = (
    ("agent", "team", 120),
    ("call", "reason_source", 16),
    ("leg", "interface", 80),
    ("leg", "member", 120),
    ("survey", "reason_source", 16),
    ("survey", "member", 80),
    ("survey", "member_name", 120),
    ("survey", "transferred_to", 80),
    ("survey", "handed_over_by", 80),
    ("survey", "sent_by", 80),
)
BUCKET = "site_id, day, agent, queue, reason, flow"
OF_SURVEY = "s.site_id, s.day, s.agent, s.queue, s.reason, s.flow"


def upgrade() -> None:
    for table, column, length in TEXTS:
        op.add_column(table, sa.Column(column, sa.String(length), server_default=sa.text("''"), nullable=False))
    op.add_column("survey", sa.Column("shared", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_leg_agent", "leg", ["site_id", "agent", "connected_at"])
    op.create_table(
        "credit",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("survey", sa.String(150), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "survey", "agent", name="pk_credit"),
        sa.ForeignKeyConstraint(["site_id", "survey"], ["survey.site_id", "survey.survey"], name="fk_credit_survey"),
        sa.CheckConstraint("parts > 0", name=op.f("ck_credit_parts")),
    )
    # Until now an agent's code was the interface, and the dialplan the only one to give reasons.
    op.execute("UPDATE leg SET interface = agent")
    op.execute("UPDATE survey SET reason_source = 'channel' WHERE reason <> ''")
    op.execute(
        "UPDATE call SET reason_source = 'channel', reason = (SELECT s.reason FROM survey s"
        " WHERE s.site_id = call.site_id AND s.linkedid = call.linkedid)"
        " WHERE EXISTS (SELECT 1 FROM survey s WHERE s.site_id = call.site_id AND s.linkedid = call.linkedid"
        " AND s.reason <> '')"
    )
    op.execute(f"UPDATE tally SET ratings = ratings * {PARTS}")
    op.execute(f"UPDATE funnel SET surveys = surveys * {PARTS}")


def downgrade() -> None:
    # A survey that was shared goes to the agent with the largest share, so everything is counted anew.
    counted = "FROM survey s WHERE NOT s.trial AND"
    answered = (
        "EXISTS (SELECT 1 FROM answer a WHERE a.site_id = s.site_id AND a.survey = s.survey AND a.value IS NOT NULL)"
    )
    steps = {"'offered'": "1 = 1", "'started'": "s.started_at IS NOT NULL", "'answered'": answered}
    op.execute("DELETE FROM tally")
    op.execute(
        f"INSERT INTO tally ({BUCKET}, question, is_rating, value, ratings)"
        f" SELECT {OF_SURVEY}, a.question, a.is_rating, a.value, count(*) FROM answer a"
        " JOIN survey s ON s.site_id = a.site_id AND s.survey = a.survey WHERE NOT s.trial AND a.value IS NOT NULL"
        f" GROUP BY {OF_SURVEY}, a.question, a.is_rating, a.value"
    )
    op.execute("DELETE FROM funnel")
    for step, reached in {**steps, "s.status": "s.ended_at IS NOT NULL"}.items():
        op.execute(
            f"INSERT INTO funnel ({BUCKET}, step, surveys) SELECT {OF_SURVEY}, {step}, count(*) {counted} {reached}"
            f" GROUP BY {OF_SURVEY}{', s.status' if step == 's.status' else ''}"
        )
    op.drop_table("credit")
    op.drop_index("ix_leg_agent", "leg")
    op.drop_column("survey", "shared")
    for table, column, _ in reversed(TEXTS):
        op.drop_column(table, column)
