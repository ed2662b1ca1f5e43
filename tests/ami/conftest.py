"""A link to a fake Asterisk."""

from collections.abc import AsyncIterator, Callable

import pytest

from ivr.asterisk.ami import AmiAccess, AmiTiming
from ivr.asterisk.link import AmiLink
from tests.ami.fake_asterisk import FakeAsterisk
from tests.ami.listening import QUICK, Heard


@pytest.fixture
async def server() -> AsyncIterator[FakeAsterisk]:
    asterisk = FakeAsterisk()
    await asterisk.listen()
    yield asterisk
    await asterisk.close()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def make_link(server: FakeAsterisk, heard: Heard) -> AsyncIterator[Callable[..., AmiLink]]:
    links = []

    def make(secret: str = "right", timing: AmiTiming = QUICK, **settings: object) -> AmiLink:
        access = AmiAccess(port=server.port, username="survey", secret=secret, **settings.pop("access", {}))  # type: ignore[arg-type]
        settings = {"on_event": heard, **settings}
        link = AmiLink(site="main", access=access, timing=timing, **settings)  # type: ignore[arg-type]
        links.append(link)
        return link

    yield make
    for link in links:
        await link.stop()
