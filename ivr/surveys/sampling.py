"""The chance of a call to be asked, and the draw that meets it."""

import hashlib
import hmac
from collections.abc import Mapping

from ivr.rule_settings import RuleSettings

WEEK_DAYS = 7
"""An agent's ratings are those of today and the days before, so many in all."""
FALLS_FROM = 0.75
"""With this part of the wanted ratings or less everybody is asked; from there the chance falls evenly to the share."""
_DRAWS = 2**53


def draw(key: bytes, site: str, linkedid: str) -> float:
    """A number from 0 up to but not 1, the same for the same call under the same key, and even over many calls.

    HMAC-SHA-256 (RFC 2104) of the call: nobody without the key can tell who will be asked, and neither a restart nor
    another replica draws again.
    """
    text = b"sampling\x00" + site.encode() + b"\x00" + linkedid.encode("utf-8", "surrogatepass")
    digest = hmac.new(key, text, hashlib.sha256).digest()
    return (int.from_bytes(digest[:8]) >> 11) / _DRAWS


def share_for(rules: RuleSettings, *, agent: str, reason: str, queue: str) -> tuple[float, str]:
    """The share that applies, and the name of the setting that gives it: the agent's own goes before the reason's
    (then that of the reason above it), that before the queue's, and that before the site's."""
    for given, code, name in (
        (rules.sampling_by_agent, agent, "sampling_by_agent"),
        (rules.sampling_by_reason, _given_reason(rules.sampling_by_reason, reason), "sampling_by_reason"),
        (rules.sampling_by_queue, queue, "sampling_by_queue"),
    ):
        if code in given:
            return given[code], name
    return rules.sampling, "sampling"


def chance(share: float, *, wanted: int, ratings: int) -> float:
    """The chance to be asked, of 0 to 1, of a call whose agent has so many of the wanted ratings of a week."""
    behind = (wanted - ratings) / wanted
    return share + (1 - share) * min(1.0, max(0.0, behind) / (1 - FALLS_FROM))


def _given_reason(given: Mapping[str, float], reason: str) -> str:
    return reason if reason in given else reason.rpartition("/")[0]
