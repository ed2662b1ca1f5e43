"""What the log says of something that fails again and again."""

from dataclasses import dataclass

from structlog.testing import capture_logs

from storage.outage import QUIET_SECONDS, REMIND_SECONDS, Outage


@dataclass
class Clock:
    """A clock that is put on by hand."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_fault_is_said_once_and_once_that_it_is_over() -> None:
    clock = Clock()
    outage = Outage("it fails", "it works again", clock)
    with capture_logs() as said:
        outage.worked()
        for number in range(1000):
            outage.failed(f"fault {number}")
        clock.seconds += QUIET_SECONDS
        outage.worked()
        outage.worked()
    assert said == [
        {"event": "it fails", "why": "fault 0", "failures": 1, "log_level": "error"},
        {"event": "it works again", "failures": 1000, "log_level": "warning"},
    ]


def test_what_works_now_and_then_does_not_work_yet() -> None:
    clock = Clock()
    outage = Outage("it fails", "it works again", clock)
    with capture_logs() as said:
        for _ in range(100):
            outage.failed("full")
            clock.seconds += QUIET_SECONDS / 2
            outage.worked()
    assert [line["event"] for line in said] == ["it fails"]


def test_what_fails_for_long_is_said_again() -> None:
    clock = Clock()
    outage = Outage("it fails", "it works again", clock)
    with capture_logs() as said:
        for _ in range(4):
            outage.failed("full")
            clock.seconds += REMIND_SECONDS / 2
    assert [line["failures"] for line in said] == [1, 3]
