"""Call-backs: callers who could not be asked at the end of their call."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "callback",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("linkedid", sa.String(150), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("sealed_number", sa.Text(), nullable=True),
        sa.Column("caller_digest", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "linkedid", name="pk_callback"),
        sa.ForeignKeyConstraint(
            ["site_id", "linkedid"], ["call.site_id", "call.linkedid"], name=op.f("fk_callback_call")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'calling', 'answered', 'given_up', 'withdrawn')", name=op.f("ck_callback_state")
        ),
        sa.CheckConstraint(
            "(sealed_number IS NOT NULL) = (state IN ('pending', 'calling'))", name=op.f("ck_callback_number")
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (state IN ('pending', 'calling'))", name=op.f("ck_callback_ended")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_callback_tries")),
    )
    op.create_index(
        "ix_callback_open",
        "callback",
        ["site_id", "due_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_callback_opted_out",
        "callback",
        ["site_id", "caller_digest"],
        sqlite_where=sa.text("why = 'opted_out'"),
        postgresql_where=sa.text("why = 'opted_out'"),
    )
    op.create_index("ix_callback_called", "callback", ["site_id", "called_at"])


def downgrade() -> None:
    op.drop_index("ix_callback_called", table_name="callback")
    op.drop_index("ix_callback_opted_out", table_name="callback")
    op.drop_index("ix_callback_open", table_name="callback")
    op.drop_table("callback")
