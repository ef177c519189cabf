"""Against librdkafka's mock cluster: a broker of the real protocol, in this process."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from pathlib import Path

import pytest

from egret.alerts.codec import alert_to_dict
from egret.errors import SinkRejected, SinkTemporary
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sinks.kafka import KafkaOptions, KafkaSink
from egret.sinks.records import Login, RecordForm
from egret.sinks.tls import TlsOptions
from tests.support.alerts import Watch, hostile, numbered, opened, sensor_alert, whole_life
from tests.support.certificates import Authority
from tests.support.digest import digest
from tests.support.kafka import Cluster, kafka, send


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


def test_a_life_is_one_key_in_order_and_each_record_tells_its_own(cluster: Cluster) -> None:
    life = [*whole_life(), hostile()]
    send(kafka(cluster.servers, "life"), life)
    found = cluster.read("life", len(life))
    assert {message.key() for message in found} == {alert.incident.id.encode() for alert in life}
    mine = [message for message in found if message.key() == life[0].incident.id.encode()]
    assert len({message.partition() for message in mine}) == 1
    assert [json.loads(message.value() or b"") for message in mine] == [alert_to_dict(alert) for alert in life[:-1]]
    assert [dict(message.headers() or []) for message in mine] == [
        {"egret-alert": alert.id.encode(), "content-type": b"application/json"} for alert in life[:-1]
    ]


def test_every_alert_of_a_delivery_arrives_and_those_about_the_sensor_too(cluster: Cluster) -> None:
    watch, sink = Watch(), kafka(cluster.servers, "many")

    async def run() -> None:
        await sink.warn(sensor_alert())
        await sink.digest(digest())
        delivery = Delivery(sink, DeliveryOptions(batch=64), watch)
        delivery.start()
        for alert in numbered(300):
            delivery.offer(alert)
        await delivery.close(10.0)

    asyncio.run(run())
    found = cluster.read("many", 302)
    assert len(watch.ids(Outcome.DELIVERED)) == 300
    assert len(found) == 302
    assert (b"sensor-link_down", sensor_alert().id.encode()) in [(each.key(), each.value()) for each in found]
    assert (b"digest", digest().id.encode()) in [(each.key(), each.value()) for each in found]


def test_too_large_is_for_good_and_the_next_one_passes(cluster: Cluster) -> None:
    form = RecordForm(line=lambda alert: "x" * (2_000_000 if alert.id == "high-0" else 1), warning=str, summary=str)
    sink = KafkaSink(KafkaOptions(name="bus", servers=cluster.servers, topic="large", form=form))
    with pytest.raises(SinkRejected, match=r"kafka bus: .*large"):
        asyncio.run(sink.send(numbered(1)))
    send(sink, numbered(2)[1:])
    assert [message.value() for message in cluster.read("large", 1)] == [b"x"]


@pytest.mark.slow
def test_a_broker_that_hangs_holds_up_neither_the_loop_nor_us() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    async def run() -> None:
        pulse = asyncio.create_task(beat())
        with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(SinkTemporary, match=r"no ack|timed out"):
            await kafka([f"127.0.0.1:{deaf.getsockname()[1]}"], timeout_s=0.5).send([opened()])
        pulse.cancel()

    started_s = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started_s < 3
    assert beats > 20


@pytest.mark.slow
def test_nobody_there_says_so_in_time_and_the_next_attempt_has_a_new_client(cluster: Cluster) -> None:
    sink, started_s = kafka(["127.0.0.1:9"], "again", timeout_s=0.2), time.monotonic()
    with pytest.raises(SinkTemporary, match=r"kafka bus: .*: .*refused"):
        asyncio.run(sink.send([opened()]))
    assert time.monotonic() - started_s < 3
    assert sink._producer is None
    sink._options = kafka(cluster.servers, "again")._options
    send(sink, [opened()])
    assert len(cluster.read("again", 1)) == 1


def test_what_librdkafka_is_told(tmp_path: Path) -> None:
    tls = TlsOptions(ca=tmp_path / "ca.pem", certificate=tmp_path / "both.pem")
    made = kafka(["b:9093", "[::1]:9"], tls=tls, login=Login("me", "pw"), mechanism="PLAIN")._options
    settings = made.settings()
    assert settings["bootstrap.servers"] == "b:9093,[::1]:9"
    assert (settings["acks"], settings["enable.idempotence"]) == ("all", True)
    assert settings["security.protocol"] == "sasl_ssl"
    assert settings["ssl.key.location"] == settings["ssl.certificate.location"] == str(tmp_path / "both.pem")
    assert (settings["sasl.mechanism"], settings["sasl.password"]) == ("PLAIN", "pw")
    assert "pw" not in repr(made)
    assert kafka(["b:9"])._options.settings()["security.protocol"] == "plaintext"


def test_health_and_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    assert kafka(["b:9"]).health() is None
    broken = kafka(["b:9"], tls=TlsOptions(ca=tmp_path / "none.pem"))
    assert "kafka bus: TLS" in (broken.health() or "")
    with pytest.raises(SinkTemporary, match="kafka bus: TLS: No such file"):
        send(broken, [opened()])


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(SinkTemporary, match="egret-monitor\\[kafka\\]"):
        send(kafka(["b:9"]), [opened()])
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "pip install 'egret-monitor[kafka]'" in (kafka(["b:9"]).health() or "")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_librdkafka_takes_every_login_with_tls_and_without(mechanism: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("sensor.example")
    for tls in (None, TlsOptions(ca=authority.ca, certificate=certificate, key=key)):
        sink = kafka(["127.0.0.1:9"], login=Login("me", "pw"), mechanism=mechanism, tls=tls)
        assert sink.health() is None
        sink._open()
        sink._drop()
