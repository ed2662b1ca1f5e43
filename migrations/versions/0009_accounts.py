"""Accounts with sessions and tokens, and who listened to which recording."""

import sqlalchemy as sa
from alembic import op

from storage.types import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("teams", sa.Text(), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("login", name="pk_account"),
        sa.CheckConstraint("role IN ('admin', 'supervisor', 'agent')", name=op.f("ck_account_role")),
    )
    op.create_table(
        "api_token",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("label", sa.String(120), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_api_token"),
        sa.ForeignKeyConstraint(["login"], ["account.login"], name="fk_api_token_account"),
    )
    op.create_table(
        "web_session",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_web_session"),
        sa.ForeignKeyConstraint(["login"], ["account.login"], name="fk_web_session_account"),
    )
    op.create_index("ix_web_session_login", "web_session", ["login"])
    op.create_table(
        "recording_look",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("linkedid", sa.String(150), nullable=False),
        sa.Column("question", sa.String(64), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "linkedid", "question", "looked_at", "login", name="pk_recording_look"),
    )


def downgrade() -> None:
    for table in ("recording_look", "web_session", "api_token", "account"):
        op.drop_table(table)
