"""librdkafka's mock cluster, and a sink that produces to it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from egret.alerts.codec import alert_to_dict
from egret.alerts.model import Alert
from egret.sinks.kafka import KafkaOptions, KafkaSink
from egret.sinks.records import RecordForm
from tests.support.handing import hand
from tests.support.patience import PATIENCE_S

FORM = RecordForm(
    line=lambda alert: json.dumps(alert_to_dict(alert)),
    warning=lambda alert: alert.id,
    summary=lambda digest: digest.id,
)


class Cluster:
    """One mock broker, and what is in its topics."""

    def __init__(self) -> None:
        self._mock = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced", "log_level": 0})
        brokers = self._mock.list_topics(timeout=PATIENCE_S).brokers.values()
        self.servers = tuple(f"{broker.host}:{broker.port}" for broker in brokers)

    def read(self, topic: str, count: int) -> list[Message]:
        """The first *count* records, those of one key in their order."""
        reader = Consumer({"bootstrap.servers": self.servers[0], "group.id": "test", "log_level": 0})
        parts = reader.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions
        reader.assign([TopicPartition(topic, number, 0) for number in parts])
        until_s, found = time.monotonic() + PATIENCE_S, list[Message]()
        while len(found) < count and time.monotonic() < until_s:
            found += [message for message in reader.consume(count, 0.1) if message.error() is None]
        reader.close()
        return found


def kafka(servers: Sequence[str], topic: str = "alerts", **options: Any) -> KafkaSink:
    return KafkaSink(KafkaOptions(name="bus", servers=tuple(servers), topic=topic, form=FORM, **options))


def send(sink: KafkaSink, alerts: Sequence[Alert]) -> None:
    hand(sink, alerts)
