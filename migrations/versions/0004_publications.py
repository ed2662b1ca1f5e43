"""Publications: which version of a flow is in force from when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publication",
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("in_force_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("published_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("flow", "number", name="pk_publication"),
        sa.ForeignKeyConstraint(["digest"], ["flow_version.digest"], name="fk_publication_flow_version"),
        sa.CheckConstraint("way IN ('shipped', 'file', 'command', 'rollback')", name=op.f("ck_publication_way")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_publication_number")),
    )


def downgrade() -> None:
    op.drop_table("publication")
