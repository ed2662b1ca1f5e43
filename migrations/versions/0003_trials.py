"""Trials: flows that were only tried."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("survey", sa.Column("trial", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    # Without the column nothing would tell them from surveys that count.
    op.execute(
        "DELETE FROM answer WHERE EXISTS (SELECT 1 FROM survey WHERE survey.site_id = answer.site_id"
        " AND survey.survey = answer.survey AND survey.trial)"
    )
    op.execute("DELETE FROM survey WHERE trial")
    op.execute(
        "DELETE FROM call WHERE linkedid LIKE 'trial-%' AND uniqueid = '' AND NOT EXISTS (SELECT 1 FROM survey"
        " WHERE survey.site_id = call.site_id AND survey.linkedid = call.linkedid)"
    )
    op.drop_column("survey", "trial")
