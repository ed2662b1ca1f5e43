"""Whole surveys a second, as the database takes them: offered, started, answered, ended, and what is known of the call.

Run by hand: `.venv/bin/python -m bench.storage_bench`. SQLite as installed, every transaction durable when it returns.
"""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import AnswerRecord, CallRecord, FlowVersionRecord, LegRecord, SiteRecord, SurveyOffer
from storage.schema import upgrade
from tests.heard import hear_leg

SECONDS = 4.0
CALLERS = (1, 20, 100)
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SITE = "main"


async def survey(recorder: Recorder, name: str, agent: str) -> None:
    """One call and its survey, in six transactions."""
    talk = {"site": SITE, "linkedid": name, "queue": "support"}
    await hear_leg(recorder, LegRecord(**talk, leg=name, agent=agent, talk_seconds=50))
    await recorder.offer(
        SurveyOffer(**talk, survey=name, flow="csat", flow_version="aa", offered_at=AT, agent=agent, reason="billing")
    )
    await recorder.start(SITE, name, AT)
    answer = AnswerRecord(
        question="rating", is_rating=True, keys="5", value=5, tries=1, ended="answered", answered_at=AT
    )
    await recorder.record_answer(SITE, name, answer)
    await recorder.finish(SITE, name, "completed", AT)
    await recorder.record_heard(CallRecord(**talk, reason="billing", agent=agent, ended_at=AT, ended_by="agent"))


async def measure(callers: int) -> None:
    """So many callers, each with one survey after the other."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        url = f"sqlite:///{Path(folder) / 'postcall.db'}"
        await upgrade(url)
        async with await open_database(url) as database:
            recorder = Recorder(database)
            await recorder.ensure_site(SiteRecord(site=SITE, name="", zone="UTC"))
            await recorder.publish(FlowVersionRecord(digest="aa", flow="csat", source="", published_at=AT))
            surveys = 0
            begun, used = time.perf_counter(), time.process_time()

            async def caller(number: int) -> None:
                nonlocal surveys
                mine = 0
                while time.perf_counter() < begun + SECONDS:
                    mine += 1
                    await survey(recorder, f"{number}.{mine}", f"PJSIP/{number % 50}")
                    surveys += 1

            await asyncio.gather(*(caller(number) for number in range(callers)))
            seconds, used = time.perf_counter() - begun, time.process_time() - used
    print(f"| {callers} | {surveys / seconds:.0f} | {1000 * used / surveys:.1f} ms |", flush=True)


async def main() -> None:
    """Each number of callers, one after the other."""
    print("| callers at once | surveys/s | processor, a survey |\n|---|---|---|")
    for callers in CALLERS:
        await measure(callers)


if __name__ == "__main__":
    asyncio.run(main())
