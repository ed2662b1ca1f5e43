"""A caller's number that is to be called back must be kept until then: encrypted, and erased after the last try."""

import base64
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"postcall: numbers of callers who are called back"


@dataclass(frozen=True, slots=True)
class NumberSeal:
    """Encrypts with Fernet (AES-128-CBC and HMAC-SHA-256) under a key made from `key` by HKDF (RFC 5869), so that the
    key of the callers' digests is not used for a second purpose, and no second secret has to be kept."""

    key: bytes = field(repr=False)

    def seal(self, number: str) -> str:
        """The number as it may be stored; another text each time."""
        return self._fernet().encrypt(number.encode()).decode("ascii")

    def open(self, sealed: str) -> str | None:
        """The number; None when it was sealed under another key."""
        try:
            return self._fernet().decrypt(sealed.encode("utf-8", "replace")).decode()
        except (InvalidToken, UnicodeDecodeError):
            return None

    def _fernet(self) -> Fernet:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(self.key)
        return Fernet(base64.urlsafe_b64encode(derived))
