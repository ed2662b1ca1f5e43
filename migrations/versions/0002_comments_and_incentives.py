"""Comments, skipped questions, incentive codes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ENDS = "ended IN ('answered', 'no_input', 'no_match', 'hung_up', 'failed')"
MORE_ENDS = "ended IN ('answered', 'recorded', 'skipped', 'no_input', 'no_match', 'hung_up', 'failed')"


def upgrade() -> None:
    op.add_column("survey", sa.Column("incentive", sa.String(16), nullable=True))
    with op.batch_alter_table("answer") as answer:
        answer.add_column(sa.Column("recording", sa.Text(), nullable=True))
        answer.add_column(sa.Column("recording_seconds", sa.Double(), nullable=True))
        answer.drop_constraint(op.f("ck_answer_ended"), type_="check")
        answer.create_check_constraint(op.f("ck_answer_ended"), MORE_ENDS)
        answer.create_check_constraint(op.f("ck_answer_recording"), "(recording IS NULL) = (ended <> 'recorded')")
        answer.create_check_constraint(
            op.f("ck_answer_recording_seconds"), "(recording_seconds IS NULL) = (ended <> 'recorded')"
        )


def downgrade() -> None:
    # What the older schema has no word for was no answer.
    op.execute(
        "UPDATE answer SET ended = 'no_input', recording = NULL, recording_seconds = NULL "
        "WHERE ended IN ('recorded', 'skipped')"
    )
    with op.batch_alter_table("answer") as answer:
        answer.drop_constraint(op.f("ck_answer_recording_seconds"), type_="check")
        answer.drop_constraint(op.f("ck_answer_recording"), type_="check")
        answer.drop_constraint(op.f("ck_answer_ended"), type_="check")
        answer.create_check_constraint(op.f("ck_answer_ended"), ENDS)
        answer.drop_column("recording_seconds")
        answer.drop_column("recording")
    # Not in a batch: SQLite would make the table anew, and drop one that answers refer to.
    op.drop_column("survey", "incentive")
