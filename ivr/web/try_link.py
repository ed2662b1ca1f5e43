"""Links with which one flow may be tried in a browser, for a while, without the API's token.

A link is signed with HMAC-SHA256 (RFC 2104) under the token, over the flow and the time at which it expires: who has it
may try that one flow and nothing else, and nobody can make one who does not know the token.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode


def try_link(token: str, flow: str, until: datetime) -> str:
    """Path and query of the page on which `flow` may be tried until then."""
    seconds = str(int(until.timestamp()))
    return f"/try/{flow}?{urlencode({'until': seconds, 'key': _signature(token, flow, seconds)})}"


def refusal(token: str, flow: str, query: Mapping[str, str], now: datetime) -> str:
    """Why `query` gives no right to try `flow` now: ``missing``, ``wrong`` or ``expired``; ``""`` when it does."""
    seconds, key = query.get("until", ""), query.get("key", "")
    if not seconds or not key:
        return "missing"
    if not hmac.compare_digest(_signature(token, flow, seconds).encode(), key.encode("utf-8", "surrogateescape")):
        return "wrong"
    return "" if now.timestamp() < int(seconds) else "expired"


def _signature(token: str, flow: str, seconds: str) -> str:
    message = f"postcall try\n{flow}\n{seconds}".encode("utf-8", "surrogateescape")
    return hmac.digest(token.encode(), message, "sha256").hex()
