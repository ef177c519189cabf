from __future__ import annotations

from egret.web.throttle import BURST, EVERY_S, MAX_ADDRESSES, Throttle


def spend(throttle: Throttle, remote: str, now_s: float = 0.0) -> None:
    for _ in range(BURST):
        assert throttle.take(remote, now_s) == 0


def test_after_a_burst_there_is_one_try_now_and_then() -> None:
    throttle = Throttle()
    spend(throttle, "192.0.2.1")
    wait_s = throttle.take("192.0.2.1", 0.0)
    assert 0 < wait_s <= EVERY_S
    assert throttle.take("192.0.2.1", wait_s) == 0
    assert throttle.take("192.0.2.1", wait_s) > 0
    assert throttle.take("192.0.2.2", 0.0) == 0


def test_right_ones_cost_nothing() -> None:
    throttle = Throttle()
    for _ in range(3 * BURST):
        assert throttle.take("192.0.2.1", 0.0) == 0
        throttle.give_back("192.0.2.1", 0.0)


def test_who_has_one_address_of_a_network_has_them_all() -> None:
    throttle = Throttle()
    spend(throttle, "2001:db8::1")
    assert throttle.take("2001:db8::ffff", 0.0) > 0
    assert throttle.take("2001:db8:0:1::1", 0.0) == 0
    spend(throttle, "::ffff:192.0.2.1")
    assert throttle.take("192.0.2.1", 0.0) > 0
    assert throttle.take("not an address", 0.0) == 0


def test_memory_is_bounded() -> None:
    throttle = Throttle()
    for number in range(MAX_ADDRESSES + 50):
        throttle.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(throttle._spent) == MAX_ADDRESSES
