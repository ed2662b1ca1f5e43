"""Carries out what a journal kept of a survey, in a transaction that runs already."""

from storage.counts import Counts
from storage.credit_steps import choose_reason
from storage.journal_entries import Answered, Finished, Happened, Noted, Offered, ReasonChosen, Started
from storage.survey_steps import add_answer, end_survey, note_survey, offer_survey, start_survey
from storage.transaction import Transaction


async def carry_out(connection: Transaction, counts: Counts, site: str, survey: str, happened: Happened) -> bool:
    """As the method of a `Recorder` that keeps the same; False, and nothing changed, when it was kept before.

    Raises `LookupError` for a survey that was never offered.
    """
    match happened:
        case Offered(offer=offer):
            return await offer_survey(connection, counts, offer)
        case Started(at=at):
            return await start_survey(connection, counts, site, survey, at)
        case Answered(answer=answer):
            return await add_answer(connection, counts, site, survey, answer)
        case ReasonChosen(reason=reason):
            await choose_reason(connection, counts, site, survey, reason)
        case Noted(language=language, incentive=incentive):
            await note_survey(connection, site, survey, language=language, incentive=incentive)
        case Finished(outcome=outcome, at=at):
            return await end_survey(connection, counts, site, survey, outcome, at)
    return True
