"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ENDED_BY = "ended_by IN ('agent', 'caller', 'transfer', 'unknown')"


def upgrade() -> None:
    op.create_table(
        "site",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("site_id", name="pk_site"),
    )
    op.create_table(
        "agent",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("interface", sa.String(80), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "agent", name="pk_agent"),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name="fk_agent_site"),
    )
    op.create_table(
        "queue",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "queue", name="pk_queue"),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name="fk_queue_site"),
    )
    op.create_table(
        "reason",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("label", sa.String(120), nullable=False),
        sa.Column("parent", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "reason", name="pk_reason"),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name="fk_reason_site"),
    )
    op.create_table(
        "call",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("linkedid", sa.String(150), nullable=False),
        sa.Column("uniqueid", sa.String(150), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("caller_digest", sa.String(64), nullable=False),
        sa.Column("caller_mask", sa.String(32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(16), nullable=True),
        sa.Column("abandoned", sa.Boolean(), nullable=False),
        sa.Column("exclusion", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "linkedid", name="pk_call"),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name="fk_call_site"),
        sa.CheckConstraint(ENDED_BY, name=op.f("ck_call_ended_by")),
    )
    op.create_table(
        "leg",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("linkedid", sa.String(150), nullable=False),
        sa.Column("leg", sa.String(150), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(16), nullable=True),
        sa.Column("ring_seconds", sa.Integer(), nullable=True),
        sa.Column("hold_seconds", sa.Integer(), nullable=True),
        sa.Column("talk_seconds", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "linkedid", "leg", name="pk_leg"),
        sa.ForeignKeyConstraint(["site_id", "linkedid"], ["call.site_id", "call.linkedid"], name="fk_leg_call"),
        sa.CheckConstraint(ENDED_BY, name=op.f("ck_leg_ended_by")),
    )
    op.create_table(
        "flow_version",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_flow_version"),
    )
    op.create_index("ix_flow_version_flow", "flow_version", ["flow"])
    op.create_table(
        "survey",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("survey", sa.String(150), nullable=False),
        sa.Column("linkedid", sa.String(150), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("flow_version", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "survey", name="pk_survey"),
        sa.UniqueConstraint("site_id", "linkedid", name="uq_survey_site_id_linkedid"),
        sa.ForeignKeyConstraint(["site_id", "linkedid"], ["call.site_id", "call.linkedid"], name="fk_survey_call"),
        sa.ForeignKeyConstraint(["flow_version"], ["flow_version.digest"], name="fk_survey_flow_version"),
        sa.CheckConstraint(
            "status IN ('offered', 'started', 'completed', 'partial', 'no_input', 'hung_up', 'failed')",
            name=op.f("ck_survey_status"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (status IN ('offered', 'started'))", name=op.f("ck_survey_ended")),
        sa.CheckConstraint("status <> 'started' OR started_at IS NOT NULL", name=op.f("ck_survey_started")),
    )
    op.create_index(
        "ix_survey_open",
        "survey",
        ["site_id", "survey"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "answer",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("survey", sa.String(150), nullable=False),
        sa.Column("question", sa.String(64), nullable=False),
        sa.Column("is_rating", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.String(20), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("ended", sa.String(16), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "survey", "question", name="pk_answer"),
        sa.ForeignKeyConstraint(["site_id", "survey"], ["survey.site_id", "survey.survey"], name="fk_answer_survey"),
        sa.CheckConstraint(
            "ended IN ('answered', 'no_input', 'no_match', 'hung_up', 'failed')", name=op.f("ck_answer_ended")
        ),
        sa.CheckConstraint("(value IS NULL) = (ended <> 'answered')", name=op.f("ck_answer_value")),
        sa.CheckConstraint("tries >= 1", name=op.f("ck_answer_tries")),
    )
    op.create_table(
        "tally",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("question", sa.String(64), nullable=False),
        sa.Column("is_rating", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("ratings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "site_id", "day", "agent", "queue", "reason", "flow", "question", "is_rating", "value", name="pk_tally"
        ),
        sa.CheckConstraint("ratings >= 0", name=op.f("ck_tally_ratings")),
    )
    op.create_table(
        "funnel",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("surveys", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "day", "agent", "queue", "reason", "flow", "step", name="pk_funnel"),
        sa.CheckConstraint(
            "step IN ('offered', 'started', 'answered', 'completed', 'partial', 'no_input', 'hung_up', 'failed')",
            name=op.f("ck_funnel_step"),
        ),
        sa.CheckConstraint("surveys >= 0", name=op.f("ck_funnel_surveys")),
    )
    op.create_table(
        "link_gap",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "since", name="pk_link_gap"),
        sa.ForeignKeyConstraint(["site_id"], ["site.site_id"], name="fk_link_gap_site"),
        sa.CheckConstraint("until >= since", name=op.f("ck_link_gap_order")),
    )


def downgrade() -> None:
    for table in ("link_gap", "funnel", "tally", "answer", "survey", "flow_version", "leg", "call"):
        op.drop_table(table)
    for table in ("reason", "queue", "agent", "site"):
        op.drop_table(table)
