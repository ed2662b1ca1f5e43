"""A call that another replica has heard the beginning of, and this one hears the end of."""

from collections.abc import Callable, Iterable

import pytest

from ivr.asterisk.link import AmiLink
from ivr.asterisk.messages import Framer, Message
from ivr.asterisk.translate import Translator
from ivr.calls import Call, CallEvent, Gap
from tests import recordings
from tests.ami.fake_asterisk import FakeAsterisk
from tests.ami.listening import Heard
from tests.ami.telling import NOON, rows, told_by
from tests.ami.test_reconcile import MEMBERS, TALKING, channel, resumed, snapshot
from tests.ami.test_translate import completes, connects, hangs_up, joins


def known(told: Iterable[CallEvent], calls: dict[str, Call] | None = None) -> dict[str, Call]:
    """The calls of these events, as they are kept."""
    calls = dict(calls or {})
    for event in told:
        call = calls.get(event.linkedid) or Call(site="main", linkedid=event.linkedid)
        calls[event.linkedid] = call.after(event)
    return calls


def taken_over(*before: Message) -> tuple[Translator, dict[str, Call]]:
    calls = known(told_by(Translator("main"), *before))
    translator = Translator("main")
    translator.begin([call for call in calls.values() if call.ended_at is None])
    return translator, calls


def test_a_caller_who_is_in_the_survey_ends_it_here() -> None:
    translator, _ = taken_over(joins(), connects(10), hangs_up("1.2", 70), completes())
    alone = channel("PJSIP/trunk-0000000a", "1.1", "1.1", "", "AGI", "agi://127.0.0.1/survey")
    assert resumed(translator, snapshot(MEMBERS, [alone])) == ["gap | live 1.1"]
    assert told_by(translator, hangs_up("1.1", 120)) != []


def test_a_talk_that_goes_on_is_the_same_leg_and_its_end_is_the_queues() -> None:
    translator, calls = taken_over(joins(), connects(10))
    translator.resume(snapshot(MEMBERS, TALKING), NOON)
    after = known(
        told_by(translator, hangs_up("1.2", 110), completes(110, TalkTime="100"), hangs_up("1.1", 120)), calls
    )
    (leg,) = after["1.1"].legs.values()
    assert (leg.leg, leg.agent.name, leg.ended_by, leg.talk_seconds) == ("1.2", "Alice", "agent", 100)


def test_a_talk_that_ended_meanwhile_ended_nobody_knows_how() -> None:
    translator, _ = taken_over(joins(), connects(10))
    alone = channel("PJSIP/trunk-0000000a", "1.1", "1.1", "", "AGI", "agi://127.0.0.1/survey")
    assert resumed(translator, snapshot(MEMBERS, [alone])) == rows("""
        gap   | live 1.1
        ended | PJSIP/1001 Alice | by unknown | talked -
    """)


def test_a_call_that_is_gone_is_over() -> None:
    translator, _ = taken_over(joins(), connects(10))
    assert resumed(translator, snapshot(MEMBERS, []))[-1] == "call ended"


@pytest.mark.parametrize("name", recordings.names())
def test_wherever_a_recorded_call_is_taken_over_no_rating_goes_to_another_agent(name: str) -> None:
    messages = list(Framer().feed(recordings.stream(name)))
    whole = known(told_by(Translator("main"), *messages))
    for cut in range(len(messages)):
        translator, calls = taken_over(*messages[:cut])
        after = known(told_by(translator, *messages[cut:]), calls)
        for linkedid, call in after.items():
            agents = {leg.leg: leg.agent.interface for leg in whole[linkedid].legs.values()}
            assert {leg.leg: leg.agent.interface for leg in call.legs.values()}.items() <= agents.items(), cut
            assert call.ended_at == whole[linkedid].ended_at, cut


async def test_a_link_that_was_stopped_starts_anew_and_tells_since_when_nobody_listened(
    server: FakeAsterisk, make_link: Callable[..., AmiLink], heard: Heard
) -> None:
    link = make_link()
    await link.start()
    await heard.of(Gap)
    await link.stop()
    assert not link.state.connected
    await link.start(heard_until=NOON)
    _, second = await heard.of(Gap, 2)
    assert isinstance(second, Gap)
    assert second.since == NOON
    assert link.state.connected
