from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from egret.alerts.digest import Digest
from egret.alerts.messages import Message
from egret.alerts.model import Alert
from egret.errors import SinkRejected, SinkTemporary
from egret.model import Severity
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sinks.breaker import Circuit
from tests.support.alerts import BUSY, FakeSink, Watch, numbered
from tests.support.digest import digest
from tests.support.patience import PATIENCE_S

QUICK = DeliveryOptions(backoff_s=0.001, backoff_cap_s=0.002)


class Hanging(FakeSink):
    """Hangs at every send, and even when it is told to stop."""

    def __init__(self, *, stubborn: bool = False) -> None:
        super().__init__(name="hanging")
        self.stubborn = stubborn

    async def send(self, alerts: Sequence[Alert]) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if self.stubborn:
                await asyncio.sleep(0.2)
            raise


def deliver(
    sink: FakeSink, alerts: Sequence[Alert], options: DeliveryOptions = QUICK, close_s: float = PATIENCE_S
) -> Watch:
    """Offer *alerts* to *sink* and close; what the watcher saw."""
    watch = Watch()

    async def run() -> None:
        delivery = Delivery(sink, options, watch)
        delivery.start()
        for alert in alerts:
            delivery.offer(alert)
        await delivery.close(close_s)
        assert delivery.queue_length == 0

    asyncio.run(run())
    return watch


def test_alerts_arrive_once_and_in_order() -> None:
    sink = FakeSink()
    watch = deliver(sink, numbered(50))
    assert sink.got == watch.ids(Outcome.DELIVERED) == [f"high-{number}" for number in range(50)]
    assert sink.closed


def test_alerts_below_the_minimum_are_not_wanted() -> None:
    sink = FakeSink()
    watch = deliver(sink, [*numbered(1, Severity.LOW), *numbered(1)], DeliveryOptions(min_severity=Severity.MEDIUM))
    assert sink.got == ["high-0"]
    assert len(watch.seen) == 1


def test_a_temporary_failure_is_tried_again_in_order() -> None:
    sink = FakeSink([BUSY, BUSY, SinkTemporary("later", retry_after_s=0.001)])
    watch = deliver(sink, numbered(3))
    assert sink.got == ["high-0", "high-1", "high-2"]
    assert watch.ids(Outcome.FAILED) == ["high-0"] * 3


@pytest.mark.parametrize("error", [SinkRejected("no"), ZeroDivisionError("a bug")])
def test_a_rejection_or_a_bug_costs_one_alert(error: Exception) -> None:
    sink = FakeSink([error])
    watch = deliver(sink, numbered(3))
    assert watch.ids(Outcome.REJECTED) == ["high-0"]
    assert sink.got == ["high-1", "high-2"]


def test_batches_are_as_large_as_allowed() -> None:
    sizes = []

    class Batches(FakeSink):
        async def send(self, alerts: Sequence[Alert]) -> None:
            sizes.append(len(alerts))

    deliver(Batches(), numbered(25), DeliveryOptions(batch=10))
    assert sizes == [10, 10, 5]


def test_a_hang_is_a_failure_and_is_tried_again() -> None:
    class HangsOnce(FakeSink):
        async def send(self, alerts: Sequence[Alert]) -> None:
            if not self.closed and not self.got:
                self.got.append("hang")
                await asyncio.sleep(3600)
            self.got.extend(alert.id for alert in alerts)

    sink = HangsOnce()
    watch = deliver(sink, numbered(1), DeliveryOptions(send_timeout_s=0.02, backoff_s=0.001))
    assert sink.got == ["hang", "high-0"]
    assert watch.ids(Outcome.FAILED) == watch.ids(Outcome.DELIVERED) == ["high-0"]


@pytest.mark.parametrize("stubborn", [False, True])
def test_closing_is_bounded_and_counts_what_is_kept(stubborn: bool) -> None:
    watch = deliver(Hanging(stubborn=stubborn), numbered(3), QUICK, close_s=0.05)
    assert sorted(watch.ids(Outcome.KEPT)) == ["high-0", "high-1", "high-2"]


