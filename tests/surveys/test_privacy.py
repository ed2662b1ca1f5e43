"""A caller's number never reaches the database in clear."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.surveys.privacy import CallerKey

KEY = CallerKey(b"a key for these tests only")


def test_the_same_number_is_recognised_however_it_is_written() -> None:
    assert KEY.caller("0912 000-111") == KEY.caller("0912000111")


def test_another_key_gives_another_digest() -> None:
    assert KEY.caller("0912000111").digest != CallerKey(b"another key altogether").caller("0912000111").digest


def test_the_digest_is_hmac_sha_256() -> None:
    assert CallerKey(b"Jefe").caller("0912000111").digest == hmac.digest(b"Jefe", b"0912000111", "sha256").hex()


@pytest.mark.parametrize(
    ("number", "mask"),
    [("0912000111", "•••••••111"), ("+886912000111", "••••••••••111"), ("1001", "••••"), ("123456", "••••••")],
)
def test_a_mask_shows_three_digits_at_most(number: str, mask: str) -> None:
    assert KEY.caller(number).mask == mask


@pytest.mark.parametrize(
    "number", ["", "anonymous", "<unknown>", "0912\r\nAction: Logoff", "x" * 500, "１２３", "0" * 33]
)
def test_what_is_no_number_counts_as_withheld(number: str) -> None:
    assert KEY.caller(number).digest == ""
    assert KEY.caller(number).mask == ""


@given(st.from_regex(r"\+?[0-9]{7,32}", fullmatch=True))
def test_a_number_cannot_be_read_back(number: str) -> None:
    caller = KEY.caller(number)
    assert number not in caller.digest + caller.mask
    assert sum(c.isdigit() for c in caller.mask) == 3


def test_the_key_is_not_shown() -> None:
    assert "tests only" not in repr(KEY)
