"""`/metrics`: how the service does, for Prometheus. It says nothing of any caller, number, agent or rating."""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from ivr.web.access import ADMIN
from ivr.web.operations import Operation

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Measure = Callable[[], Awaitable[Iterable[Metric]]]
"""All that is measured, as it is now."""

METRICS: web.AppKey[Measure] = web.AppKey("metrics", Callable)  # type: ignore[arg-type]


class _Measured(Collector):
    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


async def metrics(request: web.Request) -> web.Response:
    """All that is measured, in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Measured(await request.app[METRICS]()))
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE})


OPERATIONS = [
    Operation(
        method="GET",
        path="/metrics",
        handler=metrics,
        roles=ADMIN,
        summary="How the service does, for Prometheus",
        answers={200: "text/plain"},
    )
]