def test_a_receiver_that_stays_away_does_not_hold_up_the_end() -> None:
    sink = FakeSink([BUSY] * 10_000)
    watch = deliver(sink, numbered(2), DeliveryOptions(backoff_s=60), close_s=0.5)
    assert watch.ids(Outcome.KEPT) == ["high-0", "high-1"]
    assert len(watch.ids(Outcome.FAILED)) < 10


def test_a_sink_that_cannot_close_is_left() -> None:
    class Stuck(FakeSink):
        async def close(self) -> None:
            raise SinkTemporary("still writing")

    deliver(Stuck(), numbered(1))


def test_offering_never_waits_and_a_full_queue_drops_the_mildest() -> None:
    watch = Watch()

    async def run() -> None:
        delivery = Delivery(Hanging(), DeliveryOptions(queue_length=3), watch)
        delivery.start()
        for alert in [*numbered(2, Severity.LOW), *numbered(3)]:
            delivery.offer(alert)
        assert watch.ids(Outcome.DROPPED) == ["low-0", "low-1"]
        assert delivery.queue_length == 3
        await delivery.close(0.01)

    asyncio.run(run())


def test_it_may_be_closed_before_it_was_started() -> None:
    async def run() -> None:
        delivery = Delivery(FakeSink(), QUICK, Watch())
        await delivery.close(0.01)

    asyncio.run(run())


def test_pauses_double_with_jitter_up_to_the_cap() -> None:
    async def run() -> list[float]:
        longest = Delivery(FakeSink(), DeliveryOptions(), Watch(), jitter=lambda low, high: high)
        shortest = Delivery(FakeSink(), DeliveryOptions(), Watch(), jitter=lambda low, high: low)
        for attempt in range(40):
            assert longest._backoff_s(attempt, None) == 2 * shortest._backoff_s(attempt, None)
        assert longest._backoff_s(0, 17.0) == 17.0
        assert longest._backoff_s(0, 1e9) == 3600.0
        assert longest._backoff_s(0, -5.0) == 0.0
        return [longest._backoff_s(attempt, None) for attempt in range(40)]

    pauses = asyncio.run(run())
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert all(later >= earlier for earlier, later in pairwise(pauses))
    assert pauses[-1] == 300.0


def test_a_cancellation_is_never_swallowed() -> None:
    """A daemon that dies in the middle of a delivery must not hang in its own clean-up."""

    async def run() -> None:
        sink = FakeSink()
        delivery = Delivery(sink, QUICK, Watch())
        delivery.start()
        for alert in numbered(100):
            delivery.offer(alert)
        for _ in range(1_000):
            await asyncio.sleep(0)
            if len(sink.got) == 100:
                break
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())


def balance(watch: Watch, waiting: int = 0) -> bool:
    """Whether each alert that was offered is accounted for once."""
    ends = (Outcome.DELIVERED, Outcome.REJECTED, Outcome.DROPPED, Outcome.FORGOTTEN, Outcome.KEPT)
    return watch.offered == sum(len(watch.ids(outcome)) for outcome in ends) + waiting


class Picky(FakeSink):
    """Takes everything but what *bad* names."""

    def __init__(self, bad: str, error: Exception) -> None:
        super().__init__()
        self.bad, self.error = bad, error

    async def send(self, alerts: Sequence[Alert]) -> None:
        if any(alert.id == self.bad for alert in alerts):
            raise self.error
        await super().send(alerts)


def test_an_alert_that_always_fails_holds_up_the_others_for_a_while_only() -> None:
    sink = Picky("high-0", BUSY)
    watch = deliver(sink, numbered(6))
    assert sink.got == [f"high-{number}" for number in range(1, 6)]
    assert watch.ids(Outcome.REJECTED) == ["high-0"]
    assert "given up, for others were taken meanwhile: busy" in watch.details
    assert balance(watch)


def test_a_refused_batch_is_sent_one_by_one_and_costs_one_alert() -> None:
    sink = Picky("high-3", SinkRejected("no"))
    watch = deliver(sink, numbered(9), DeliveryOptions(batch=5))
    assert sink.got == [f"high-{number}" for number in (0, 1, 2, 4, 5, 6, 7, 8)]
    assert watch.ids(Outcome.REJECTED) == ["high-3"]


