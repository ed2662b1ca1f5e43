"""Whatever is recorded in whatever order, repeated or not, the counts equal those of a plain model."""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callflows import steps
from storage import records
from storage.queries import funnel, tallies
from storage.records import CountFilter, SiteRecord
from storage.verify import verify
from tests.storage.samples import at, offer, rated, silent

SITES = count(1)
SURVEYS = st.sampled_from(["1.1", "1.2", "1.3", "1.4", "trial-1", "trial-2"])
TRIALS = st.sampled_from(["trial-1", "trial-2"])
CALLS = st.sampled_from(["1.1", "1.2", "1.3"])
AGENTS = st.sampled_from(["", "PJSIP/1001", "PJSIP/1002"])
REASONS = st.sampled_from(["", "billing", "billing/refund"])


def is_real(survey: str) -> bool:
    return not survey.startswith("trial-")


SHARES = st.sampled_from([(("", 400), ("PJSIP/1001", 600)), (("PJSIP/1001", 333), ("PJSIP/1002", 667))])
ANSWERS = st.one_of(
    st.builds(rated, st.integers(0, 2), question=st.sampled_from(["rating", "clear"]), is_rating=st.booleans()),
    st.builds(silent, st.sampled_from(["rating", "clear"])),
)
EVENTS = st.one_of(
    st.tuples(st.just("offer"), SURVEYS.filter(is_real), CALLS, AGENTS, REASONS),
    st.tuples(st.just("try_flow"), TRIALS, AGENTS, REASONS),
    st.tuples(st.just("start"), SURVEYS),
    st.tuples(st.just("answer"), SURVEYS, ANSWERS),
    st.tuples(st.just("finish"), SURVEYS, st.sampled_from(get_args(records.Outcome))),
    st.tuples(st.just("recredit"), SURVEYS, st.none() | AGENTS, st.none() | REASONS),
    st.tuples(st.just("share"), SURVEYS, SHARES),
    st.tuples(st.just("exclude"), CALLS),
    st.tuples(st.just("close")),
)


def whole(agent: str) -> tuple[tuple[str, int], ...]:
    return ((agent, records.PARTS),)


@dataclass
class ModelSurvey:
    linkedid: str
    shares: tuple[tuple[str, int], ...]
    reason: str
    trial: bool = False
    started: bool = False
    outcome: str = ""
    seemed_broken_off: bool = False
    answers: dict[str, records.AnswerRecord] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        return any(answer.value is not None for answer in self.answers.values())


