"""Answers lie in a part for each month, where the database is PostgreSQL: old ones go with their part.

The parts are ranges of the survey's uniqueid, which begins with the second in which the caller's channel came into
being. So the key of an answer stays what it is, and is looked for in one part.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# What is put together below comes from this file alone, or is a number.
KEY = "PRIMARY KEY (site_id, survey, question)"
SURVEY = "FOREIGN KEY (site_id, survey) REFERENCES survey (site_id, survey)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _move(" PARTITION BY RANGE (survey)", parts=True)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _move("", parts=False)


def _move(partitioned: str, *, parts: bool) -> None:
    """Put the answers into a new table of the same columns and checks."""
    op.execute("ALTER TABLE answer RENAME TO answer_before")
    op.execute("ALTER TABLE answer_before RENAME CONSTRAINT pk_answer TO pk_answer_before")
    op.execute(f"CREATE TABLE answer (LIKE answer_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS){partitioned}")
    op.execute(f"ALTER TABLE answer ADD CONSTRAINT pk_answer {KEY}")
    if parts:
        op.execute("CREATE TABLE answer_other PARTITION OF answer DEFAULT")
        for year, month in _months():
            after = (year + month // 12, month % 12 + 1)
            begin, end = (int(datetime(*one, 1, tzinfo=UTC).timestamp()) for one in ((year, month), after))
            op.execute(
                f"CREATE TABLE answer_{year}_{month:02} PARTITION OF answer FOR VALUES FROM ('{begin}') TO ('{end}')"
            )
    op.execute("INSERT INTO answer SELECT * FROM answer_before")
    op.execute(f"ALTER TABLE answer ADD CONSTRAINT fk_answer_survey {SURVEY}")
    op.execute("DROP TABLE answer_before")


def _months() -> list[tuple[int, int]]:
    """Those of the answers that are there. The service makes the parts of those to come."""
    months = sa.text(
        "SELECT DISTINCT EXTRACT(year FROM t)::int, EXTRACT(month FROM t)::int"
        " FROM (SELECT to_timestamp(left(survey, 10)::bigint) AT TIME ZONE 'UTC' AS t FROM answer_before"
        r" WHERE survey ~ '^1[0-9]{9}(\.|$)') AS moments"
    )
    return [(year, month) for year, month in op.get_bind().execute(months)]
