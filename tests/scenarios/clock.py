"""The clock of a scenario: it stands still until the next row."""

from ivr.demo.clock import Clock


class RowClock(Clock):
    """Time stamps are those of the rows; only the waits of a survey pass, a thousand times as fast."""

    def __init__(self, noon: float) -> None:
        super().__init__(1000)
        self._noon = noon
        self.at = 0.0
        """Seconds into the scenario."""

    def timestamp(self) -> float:
        return self._noon + self.at

    def now(self) -> float:
        return self.at
