from __future__ import annotations

from egret.sinks.breaker import MAX_STRIKES, THRESHOLD, Breaker, Circuit


def test_it_opens_after_failures_in_a_row_and_closes_with_the_first_answer() -> None:
    breaker = Breaker()
    for _ in range(THRESHOLD - 1):
        breaker.begin()
        breaker.failed(["a"])
        assert breaker.state is Circuit.CLOSED
    breaker.failed(["a"])
    assert breaker.state is Circuit.OPEN
    breaker.begin()
    assert (breaker.state, breaker.probes) == (Circuit.HALF_OPEN, 1)
    breaker.failed(["a"])
    assert breaker.state is Circuit.OPEN
    breaker.begin()
    breaker.answered(["a"], taken=True)
    assert (breaker.state, breaker.failures, breaker.probes) == (Circuit.CLOSED, 0, 0)


def test_an_alert_that_fails_while_others_are_taken_is_at_fault() -> None:
    breaker = Breaker()
    for number in range(MAX_STRIKES):
        assert not breaker.at_fault("bad")
        breaker.failed(["bad"])
        breaker.failed(["bad"])
        breaker.answered([f"good {number}"], taken=True)
    assert breaker.at_fault("bad")
    breaker.forget(["bad"])
    assert not breaker.at_fault("bad")


def test_an_outage_makes_nobody_guilty_nor_does_a_refusal() -> None:
    breaker = Breaker()
    for _ in range(100):
        breaker.failed(["a", "b"])
        breaker.answered(["c"], taken=False)
    assert not breaker.at_fault("a")
    breaker.failed(["a"])
    breaker.answered(["a"], taken=True)
    assert not breaker.at_fault("a")
