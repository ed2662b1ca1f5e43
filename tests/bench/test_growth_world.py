"""The benchmark of growing work plays whole calls: each is known, asked and rated, whatever else is up."""

from bench.growth_world import Size, World


async def test_every_call_is_written_and_rated_and_costs_something() -> None:
    async with World(Size(calls=2, agents=2, ratings=5)) as world:
        assert 0 < await world.calls(6) < 1
        assert world.kept == 6
        assert 0 < await world.calls(4) < 1
        assert world.kept == 10
