"""The same on Asterisk 16, the oldest that Debian still has: one scenario for each way into the survey."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.download import OLDER_SUITE, find_asterisk_root
from ivr.errors import PbxError
from tests.asterisk.test_no_dialplan import bare as bare
from tests.asterisk.test_no_dialplan import settings as settings
from tests.asterisk.test_no_dialplan import (
    test_a_caller_is_asked_and_after_a_dialplan_reload_the_next_one_too as test_no_dialplan,  # noqa: F401
)
from tests.asterisk.test_ways import alice as alice
from tests.asterisk.test_ways import customer as customer
from tests.asterisk.test_ways import john as john
from tests.asterisk.test_ways import postcall as postcall
from tests.asterisk.test_ways import (
    test_a_dialled_agent_hangs_up_and_the_caller_rates as test_dialled,  # noqa: F401
)
from tests.asterisk.test_ways import (
    test_an_agent_dials_a_customer_and_hangs_up_and_the_customer_rates as test_outbound,  # noqa: F401
)
from tests.asterisk.test_ways import (
    test_the_agent_transfers_the_caller_to_star_7 as test_star_7,  # noqa: F401
)
from tests.asterisk.test_ways import (
    test_the_agents_screen_sends_the_caller_over_the_api as test_sent,  # noqa: F401
)
from tests.asterisk.ways import Ways, ways
from tests.surroundings import Surroundings

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def root(surroundings: Surroundings) -> Path:
    """Where Asterisk 16 is."""
    try:
        return find_asterisk_root(suite=OLDER_SUITE)
    except PbxError as error:
        surroundings.leave_out("Asterisk 16", error)


@pytest.fixture(scope="module")
def asterisk_server(root: Path, surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> AsteriskServer:
    """Not started: only to say which Asterisk is meant."""
    server = AsteriskServer(root, users=[], base=tmp_path_factory.mktemp("sixteen"))
    surroundings.versions["an older Asterisk"] = server.version.removeprefix("Asterisk ")
    return server


@pytest.fixture(scope="module", params=["ami", "dialplan"])
def pbx(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """An Asterisk 16 with the printed lines for this trigger."""
    with ways(root, tmp_path_factory.mktemp("ways"), request.param) as running:
        yield running
