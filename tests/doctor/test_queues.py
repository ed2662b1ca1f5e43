"""What queues.conf says of the queues, as Asterisk 22 tells it, and what the doctor makes of it."""

from ivr.asterisk.messages import Message
from ivr.doctor.queues import categories, of_queues

# What was heard for: [base](!) with the first two lines, [support](base), [billing].
TOLD = Message(
    b"Response: Success\r\n"
    b"Category-000000: general\r\n"
    b"Line-000000-000000: persistentmembers=no\r\n"
    b"Category-000001: support\r\n"
    b"Templates-000001: base\r\n"
    b"Line-000001-000000: setinterfacevar=yes\r\n"
    b"Line-000001-000001: setqueuevar=true\r\n"
    b"Line-000001-000002: member=PJSIP/1001,0,a=b\r\n"
    b"Category-000002: billing\r\n"
    b"Line-000002-000000: setinterfacevar=no"
)
WHOLE = {"setinterfacevar": "yes", "setqueuevar": "On", "setqueueentryvar": "1"}


def test_the_answer_is_read_category_by_category() -> None:
    assert categories(TOLD) == {
        "general": {"persistentmembers": "no"},
        "support": {"setinterfacevar": "yes", "setqueuevar": "true", "member": "PJSIP/1001,0,a=b"},
        "billing": {"setinterfacevar": "no"},
    }


def test_queues_that_lack_a_line_are_named_with_the_lines_to_add() -> None:
    found = of_queues("pbx main", {"support", "billing"}, categories(TOLD))
    assert found.level == "warning"
    assert "billing, support" in found.said
    lines = "setinterfacevar = yes, setqueuevar = yes, setqueueentryvar = yes"
    assert found.fix == f"in queues.conf, for each queue: {lines}; `queue reload all`"


def test_only_what_is_missing_is_asked_for() -> None:
    found = of_queues("pbx main", {"a", "b"}, {"a": WHOLE, "b": {**WHOLE, "setqueuevar": "no"}})
    assert found.said == "while the link is down, nobody knows whom callers of b rate: setqueuevar"
    assert found.fix == "in queues.conf, for each queue: setqueuevar = yes; `queue reload all`"


def test_a_queue_from_elsewhere_is_not_judged() -> None:
    found = of_queues("pbx main", {"a", "realtime"}, {"a": WHOLE, "unused": {}})
    assert (found.level, found.said.split(",")[0]) == ("note", "1 of its 2 queues do not stand in queues.conf")


def test_queues_that_have_every_line() -> None:
    assert of_queues("pbx main", {"a", "b"}, {"a": WHOLE, "b": WHOLE}).level == "ok"
