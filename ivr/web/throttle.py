"""How often somebody may try a password: the waits grow with every try that fails, for an account and an address."""

import ipaddress
from dataclasses import dataclass

MOST_KEPT = 10_000
"""Of how many accounts and addresses, each, tries are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How patient we are."""

    free: int
    """So many tries in a row need no wait."""
    forgiven_seconds: float
    """After so long one failed try is forgotten."""
    longest_seconds: float
    """The wait doubles from one second with every further try, up to this."""


ACCOUNT = Limit(free=5, forgiven_seconds=600.0, longest_seconds=60.0)
"""A short longest wait: who only wants to keep somebody out shall not do so for long."""
ADDRESS = Limit(free=30, forgiven_seconds=60.0, longest_seconds=900.0)
"""A whole office may share an address."""


@dataclass(slots=True)
class _Tries:
    failed: int = 0
    at: float = 0.0


class Throttle:
    """Remembers failed tries. Logins that there are not are treated as those that there are."""

    def __init__(self) -> None:
        self._accounts = _Memory(ACCOUNT)
        self._addresses = _Memory(ADDRESS)

    def begin(self, login: str, address: str, now: float) -> float:
        """Take a try at `now` seconds: 0 when it may be made, or else how many seconds it must wait.

        A try counts as failed until `fitted` says otherwise, so that many at once are no way around. One that must
        wait does not count.
        """
        host = network_of(address)
        wait = max(self._accounts.wait(login, now), self._addresses.wait(host, now))
        if wait <= 0.0:
            self._accounts.add(login, now)
            self._addresses.add(host, now)
        return wait

    def fitted(self, login: str, address: str) -> None:
        """The password of the last try was right. The address' other failures stay: they may be an attacker's, who has
        an account, too."""
        self._accounts.forget(login)
        self._addresses.take_back(network_of(address))


class _Memory:
    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._tries: dict[str, _Tries] = {}

    def wait(self, key: str, now: float) -> float:
        tries = self._tries.get(key)
        if tries is None:
            return 0.0
        over = self._failed(tries, now) - self._limit.free
        # 2 ** 30 seconds is longer than any limit.
        if over < 0:
            return 0.0
        longest = min(float(1 << min(over, 30)), self._limit.longest_seconds)
        # A clock may be put back: nobody waits for longer on that account.
        return min(longest, max(0.0, tries.at + longest - now))

    def add(self, key: str, now: float) -> None:
        tries = self._tries.pop(key, None) or _Tries(at=now)
        # Popped and put back: the dictionary's order is that of the last try.
        self._tries[key] = _Tries(failed=self._failed(tries, now) + 1, at=now)
        while len(self._tries) > MOST_KEPT:
            del self._tries[next(iter(self._tries))]

    def take_back(self, key: str) -> None:
        if key in self._tries:
            self._tries[key].failed = max(0, self._tries[key].failed - 1)

    def forget(self, key: str) -> None:
        self._tries.pop(key, None)

    def _failed(self, tries: _Tries, now: float) -> int:
        return max(0, tries.failed - int(max(0.0, now - tries.at) / self._limit.forgiven_seconds))


def network_of(address: str) -> str:
    """By what somebody is known: the address, of IPv6 the 64 bits that one customer has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
