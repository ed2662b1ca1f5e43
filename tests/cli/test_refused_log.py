"""The log where it cannot be written."""

import subprocess
import sys

PROGRAM = """
import logging, structlog
from ivr.cli.logs import configure_logs
from ivr.service_settings import LogSettings
configure_logs(LogSettings())
for _ in range(10_000):  # more than any buffer takes
    structlog.get_logger().error("a line")
    logging.getLogger("a library").error("a line")
print("went on")
"""


def test_a_line_that_cannot_be_written_stops_nobody() -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=full, text=True)
    assert ended.stdout == "went on\n"
