"""Calls are found by when they ended, and surveys left open by when they were offered."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_index("ix_call_ended", "call", ["site_id", "ended_at"])
    _survey_open("offered_at")


def downgrade() -> None:
    _survey_open("survey")
    op.drop_index("ix_call_ended", "call")


def _survey_open(column: str) -> None:
    op.drop_index("ix_survey_open", "survey")
    op.create_index("ix_survey_open", "survey", ["site_id", column], sqlite_where=OPEN, postgresql_where=OPEN)
