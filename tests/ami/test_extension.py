"""The survey's extension, created over AMI where the dialplan has none."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.asterisk.extension import ExtensionPlan, is_missing
from ivr.asterisk.link import AmiLink
from ivr.asterisk.messages import Message
from tests.ami.fake_asterisk import Action, FakeAsterisk, Session
from tests.ami.listening import eventually
from tests.ami.telling import message

PLAN = ExtensionPlan(site="main", goto="postcall-survey,s,1", agi_host="192.0.2.7", agi_port=4573)
URL = "agi://192.0.2.7:4573/survey?site=main"


def shown(priority: str, application: str, data: str) -> Message:
    """One line of the dialplan as `ShowDialPlan` lists it."""
    return message("ListDialplan", Priority=priority, Application=application, AppData=data)


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ([], True),
        ([shown("2", "Hangup", "")], True),
        ([shown("1", "AGI", URL), shown("2", "Hangup", "")], False),
        ([shown("1", "AGI", "agi://192.0.2.7:9999/survey?site=main")], True),
        ([shown("1", "AGI", "agi://192.0.2.7:9999/survey?site=other")], False),
        ([shown("1", "AGI", "agi://192.0.2.7:9999/survey?site=main,argument")], False),
        ([shown("1", "AGI", "agi://192.0.2.7:9999/somewhere-else")], False),
        ([shown("1", "Playback", "hello")], False),
    ],
)
def test_only_a_missing_line_or_an_old_one_of_ours_is_written(lines: list[Message], missing: bool) -> None:
    assert is_missing(lines, PLAN.steps(""), site="main") is missing


NEXT = '$["${AGISTATUS}" = "FAILURE"]?AGI(agi://192.0.2.8:4573/survey?site=main)'
OTHER = '$["${AGISTATUS}" = "FAILURE"]?AGI(agi://192.0.2.9:4573/survey?site=main)'


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ([shown("1", "AGI", URL), shown("2", "ExecIf", NEXT), shown("3", "Hangup", "")], False),
        ([shown("1", "AGI", URL), shown("2", "ExecIf", NEXT), shown("3", "Playback", "bye")], False),
        ([shown("1", "AGI", URL), shown("2", "ExecIf", NEXT)], False),
        ([shown("1", "AGI", URL), shown("2", "ExecIf", OTHER), shown("3", "Hangup", "")], True),
        ([shown("1", "AGI", URL), shown("2", "Hangup", "")], True),
        ([shown("1", "AGI", URL)], True),
        ([shown("1", "AGI", URL), shown("2", "Playback", "bye")], False),
    ],
)
def test_a_second_replica_is_tried_behind_the_first_one(lines: list[Message], missing: bool) -> None:
    both = replace(PLAN, replicas=("192.0.2.7:4573", "192.0.2.8:4573"))
    assert both.steps("") == [(1, "AGI", URL), (2, "ExecIf", NEXT), (3, "Hangup", "")]
    assert is_missing(lines, both.steps(""), site="main") is missing


@pytest.mark.parametrize(
    ("listens_on", "reached_by", "url"),
    [
        ("192.0.2.7", "10.0.0.1", "agi://192.0.2.7:4573/survey?site=main"),
        ("0.0.0.0", "10.0.0.1", "agi://10.0.0.1:4573/survey?site=main"),
        ("::", "2001:db8::1", "agi://[2001:db8::1]:4573/survey?site=main"),
        ("postcall.example", "10.0.0.1", "agi://postcall.example:4573/survey?site=main"),
    ],
)
def test_a_service_that_listens_everywhere_is_reached_where_it_reaches_asterisk_from(
    listens_on: str, reached_by: str, url: str
) -> None:
    plan = ExtensionPlan(site="main", goto="postcall-survey,s,1", agi_host=listens_on, agi_port=4573)
    assert plan.urls(reached_by) == [url]


async def test_it_is_created_once_and_again_in_the_next_session(
    server: FakeAsterisk, make_link: Callable[..., AmiLink]
) -> None:
    dialplan: dict[str, Action] = {}

    def show(session: Session, action: Action) -> None:
        if not dialplan:
            session.answer(action, "Message: Did not find context postcall-survey", response="Error")
            return
        what = {
            n: f"Application: {line['Application']}\nAppData: {line['ApplicationData']}" for n, line in dialplan.items()
        }
        session.answer_list(action, *(f"Event: ListDialplan\nPriority: {n}\n{line}" for n, line in what.items()))

    def add(session: Session, action: Action) -> None:
        dialplan[action["Priority"]] = action
        session.answer(action, "Message: Added requested extension")

    server.answers |= {"ShowDialPlan": show, "DialplanExtensionAdd": add}
    link = make_link(survey_goto=PLAN.goto, extension=PLAN)
    await link.start()
    first, second = await server.asked("DialplanExtensionAdd", 2)
    assert (first["Context"], first["Extension"], first["Priority"]) == ("postcall-survey", "s", "1")
    assert (first["Application"], first["ApplicationData"]) == ("AGI", URL)
    assert (second["Priority"], second["Application"]) == ("2", "Hangup")

    dialplan.clear()
    server.session.drop()
    await server.asked("DialplanExtensionAdd", 4)
    state = await eventually(link, lambda state: state.connected)
    assert state.extension_problem == ""


async def test_an_asterisk_without_the_dialplan_module_is_a_problem_and_not_an_end_of_the_link(
    server: FakeAsterisk, make_link: Callable[..., AmiLink]
) -> None:
    link = make_link(extension=PLAN)
    await link.start()
    state = await eventually(link, lambda state: state.extension_problem)
    assert state.connected
    assert state.extension_problem == "Asterisk refused DialplanExtensionAdd: Invalid/unknown command"
