"""What the PBX told of a call, in parts."""

from storage.recorder import Recorder
from storage.records import CallRecord, LegRecord


async def hear_leg(recorder: Recorder, leg: LegRecord) -> None:
    """Have a leg kept of which nothing but itself is known."""
    await recorder.record_heard(CallRecord(site=leg.site, linkedid=leg.linkedid), [leg])
