"""Queues that the settings name: one that no call ever had is likely to be misspelled, and what is set for it idle."""

import difflib
from collections.abc import Iterator, Sequence

from ivr.doctor.findings import Finding
from ivr.errors import DatabaseError
from ivr.settings import Settings
from storage.codes import site_codes
from storage.engine import open_database
from storage.schema import check_schema


async def look_at_names(settings: Settings) -> list[Finding]:
    """A warning for each queue that no call of its site has had, where queues are known at all. What is wrong with the
    database is for others to say."""
    findings: list[Finding] = []
    try:
        async with await open_database(settings.database.url.get_secret_value()) as database:
            await check_schema(database)
            for code in settings.sites:
                there = (await site_codes(database, code)).queues
                findings += [
                    _unheard(code, setting, queue, there)
                    for setting, queue in _named(settings, code)
                    if there and queue not in there
                ]
    except DatabaseError:
        return []
    return findings


def _named(settings: Settings, code: str) -> Iterator[tuple[str, str]]:
    """The settings of a site that name queues, each with a queue."""
    site, rules = settings.sites[code], settings.rules_of(code)
    for number, rule in enumerate(site.flows, 1):
        yield from ((f"flows.{number}.queue", queue) for queue in rule.queue or ())
    yield from (("queue_reasons", queue) for queue in site.queue_reasons)
    yield from (("credit.queues", queue) for queue in site.credit.queues)
    yield from (("rules.maximum_a_day_by_queue", queue) for queue in rules.maximum_a_day_by_queue)
    yield from (("rules.sampling_by_queue", queue) for queue in rules.sampling_by_queue)


def _unheard(code: str, setting: str, queue: str, there: Sequence[str]) -> Finding:
    near = difflib.get_close_matches(queue, there, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(there[:10])}"
    return Finding(
        level="warning",
        about=f"site {code}",
        said=f"{setting} names the queue {queue!r}, which no call has had; {hint}",
        fix="spell it as Asterisk does; a new queue is known from its first call on",
    )
