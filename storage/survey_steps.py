"""What happens in a survey, in a transaction that runs already: each step at most once, and with its counts.

Whoever changes a survey locks its row first; whoever changes a call and its survey locks the call first.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from storage.call_counts import counted, recount
from storage.call_steps import describe_codes, include_call, set_call_reason, zone_of
from storage.counts import Bucket, Counts, spread
from storage.locked_call import lock_call_anyway, lock_call_of
from storage.locked_survey import add_shares, describe_shares, is_answered, lock, set_survey, shares_of
from storage.records import AnswerRecord, Outcome, SurveyOffer, trust
from storage.tables import Answer, Survey
from storage.transaction import Transaction
from storage.upsert import insert_new

Admit = Callable[[Transaction], Awaitable[bool]]
"""Says, while the call is locked, whether a survey may be offered; what it notes on a call that is not is kept."""


async def offer_survey(connection: Transaction, counts: Counts, offer: SurveyOffer, admit: Admit | None = None) -> bool:
    """As `SurveyRecorder.offer`."""
    if offer.offered_at.tzinfo is None:
        raise ValueError("offered_at has no zone")
    day = offer.offered_at.astimezone(await zone_of(connection, offer.site)).date()
    shares = shares_of(offer.shares, offer.agent)
    if not offer.trial:
        await describe_shares(connection, offer.site, shares)
        await describe_codes(connection, offer.site, queue=offer.queue, reason=offer.reason)
    # A trial's is an empty row, which the survey's foreign key asks for.
    call = await lock_call_anyway(connection, offer.site, offer.linkedid)
    before = await counted(connection, call)
    if admit is not None and not await admit(connection):
        await recount(connection, counts, call, before)
        return False
    reason, reason_source = call.reason, call.reason_source
    if offer.reason and trust(offer.reason_source) >= trust(reason_source):
        reason, reason_source = offer.reason, offer.reason_source
    is_new = await insert_new(
        connection,
        Survey,
        site_id=offer.site,
        survey=offer.survey,
        linkedid=offer.linkedid,
        day=day,
        flow=offer.flow,
        flow_version=offer.flow_version,
        language=offer.language,
        agent=shares[0].agent,
        shared=len(shares) > 1,
        queue=offer.queue,
        reason=reason,
        reason_source=reason_source,
        member=offer.member,
        member_name=offer.member_name,
        transferred_to=offer.transferred_to,
        handed_over_by=offer.handed_over_by,
        sent_by=offer.sent_by,
        caller_digest=offer.caller_digest,
        trial=offer.trial,
        status="offered",
        offered_at=offer.offered_at,
    )
    if not is_new:
        return False
    await add_shares(connection, offer.site, offer.survey, shares)
    if offer.trial:
        return True
    if (reason, reason_source) != (call.reason, call.reason_source):
        await set_call_reason(connection, offer.site, offer.linkedid, reason, reason_source)
    if call.exclusion:
        await include_call(connection, offer.site, offer.linkedid)
    whole = Bucket(offer.site, day, shares[0].agent, offer.queue, reason, offer.flow)
    counts.step(spread(whole, shares), "offered")
    await recount(connection, counts, call, before)
    return True


async def start_survey(connection: Transaction, counts: Counts, site: str, survey: str, at: datetime) -> bool:
    """As `SurveyRecorder.start`."""
    locked = await lock(connection, site, survey)
    if locked.status != "offered":
        return False
    await set_survey(connection, site, survey, status="started", started_at=at)
    counts.step(locked.counted, "started")
    return True


async def add_answer(connection: Transaction, counts: Counts, site: str, survey: str, answer: AnswerRecord) -> bool:
    """As `SurveyRecorder.record_answer`."""
    call = await lock_call_of(connection, site, survey)
    before = await counted(connection, call)
    locked = await lock(connection, site, survey)
    is_first = answer.value is not None and not await is_answered(connection, site, survey)
    is_new = await insert_new(
        connection,
        Answer,
        site_id=site,
        survey=survey,
        question=answer.question,
        is_rating=answer.is_rating,
        keys=answer.keys,
        value=answer.value,
        tries=answer.tries,
        ended=answer.ended,
        answered_at=answer.answered_at,
        recording=answer.recording,
        recording_seconds=answer.recording_seconds,
    )
    if not is_new:
        return False
    if not locked.started:
        status = "started" if locked.status == "offered" else locked.status
        await set_survey(connection, site, survey, status=status, started_at=answer.answered_at)
        counts.step(locked.counted, "started")
    if answer.value is not None:
        counts.rate(locked.counted, answer.question, answer.is_rating, answer.value)
    if is_first:
        counts.step(locked.counted, "answered")
    await recount(connection, counts, call, before)
    return True


async def note_survey(
    connection: Transaction, site: str, survey: str, *, language: str | None = None, incentive: str | None = None
) -> None:
    """As `SurveyRecorder.note`."""
    given = {"language": language, "incentive": incentive}
    await lock(connection, site, survey)
    await set_survey(connection, site, survey, **{name: text for name, text in given.items() if text is not None})


async def end_survey(
    connection: Transaction, counts: Counts, site: str, survey: str, outcome: Outcome, at: datetime
) -> bool:
    """As `SurveyRecorder.finish`."""
    locked = await lock(connection, site, survey)
    if locked.ended_at is not None:
        if at >= locked.ended_at:
            return False
        # It seemed to be broken off, and was ended later than it ended: what is told now is how.
        counts.step(locked.counted, locked.status, -1)  # type: ignore[arg-type]  # the column's check says so
    await set_survey(connection, site, survey, status=outcome, ended_at=at)
    counts.step(locked.counted, outcome)
    return True
