"""How long somebody waits who tries passwords."""

from ivr.web.throttle import ACCOUNT, ADDRESS, MOST_KEPT, Throttle, network_of


def test_five_tries_are_free_and_the_waits_then_double_up_to_a_minute() -> None:
    throttle, now = Throttle(), 1000.0
    waits = []
    for _ in range(14):
        wait = throttle.begin("ada", "10.0.0.1", now)
        waits.append(round(wait))
        if wait:
            # Not early, and just in time.
            assert throttle.begin("ada", "10.0.0.1", now + wait - 0.01) > 0
            now += wait
            assert throttle.begin("ada", "10.0.0.1", now) == 0
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_another_account_need_not_wait() -> None:
    throttle = Throttle()
    for _ in range(ACCOUNT.free):
        throttle.begin("ada", "10.0.0.1", 0.0)
    assert throttle.begin("ada", "10.0.0.2", 0.0) > 0
    assert throttle.begin("bob", "10.0.0.1", 0.0) == 0


def test_an_address_that_tries_many_accounts_waits_whatever_it_tries_next() -> None:
    throttle = Throttle()
    for number in range(ADDRESS.free):
        assert throttle.begin(f"account{number}", "10.0.0.1", 0.0) == 0
    assert throttle.begin("ada", "10.0.0.1", 0.0) > 0
    assert throttle.begin("ada", "10.0.0.2", 0.0) == 0


def test_a_try_that_must_wait_does_not_make_the_wait_longer() -> None:
    throttle = Throttle()
    for _ in range(ACCOUNT.free):
        throttle.begin("ada", "10.0.0.1", 0.0)
    for _ in range(100):
        throttle.begin("ada", "10.0.0.1", 0.5)
    assert throttle.begin("ada", "10.0.0.1", 1.0) == 0


def test_the_right_password_clears_the_account_and_only_its_own_try_of_the_address() -> None:
    throttle = Throttle()
    for number in range(ADDRESS.free - 1):
        throttle.begin(f"account{number}", "10.0.0.1", 0.0)
    for _ in range(100):
        # An attacker with an account of his own, who signs in between.
        assert throttle.begin("mallory", "10.0.0.1", 0.0) == 0
        throttle.fitted("mallory", "10.0.0.1")
    assert throttle.begin("ada", "10.0.0.1", 0.0) == 0
    assert throttle.begin("bob", "10.0.0.1", 0.0) > 0


def test_failures_are_forgiven_after_a_while() -> None:
    throttle = Throttle()
    for _ in range(ACCOUNT.free):
        throttle.begin("ada", "10.0.0.1", 0.0)
    assert throttle.begin("ada", "10.0.0.1", 5 * ACCOUNT.forgiven_seconds) == 0
    for _ in range(ACCOUNT.free - 1):
        assert throttle.begin("ada", "10.0.0.1", 5 * ACCOUNT.forgiven_seconds) == 0


def test_a_clock_that_is_put_back_locks_nobody_out_for_longer_than_the_longest_wait() -> None:
    throttle = Throttle()
    for _ in range(ACCOUNT.free):
        throttle.begin("ada", "10.0.0.1", 100_000.0)
    assert throttle.begin("ada", "10.0.0.1", 0.0) <= ACCOUNT.longest_seconds


def test_no_more_is_remembered_than_there_is_room_for_and_the_last_tries_are_kept() -> None:
    throttle = Throttle()
    for _ in range(ACCOUNT.free):
        throttle.begin("old", "10.0.0.1", 0.0)
    for number in range(MOST_KEPT - 1):
        throttle.begin(f"account{number}", f"2001:db8:{number:x}::1", 0.0)
    assert throttle.begin("old", "10.0.0.2", 0.0) > 0
    throttle.begin("one more", "10.0.0.3", 0.0)
    assert throttle.begin("old", "10.0.0.2", 0.0) == 0


def test_a_customer_with_many_addresses_of_ipv6_is_one() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1:2")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert network_of("no address") == "no address"
