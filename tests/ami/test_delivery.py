"""The queue between the PBX and its consumer."""

import asyncio
from itertools import pairwise

from ivr.asterisk.delivery import Delivery
from ivr.calls import CallEnded, CallEvent, Gap
from tests.ami.telling import NOON


def event(number: int) -> CallEnded:
    return CallEnded(site="main", linkedid=str(number), at=NOON)


async def test_once_full_it_drops_until_it_is_empty_so_that_no_call_has_holes_in_the_middle() -> None:
    got: list[str] = []
    drained = asyncio.Event()

    def consume(told: CallEvent | Gap) -> None:
        assert isinstance(told, CallEvent)
        got.append(told.linkedid)
        # While the first one is handled there is room again for one more; it is not taken.
        if told.linkedid == "0":
            assert not delivery.put(event(7))

    delivery = Delivery(consume, 2, drained.set)
    assert [delivery.put(event(number)) for number in range(4)] == [True, True, False, False]
    delivery.put_always(event(99))
    task = asyncio.create_task(delivery.run())
    await asyncio.wait_for(drained.wait(), 5)
    assert (got, delivery.dropped) == (["0", "1", "99"], 3)
    assert not delivery.put(event(8))
    delivery.accept()
    assert delivery.put(event(9))
    await asyncio.wait_for(delivery.drained(), 5)
    assert got[-1] == "9"
    task.cancel()


async def test_a_burst_is_handed_out_in_parts_between_which_others_get_their_turn() -> None:
    got: list[CallEvent | Gap] = []
    at_each_turn: list[int] = []
    delivery = Delivery(got.append, 1000, lambda: None)
    for number in range(1000):
        delivery.put(event(number))
    task = asyncio.create_task(delivery.run())
    while len(got) < 1000:
        await asyncio.sleep(0)
        at_each_turn.append(len(got))
    task.cancel()
    parts = [after - before for before, after in pairwise([0, *at_each_turn])]
    assert got == [event(number) for number in range(1000)]
    assert max(parts) == 100
