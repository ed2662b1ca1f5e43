"""The people of the demonstration: who calls, who answers, and how they are rated."""

import asyncio
import random
import re
import statistics
from collections import defaultdict
from itertools import pairwise

import pytest

from ivr.demo.behaviour import Behaviour
from ivr.demo.callers import AGENTS, QUEUES, REASONS, draw_visit, rating, rating_chances, team, traffic
from ivr.demo.clock import Clock
from ivr.demo.queues import Floor, Member, Queue
from ivr.demo.simulator import SimulatedPbx
from tests.demo.simulator_kit import LIMIT, AgiPeer, AmiClient, over, survey_server

# --- what callers think ---


@pytest.mark.parametrize(("liking", "mood"), [(0.9, 0.0), (0.55, -0.25), (1.0, 1.0), (0.0, -1.0)])
def test_the_chances_of_all_ratings_add_up(liking: float, mood: float) -> None:
    chances = rating_chances(liking, mood)
    assert sum(chances) == pytest.approx(1)
    assert min(chances) > 0


def test_the_mean_rating_is_one_plus_four_times_the_liking() -> None:
    chances = rating_chances(0.75, 0.0)
    assert sum(value * chance for value, chance in enumerate(chances, start=1)) == pytest.approx(4.0)


def test_the_same_luck_never_gives_a_better_agent_or_a_happier_reason_less() -> None:
    complaint, plain = REASONS[1], REASONS[0]
    assert (complaint.code, complaint.mood < plain.mood) == ("support/complaint", True)
    by_liking = sorted(AGENTS, key=lambda agent: agent.liking)
    for luck in (0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999):
        values = [rating(agent.interface, plain, luck) for agent in by_liking]
        assert values == sorted(values)
        assert all(rating(a.interface, complaint, luck) <= rating(a.interface, plain, luck) for a in by_liking)


def test_drawn_ratings_follow_the_liking() -> None:
    rng = random.Random(7)
    for agent in AGENTS:
        drawn = [rating(agent.interface, REASONS[0], rng.random()) for _ in range(4000)]
        # Four standard errors of a mean of 4,000 values that differ by less than 1 from it.
        assert statistics.mean(drawn) == pytest.approx(1 + 4 * agent.liking, abs=0.07)


# --- who there is ---


def test_the_team_is_one_that_breaks_careless_software() -> None:
    names = [agent.name for agent in AGENTS]
    assert len(names) >= 6
    assert "Doe, John" in names
    assert any(re.search(r"[\u4e00-\u9fff]", name) for name in names)
    assert {queue for agent in AGENTS for queue in agent.queues} == set(QUEUES) == {"support", "billing", "sales"}
    assert {reason.queue for reason in REASONS} == set(QUEUES)
    assert all(reason.code.count("/") == 1 for reason in REASONS)


def test_a_seed_decides_who_calls_and_what_they_do() -> None:
    def visits(seed: int) -> list[tuple]:
        rng = random.Random(seed)
        drawn = [draw_visit(rng) for _ in range(50)]
        return [
            (v.queue, v.number, v.name, v.reason, v.behaviour.ends, v.behaviour.keys_for("PJSIP/1001")) for v in drawn
        ]

    assert visits(3) == visits(3)
    assert visits(3) != visits(4)


def test_some_callers_hang_up_first_press_wrong_keys_or_none() -> None:
    rng = random.Random(1)
    behaviours = [draw_visit(rng).behaviour for _ in range(1000)]
    presses = [one.keys_for("PJSIP/1002") for one in behaviours]
    assert 60 < sum(one.ends == "caller" for one in behaviours) < 200
    assert 40 < presses.count(()) < 130
    assert 40 < sum(len(one) == 2 for one in presses) < 130
    assert 20 < sum(one.hangs_up_in_survey_after is not None for one in behaviours) < 110
    assert all(set("".join(one[-1:])) <= set("12345") for one in presses)


# --- how they come ---


async def test_callers_come_at_the_asked_rate_at_random() -> None:
    queues, members = team()
    # Nobody is served: only the arrivals count.
    members.clear()
    async with SimulatedPbx(queues=queues, members=members, speed=600, seed=5) as pbx:
        arrived = []
        enough = asyncio.Event()
        place = pbx.place_call

        def count(*given, **more):
            arrived.append(pbx.clock.now())
            if len(arrived) == 300:
                enough.set()
            return place(*given, **more)

        pbx.place_call = count
        coming = asyncio.create_task(traffic(pbx, 30))
        async with asyncio.timeout(LIMIT):
            await enough.wait()
        coming.cancel()
    gaps = [later - earlier for earlier, later in pairwise(arrived[:300])]
    # 30 a minute are 2 s apart on average; the standard error of 299 exponential gaps is 0.12 s.
    assert statistics.mean(gaps) == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize("rate", [0, -1])
async def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    queues, members = team()
    async with SimulatedPbx(queues=queues, members=members) as pbx:
        with pytest.raises(ValueError, match="above 0"):
            await traffic(pbx, rate)


@pytest.mark.parametrize("speed", [0, -1, 1001])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Clock(speed)


