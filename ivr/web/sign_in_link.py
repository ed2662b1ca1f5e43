"""Links with which somebody signs in to an account, once, without a password.

As those of `try_link`, they are signed with HMAC-SHA256 (RFC 2104) under the token of the settings.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode


def sign_in_link(token: str, login: str, until: datetime) -> str:
    """Path and query of the link, which holds until then."""
    seconds = str(int(until.timestamp()))
    return f"/login/once?{urlencode({'login': login, 'until': seconds, 'key': _signature(token, login, seconds)})}"


class SignInLinks:
    """Remembers which links were used. It forgets them at a restart, so links are best made to hold for minutes."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}

    def take(self, token: str, query: Mapping[str, str], now: datetime) -> str | None:
        """The login of a link that is used for the first time, and in time; None for any other."""
        login, seconds, key = query.get("login", ""), query.get("until", ""), query.get("key", "")
        right = _signature(token, login, seconds)
        if not hmac.compare_digest(right.encode(), key.encode("utf-8", "surrogateescape")):
            return None
        moment = now.timestamp()
        self._used = {used: until for used, until in self._used.items() if until > moment}
        if moment >= int(seconds) or right in self._used:
            return None
        self._used[right] = float(seconds)
        return login


def _signature(token: str, login: str, seconds: str) -> str:
    message = f"postcall sign in\n{login}\n{seconds}".encode("utf-8", "surrogateescape")
    return hmac.digest(token.encode(), message, "sha256").hex()
