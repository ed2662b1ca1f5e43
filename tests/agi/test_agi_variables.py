"""How channel variables are asked for, and how any value comes back."""

import pytest

from ivr.asterisk.agi_protocol import COMMAND_BYTES, command_line
from ivr.asterisk.agi_variables import check_variable_name, decode_values, read_expressions
from ivr.errors import PhoneError


@pytest.mark.parametrize("name", ["MEMBERNAME", "_X1", "CHANNEL(hangupsource)", "CONNECTEDLINE(num)"])
def test_a_variable_or_a_function_can_be_named(name):
    check_variable_name(name)


@pytest.mark.parametrize(
    "name", ["", "1A", "A B", "A}", "${A}", "SHELL(rm -rf x)", "A(b,c)", "A()", "A(b)c", "A\n", "Ä", "A" * 81]
)
def test_any_other_name_is_refused(name):
    with pytest.raises(PhoneError, match="no channel variable"):
        read_expressions(("GOOD", name))


def test_many_variables_are_read_in_commands_that_asterisk_can_take():
    names = tuple(f"{'N' * 70}{number}({'f' * 80})" for number in range(40))
    groups = read_expressions(names)
    assert [name for group, _ in groups for name in group] == list(names)
    for group, expression in groups:
        assert len(group) <= 15
        # The first of a session asks for a word of 16 digits and an encoded one, too.
        asked = f"{'0' * 16}${{URIENCODE(a b)}}|{expression}"
        assert len(command_line("GET FULL VARIABLE", asked)) <= COMMAND_BYTES + 1
    assert len(read_expressions(names[:1] * 3 + ("A",) * 12)) == 1
    assert read_expressions(()) == []


def test_values_come_back_whatever_is_in_them():
    assert decode_values(["A", "B", "C"], "a%0D%0Ab%7C(%25)||%E6%9D%8E%FF") == {
        "A": "a\r\nb|(%)",
        "B": "",
        "C": "李\ufffd",
    }
    with pytest.raises(PhoneError, match="2 values for 1"):
        decode_values(["A"], "x|y")
