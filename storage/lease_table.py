"""The table by which replicas of the service agree who does what only one at a time may do."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from storage.base import CODE, Base
from storage.types import Clipped


class Lease(Base):
    """One replica's right to a job, for as long as it renews it."""

    __tablename__ = "lease"
    job: Mapped[str] = mapped_column(Clipped(CODE), primary_key=True)
    holder: Mapped[str] = mapped_column(Clipped(CODE))
    renewed_at: Mapped[datetime]
    """By the clock of the database, which is the same for all."""
