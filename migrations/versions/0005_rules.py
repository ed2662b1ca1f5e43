"""What the rules look at: whose number a survey's caller has, who opted out, and which rule stopped a call."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_survey_caller": ["site_id", "trial", "caller_digest", "offered_at"],
    "ix_survey_agent": ["site_id", "trial", "agent", "offered_at"],
    "ix_survey_queue": ["site_id", "trial", "queue", "offered_at"],
    "ix_survey_reason": ["site_id", "trial", "reason", "offered_at"],
    "ix_survey_offered": ["site_id", "trial", "offered_at"],
}


def upgrade() -> None:
    op.add_column("call", sa.Column("exclusion_rule", sa.String(120), server_default=sa.text("''"), nullable=False))
    op.add_column("survey", sa.Column("caller_digest", sa.String(64), server_default=sa.text("''"), nullable=False))
    op.execute(
        "UPDATE survey SET caller_digest = (SELECT call.caller_digest FROM call"
        " WHERE call.site_id = survey.site_id AND call.linkedid = survey.linkedid)"
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "survey", columns)
    op.create_table(
        "opt_out",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("caller_digest", sa.String(64), nullable=False),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "caller_digest", name="pk_opt_out"),
        sa.CheckConstraint("way IN ('api', 'key')", name=op.f("ck_opt_out_way")),
    )


def downgrade() -> None:
    op.drop_table("opt_out")
    for name in INDEXES:
        op.drop_index(name, "survey")
    op.drop_column("survey", "caller_digest")
    op.drop_column("call", "exclusion_rule")
