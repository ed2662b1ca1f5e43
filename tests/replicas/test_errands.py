"""A caller is to be sent into the survey, and another replica follows the PBX: it does it, and says what came of it."""

import pytest

from ivr.errors import NoSuchCall, NotTalking, PbxError
from ivr.live import LiveFeed
from ivr.parts import replicas
from ivr.parts.jobs import Jobs, pbx_job
from ivr.parts.replicas import Others


class Replicas:
    """Two that hear each other: one asks, the other one follows the PBX."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.error: PbxError | None = None
        self.asking = Others(Jobs([pbx_job("main")], is_alone=False), LiveFeed())
        self.owner = Others(Jobs([pbx_job("main")], is_alone=True), LiveFeed())
        self.asking.say, self.owner.say = self.owner.hear, self.asking.hear
        self.owner.senders = {"main": self.send}

    async def send(self, linkedid: str) -> None:
        self.sent.append(linkedid)
        if self.error:
            raise self.error


@pytest.fixture
def both() -> Replicas:
    return Replicas()


async def test_whoever_follows_the_pbx_does_it(both: Replicas) -> None:
    await both.asking.send_to_survey("main", "1.1")
    assert both.sent == ["1.1"]


@pytest.mark.parametrize("error", [NoSuchCall("no such call"), NotTalking("just left"), PbxError("not connected")])
async def test_what_went_wrong_there_went_wrong_here(both: Replicas, error: PbxError) -> None:
    both.error = error
    with pytest.raises(type(error), match=str(error)) as raised:
        await both.asking.send_to_survey("main", "1.1")
    assert type(raised.value) is type(error)


async def test_nobody_follows_that_pbx(both: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "ERRAND_SECONDS", 0.01)
    with pytest.raises(PbxError, match="no other replica"):
        await both.asking.send_to_survey("elsewhere", "1.1")
    assert both.sent == []


@pytest.mark.parametrize("text", ["", "{}", '{"kind": "news"}', '{"kind": "later"}', "[1]", '{"kind":"outcome"}'])
async def test_what_a_newer_version_says_does_no_harm(both: Replicas, text: str) -> None:
    both.owner.hear(text)
    await both.asking.send_to_survey("main", "1.1")


async def test_an_answer_that_comes_too_late_does_no_harm(both: Replicas) -> None:
    both.asking.hear('{"kind": "outcome", "errand": "ab", "outcome": "sent"}')
