from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from egret.alerts.model import Alert
from egret.model import Severity
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sinks.jsonl import JsonLinesSink
from egret.sinks.outputs import SINKS, Outputs
from tests.support.alerts import BUSY, FakeSink, Watch, numbered, opened
from tests.support.patience import PATIENCE_S


class Hanging(FakeSink):
    async def send(self, alerts: Sequence[Alert]) -> None:
        await asyncio.sleep(3600)


def test_a_sink_that_hangs_delays_no_other() -> None:
    watch, all_there = Watch(), asyncio.Event()

    class Good(FakeSink):
        async def send(self, alerts: Sequence[Alert]) -> None:
            await super().send(alerts)
            if len(self.got) == 100:
                all_there.set()

    took_s = []

    async def run() -> None:
        outputs = Outputs(
            [
                Delivery(Hanging(name="hanging"), DeliveryOptions(), watch),
                Delivery(Good(name="good"), DeliveryOptions(), watch),
            ]
        )
        outputs.start()
        began = time.monotonic()
        outputs.offer(numbered(100))
        await asyncio.wait_for(all_there.wait(), PATIENCE_S)
        took_s.append(time.monotonic() - began)
        await asyncio.sleep(0)
        assert outputs.queue_lengths == {"hanging": 100, "good": 0}
        await outputs.close(0.05)

    asyncio.run(run())
    assert took_s[0] < 1.0
    assert len(watch.ids(Outcome.DELIVERED)) == len(watch.ids(Outcome.KEPT)) == 100


def test_every_sink_is_in_the_table() -> None:
    names = ["alertmanager", "apprise", "file", "journal", "kafka", "nats", "syslog", "terminal", "webhook"]
    assert sorted(SINKS) == names
    assert SINKS["file"] is JsonLinesSink


def test_who_wants_an_alert_and_who_gets_it_again() -> None:
    async def run() -> None:
        low, high = FakeSink(name="low"), FakeSink(name="high")
        watch = Watch()
        outputs = Outputs(
            [
                Delivery(low, DeliveryOptions(), watch),
                Delivery(high, DeliveryOptions(min_severity=Severity.HIGH), watch),
            ]
        )
        assert outputs.names == ("low", "high")
        assert outputs.route(opened(Severity.LOW)) == ("low",)
        assert outputs.route(opened(Severity.HIGH)) == ("low", "high")
        outputs.start()
        outputs.offer_again("high", [(opened(), 0.0), (opened(), 0.0)])
        assert outputs.not_queued("high", [opened().id, "other"]) == ["other"]
        assert outputs.not_queued("gone", ["other"]) == []
        await outputs.close(PATIENCE_S)
        assert (len(low.got), len(high.got)) == (0, 1)

    asyncio.run(run())


def test_outputs_are_exchanged_without_losing_or_repeating_an_alert() -> None:
    async def run() -> None:
        watch = Watch()
        steady, hanging, heir, added = FakeSink(name="a"), Hanging(name="b"), FakeSink(name="b"), FakeSink(name="c")
        stays, goes = Delivery(steady, DeliveryOptions(), watch), Delivery(hanging, DeliveryOptions(), watch)
        outputs = Outputs([stays, goes])
        outputs.start()
        outputs.offer(numbered(3))
        fresh = [stays, Delivery(heir, DeliveryOptions(), watch), Delivery(added, DeliveryOptions(), watch)]
        await outputs.exchange(fresh, 0.05)
        outputs.offer([opened()])
        await outputs.close(PATIENCE_S)
        assert outputs.names == ("a", "b", "c")
        assert [len(sink.got) for sink in (steady, heir, added)] == [4, 4, 1]
        assert len(set(heir.got)) == 4

    asyncio.run(run())


def test_unwanted_alerts_are_dropped_also_while_they_are_tried_again() -> None:
    watch, sink = Watch(), FakeSink([BUSY, BUSY])

    async def run() -> int:
        delivery = Delivery(sink, DeliveryOptions(batch=2, backoff_s=0.05, backoff_cap_s=0.05), watch)
        outputs = Outputs([delivery])
        outputs.start()
        outputs.offer(numbered(4))
        await asyncio.sleep(0.01)
        dropped = outputs.forget(lambda alert: alert.id in {"high-0", "high-2"})
        await outputs.close(PATIENCE_S)
        return dropped

    assert asyncio.run(run()) == 2
    assert sink.got == ["high-1", "high-3"]


def test_a_delivery_of_which_nothing_is_left_ends() -> None:
    watch, sink = Watch(), FakeSink([BUSY])

    async def run() -> None:
        outputs = Outputs([Delivery(sink, DeliveryOptions(backoff_s=PATIENCE_S), watch)])
        outputs.start()
        outputs.offer(numbered(1))
        await asyncio.sleep(0.01)
        assert outputs.forget(lambda _: True) == 1
        await outputs.close(PATIENCE_S)

    asyncio.run(run())
    assert sink.got == []
    assert watch.ids(Outcome.DELIVERED) == []