async def test_ratings_come_in_and_the_best_liked_agent_is_rated_best() -> None:
    ratings = defaultdict(list)
    enough = asyncio.Event()

    async def serve(peer: AgiPeer) -> None:
        member = (await peer.ask("GET VARIABLE MEMBERINTERFACE")).partition("(")[2][:-1]
        dialled = (await peer.ask("GET VARIABLE DIALEDPEERNAME")).partition("(")[2]
        for _ in range(2):
            reply = await peer.ask("GET DATA question 6000 1")
            if (key := re.fullmatch("200 result=([1-5])", reply)) and not dialled:
                ratings[member].append(int(key[1]))
                if sum(map(len, ratings.values())) == 80:
                    enough.set()
                return

    queues, members = team()
    for queue in queues:
        queue.continue_to = "rating"
    async with (
        survey_server(serve) as address,
        SimulatedPbx(queues=queues, members=members, speed=800, seed=2, dialplan={"rating": address}) as pbx,
    ):
        coming = asyncio.create_task(traffic(pbx, 10))
        async with asyncio.timeout(LIMIT):
            await enough.wait()
        coming.cancel()
    best, worst = "PJSIP/1001", "PJSIP/1007"
    assert statistics.mean(ratings[best]) > statistics.mean(ratings[worst])


# --- who answers ---


def one_agent(**more) -> SimulatedPbx:
    queues = [Queue(name="support", exten="8001"), Queue(name="sales", exten="8003")]
    member = Member(interface="PJSIP/1001", name="Sara", queues=("support", "sales"))
    return SimulatedPbx(queues=queues, members=[member], **{"speed": 20, "seed": 1, **more})


async def test_who_waited_longest_is_served_first_and_one_at_a_time() -> None:
    async with one_agent() as pbx:
        client = await AmiClient.logged_in(pbx)
        calls = [
            pbx.place_call(queue, str(n), "", Behaviour(talk_seconds=1))
            for n, queue in enumerate(("support", "sales", "support"))
        ]
        for call in calls:
            await over(call)
        await client.ask(Action="Ping")
        order = [
            (dict(event)["Event"], dict(event)["Uniqueid"])
            for event in client.events()
            if event[0][1] in ("AgentConnect", "AgentComplete")
        ]
        assert order == [(name, call.uniqueid) for call in calls for name in ("AgentConnect", "AgentComplete")]
        await client.close()


async def test_a_caller_whom_nobody_can_serve_leaves_the_queue_in_the_end() -> None:
    async with one_agent() as pbx:
        client = await AmiClient.logged_in(pbx)
        busy = pbx.place_call("support", "1", "", Behaviour(talk_seconds=10))
        await client.until(lambda message: message.get("Event") == "AgentConnect")
        waiting = await over(pbx.place_call("support", "2", "", Behaviour(patience_seconds=3)))
        left = await client.until(lambda message: message.get("Event") == "QueueCallerAbandon")
        assert left["Uniqueid"] == waiting.uniqueid
        assert int(left["HoldTime"]) >= 3
        assert waiting.abandoned
        assert waiting.interfaces == []
        assert not busy.abandoned
        await over(busy)
        await client.close()


async def test_an_agent_who_becomes_free_gets_no_caller_of_a_queue_of_others() -> None:
    queues = [Queue(name="support", exten="8001"), Queue(name="sales", exten="8003")]
    members = [
        Member(interface="PJSIP/1001", name="Sara", queues=("support",)),
        Member(interface="PJSIP/1002", name="John", queues=("sales",)),
    ]
    async with SimulatedPbx(queues=queues, members=members, speed=20, seed=1) as pbx:
        behaviour = Behaviour(talk_seconds=4)
        first = pbx.place_call("support", "1", "", behaviour)
        sales = pbx.place_call("sales", "2", "", Behaviour(talk_seconds=1))
        second = pbx.place_call("support", "3", "", Behaviour(talk_seconds=1))
        for call in (first, sales, second):
            await over(call)
    assert (first.interfaces, sales.interfaces, second.interfaces) == (["PJSIP/1001"], ["PJSIP/1002"], ["PJSIP/1001"])


async def test_an_agent_given_to_a_caller_who_is_cut_off_in_that_moment_is_free_again() -> None:
    member = Member(interface="PJSIP/1001", name="Sara", queues=("support",))
    floor = Floor([member], random.Random(1))
    assert await floor.member_for("support", within=1) is member
    waiting = asyncio.create_task(floor.member_for("support", within=60))
    await asyncio.sleep(0)
    floor.release(member)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await floor.member_for("support", within=1) is member


def test_a_queue_averages_its_times_as_asterisk_does() -> None:
    """app_queue.c: the first call counts whole, each later one a quarter, in whole numbers."""
    queue = Queue(name="support", exten="8001")
    queue.note_hold(9)
    queue.note_talk(60)
    assert (queue.hold_average, queue.talk_average, queue.completed) == (9, 60, 1)
    queue.note_hold(2)
    queue.note_talk(21)
    assert (queue.hold_average, queue.talk_average, queue.completed) == (7, 50, 2)


async def test_the_hold_time_of_a_call_enters_the_average() -> None:
    async with one_agent() as pbx:
        await over(pbx.place_call("support", "1", "", Behaviour(ring_seconds=3, talk_seconds=0)))
        assert pbx.switch.queues["support"].hold_average >= 3


async def test_with_no_colleague_free_the_agent_does_not_transfer() -> None:
    async with one_agent() as pbx:
        client = await AmiClient.logged_in(pbx)
        await over(pbx.place_call("support", "1", "", Behaviour(talk_seconds=1, ends="blind_transfer")))
        done = await client.until(lambda message: message.get("Event") == "AgentComplete")
        assert done["Reason"] == "agent"
        await client.close()


async def test_a_queue_that_is_not_there_cannot_be_called() -> None:
    async with one_agent() as pbx:
        with pytest.raises(KeyError):
            pbx.place_call("nowhere", "1")
