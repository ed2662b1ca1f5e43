"""Passwords: kept as argon2id hashes (RFC 9106, its second recommended set of parameters)."""

import asyncio
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ivr.errors import SettingsError

SHORTEST, LONGEST = 12, 1024
"""How many characters a password has."""
# Each takes 64 MB and a processor for a twentieth of a second.
_AT_ONCE = 2
_HASHER = PasswordHasher()


class Passwords:
    """Hashes and compares in a thread, at most two at a time, so that calls go on meanwhile."""

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def fits(self, password: str, password_hash: str) -> bool:
        """Whether that is the password. Without a hash (``""``) it is not, and finding out takes just as long, so that
        nobody learns from the time which accounts there are."""
        async with self._turns:
            return await asyncio.to_thread(self._fits, password, password_hash)

    def _fits(self, password: str, password_hash: str) -> bool:
        try:
            # What no person types is not worth the work of hashing it.
            fits = self._hasher.verify(password_hash or self._nobodys, password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
        return fits and bool(password_hash)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("the password of no account")


def hashed(password: str) -> str:
    """The hash that is kept. Raises `SettingsError` for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise SettingsError(f"password: got {len(password)} characters; allowed: {SHORTEST} to {LONGEST}")
    return _HASHER.hash(password)