def test_a_receiver_that_stays_away_opens_the_circuit_and_loses_nothing() -> None:
    watch, sink = Watch(), FakeSink([BUSY] * 12)

    async def run() -> None:
        delivery = Delivery(sink, QUICK, watch)
        delivery.start()
        for alert in numbered(4):
            delivery.offer(alert)
        seen = set()
        while delivery.queue_length:
            seen.add(delivery.circuit)
            await asyncio.sleep(0)
        assert seen >= {Circuit.CLOSED, Circuit.OPEN}
        assert delivery.circuit is Circuit.CLOSED
        await delivery.close(PATIENCE_S)

    asyncio.run(run())
    assert sorted(sink.got) == [f"high-{number}" for number in range(4)]
    assert balance(watch)


def test_what_waits_too_long_is_dropped_and_what_is_forgotten_too_and_all_is_accounted_for() -> None:
    watch = Watch()

    async def run() -> None:
        delivery = Delivery(Hanging(), DeliveryOptions(max_age_s=60.0), watch)
        alerts = numbered(6)
        delivery.offer(alerts[0])
        delivery.queue(alerts[1], age_s=120.0)
        delivery.queue(alerts[2], age_s=30.0)
        delivery.queue(alerts[2])  # it waits already
        assert delivery.expire() == 1
        assert delivery.forget(lambda alert: alert.id == "high-2") == 1
        assert balance(watch, waiting=1)
        delivery.start()
        delivery.offer(alerts[3])
        await asyncio.sleep(0.01)
        assert delivery.forget(lambda alert: alert.id == "high-0") == 1  # while it is being sent
        assert balance(watch, waiting=1)
        await delivery.close(0.01)

    asyncio.run(run())
    assert watch.ids(Outcome.DROPPED) == ["high-1"]
    assert watch.ids(Outcome.FORGOTTEN) == ["high-2", "high-0"]
    assert watch.ids(Outcome.KEPT) == ["high-3"]
    assert balance(watch)


def test_a_sink_with_something_to_do_between_alerts_does_it_until_the_end() -> None:
    class Busy(FakeSink):
        trouble = "a peer is down"

        async def run(self) -> None:
            try:
                self.got.append("begun")
                await asyncio.sleep(3600)
            finally:
                self.got.append("ended")

    sink = Busy()
    assert Delivery(sink, QUICK, Watch()).trouble == "a peer is down"
    assert Delivery(FakeSink(), QUICK, Watch()).trouble is None
    deliver(sink, numbered(1))
    assert sorted(sink.got) == ["begun", "ended", "high-0"]


class Digesting(FakeSink):
    """Remembers digests among the alerts, and how many came at once."""

    def __init__(self, script: Sequence[Exception] = ()) -> None:
        super().__init__(script)
        self.sizes: list[int] = []

    async def send(self, alerts: Sequence[Alert]) -> None:
        await super().send(alerts)
        self.sizes.append(len(alerts))

    async def digest(self, digest: Digest) -> None:
        if self.script:
            raise self.script.pop(0)
        self.got.append("digest")
        self.sizes.append(1)


def test_a_digest_goes_alone_in_its_place_and_is_tried_again() -> None:
    sink, watch = Digesting([BUSY, BUSY]), Watch()

    async def run() -> None:
        delivery = Delivery(sink, replace(QUICK, batch=8, min_severity=Severity.HIGH), watch)
        messages: list[Message] = [*numbered(3), digest(), digest(id="other"), *numbered(1, Severity.CRITICAL)]
        for message in messages:
            delivery.queue(message)
        delivery.start()
        await delivery.close(PATIENCE_S)

    asyncio.run(run())
    assert sink.got == ["high-0", "high-1", "high-2", "digest", "digest", "critical-0"]
    assert max(sink.sizes) == 3
    assert len(watch.ids(Outcome.DELIVERED)) == watch.offered == 6


def test_a_digest_for_a_sink_without_a_form_is_a_dead_letter() -> None:
    sink, watch = FakeSink(), Watch()

    async def run() -> None:
        delivery = Delivery(sink, QUICK, watch)
        delivery.start()
        delivery.queue(digest())
        await delivery.close(PATIENCE_S)

    asyncio.run(run())
    assert watch.ids(Outcome.REJECTED) == [digest().id]
    assert sink.got == []