class Model:
    """What the recorder promises, in plain Python. Each event gives what the recorder is to return."""

    def __init__(self) -> None:
        self.surveys: dict[str, ModelSurvey] = {}
        self.excluded: set[str] = set()

    def offer(self, survey: str, linkedid: str, agent: str, reason: str) -> bool:
        if survey in self.surveys or any(asked.linkedid == linkedid for asked in self.surveys.values()):
            return False
        self.surveys[survey] = ModelSurvey(linkedid, whole(agent), reason)
        self.excluded.discard(linkedid)
        return True

    def try_flow(self, survey: str, agent: str, reason: str) -> bool:
        if survey in self.surveys:
            return False
        self.surveys[survey] = ModelSurvey(survey, whole(agent), reason, trial=True)
        return True

    def start(self, survey: str) -> bool:
        found = self.surveys[survey]
        if found.started or found.outcome:
            return False
        found.started = True
        return True

    def answer(self, survey: str, answer: records.AnswerRecord) -> bool:
        found = self.surveys[survey]
        if answer.question in found.answers:
            return False
        found.answers[answer.question] = answer
        found.started = True
        return True

    def finish(self, survey: str, outcome: str) -> bool:
        found = self.surveys[survey]
        if found.outcome and not found.seemed_broken_off:
            return False
        found.outcome, found.seemed_broken_off = outcome, False
        return True

    def recredit(self, survey: str, agent: str | None, reason: str | None) -> bool:
        found = self.surveys[survey]
        before = (found.shares, found.reason)
        found.shares = found.shares if agent is None else whole(agent)
        found.reason = found.reason if reason is None else reason
        return before != (found.shares, found.reason)

    def share(self, survey: str, shares: tuple[tuple[str, int], ...]) -> bool:
        found = self.surveys[survey]
        before, found.shares = found.shares, shares
        return before != found.shares

    def exclude(self, linkedid: str) -> bool:
        if linkedid in self.excluded or any(asked.linkedid == linkedid for asked in self.surveys.values()):
            return False
        self.excluded.add(linkedid)
        return True

    def close(self) -> int:
        unfinished = [found for found in self.surveys.values() if not found.outcome]
        for found in unfinished:
            found.outcome = "partial" if found.is_answered else "failed"
            found.seemed_broken_off = True
        return len(unfinished)

    @property
    def counted(self) -> list[ModelSurvey]:
        return [found for found in self.surveys.values() if not found.trial]

    def tallies(self) -> Counter[tuple[object, ...]]:
        counts: Counter[tuple[object, ...]] = Counter()
        for found in self.counted:
            for answer in found.answers.values():
                for agent, parts in found.shares if answer.value is not None else ():
                    key = (agent, found.reason, answer.question, answer.is_rating, answer.value)
                    counts[key] += Fraction(parts, records.PARTS)  # type: ignore[assignment]
        return counts

    def funnel(self) -> Counter[tuple[object, ...]]:
        steps: Counter[tuple[object, ...]] = Counter()
        for found in self.counted:
            reached = ["offered"]
            reached += ["started"] if found.started else []
            reached += ["answered"] if found.is_answered else []
            reached += [found.outcome] if found.outcome else []
            for step in reached:
                for agent, parts in found.shares:
                    steps[agent, found.reason, step] += Fraction(parts, records.PARTS)  # type: ignore[assignment]
        return steps


async def carry_out(recorder: Any, site: str, event: tuple[Any, ...]) -> Any:
    match event:
        case ("offer", survey, linkedid, agent, reason):
            return await recorder.offer(offer(survey, site=site, linkedid=linkedid, agent=agent, reason=reason))
        case ("try_flow", survey, agent, reason):
            return await recorder.offer(offer(survey, site=site, agent=agent, reason=reason, trial=True))
        case ("start", survey):
            return await recorder.start(site, survey, at(1))
        case ("answer", survey, answer):
            return await recorder.record_answer(site, survey, answer)
        case ("finish", survey, outcome):
            return await recorder.finish(site, survey, outcome, at(9))
        case ("recredit", survey, agent, reason):
            return await recorder.recredit(site, survey, agent=agent, reason=reason)
        case ("share", survey, shares):
            given = [records.Share(agent=agent, parts=parts) for agent, parts in shares]
            return await recorder.recredit(site, survey, shares=given)
        case ("exclude", linkedid):
            return await recorder.exclude(site, linkedid, "sampled_out")
        case ("close",):
            return await recorder.close_interrupted(site, offered_before=at(5), at=at(30))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(EVENTS, min_size=1, max_size=25))
async def test_any_history_leaves_the_counts_of_the_model(recorder, database, events):
    # Every history has a site of its own: sites never touch each other's rows.
    site = f"site{next(SITES)}"
    await recorder.ensure_site(SiteRecord(site=site, name="", zone="UTC"))
    model = Model()
    for name, *arguments in events:
        if name not in ("offer", "try_flow", "exclude", "close") and arguments[0] not in model.surveys:
            with pytest.raises(LookupError):
                await carry_out(recorder, site, (name, *arguments))
            continue
        expected = getattr(model, name)(*arguments)
        assert await carry_out(recorder, site, (name, *arguments)) == expected
    by = ["agent", "reason"]
    assert model.tallies() == {
        (row.agent, row.reason, row.question, row.is_rating, row.value): row.ratings
        for row in await tallies(database, CountFilter(site=site), by=by)
    }
    assert model.funnel() == {
        (row.agent, row.reason, row.step): row.surveys for row in await funnel(database, CountFilter(site=site), by=by)
    }
    assert await verify(database) == []


def test_storage_and_the_interview_use_the_same_words():
    assert get_args(records.Outcome) == get_args(steps.Outcome)
    assert get_args(records.AnswerEnd) == get_args(steps.AnswerEnd)
