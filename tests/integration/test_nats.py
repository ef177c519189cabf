"""A real nats-server takes what we send: plain, into a stream, with TLS and passwords, and when it hangs or goes away."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.api import StreamConfig

from egret.alerts.model import Alert, Sensor
from egret.daemon.brokers import broker_sink
from egret.errors import SinkRejected, SinkTemporary
from egret.settings.broker_section import NatsOutput
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from egret.sinks.nats import NatsOptions, NatsSink
from egret.sinks.records import RecordForm
from tests.support.alerts import Watch, numbered, opened, whole_life
from tests.support.certificates import Authority
from tests.support.handing import hand
from tests.support.nats import NatsServer
from tests.support.patience import PATIENCE_S, until
from tests.support.world.namespaces import stop

pytestmark = pytest.mark.integration

SENSOR = Sensor("1.2.3", "gw.example")
USERS = """authorization { users: [
  { user: egret, password: "pw" }
  { user: mute, password: "pw", permissions: { publish: "other" } }
] }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(tmp_path_factory.mktemp("nats")) as running:
        yield running


def section(server: NatsServer, **values: Any) -> NatsOutput:
    return NatsOutput.model_validate({"name": "bus", "servers": [server.where], "timeout": "45s"} | values)


def send(output: NatsOutput, *alerts: Alert) -> None:
    sink = broker_sink(output, SENSOR)
    assert sink.health() is None
    hand(sink, alerts)


async def make_stream(server: NatsServer, name: str) -> None:
    client = await nats.connect(server.where)
    await client.jetstream().add_stream(StreamConfig(name=name, subjects=[f"{name}.>"], max_msg_size=32_768))
    await client.close()


async def stored(server: NatsServer, name: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Headers and documents in the stream, in order."""
    client = await nats.connect(server.where)
    context = client.jetstream()
    last = (await context.stream_info(name)).state.last_seq
    found = [await context.get_msg(name, seq) for seq in range(1, last + 1)]
    await client.close()
    return [(dict(each.headers or {}), json.loads(each.data or b"{}")) for each in found]


def test_a_listener_gets_a_life_as_it_was(server: NatsServer) -> None:
    async def run() -> list[dict[str, Any]]:
        listener = await nats.connect(server.where)
        heard = await listener.subscribe("egret.alerts")
        await listener.flush()
        sink = broker_sink(section(server, format="jsonl"), SENSOR)
        await sink.send(whole_life())
        got = [json.loads((await heard.next_msg(5)).data) for _ in whole_life()]
        await sink.close()
        await listener.close()
        return got

    assert [(each["id"], each["action"]) for each in asyncio.run(run())] == [
        (alert.id, alert.action.value) for alert in whole_life()
    ]


def test_a_stream_stores_each_alert_once_however_often_it_is_sent(server: NatsServer) -> None:
    asyncio.run(make_stream(server, "once"))
    output = section(server, subject="once.alerts", stream="once")
    send(output, *whole_life())
    send(output, *whole_life())
    found = asyncio.run(stored(server, "once"))
    assert [headers["Nats-Msg-Id"] for headers, _ in found] == [alert.id for alert in whole_life()]
    assert {headers["Egret-Key"] for headers, _ in found} == {whole_life()[0].incident.id}
    assert [document["event"]["id"] for _, document in found] == [alert.id for alert in whole_life()]


def test_a_subject_that_no_stream_takes_or_another_one(server: NatsServer) -> None:
    asyncio.run(make_stream(server, "narrow"))
    with pytest.raises(SinkTemporary, match="no stream takes the subject elsewhere"):
        send(section(server, subject="elsewhere", stream="narrow"), opened())
    with pytest.raises(SinkTemporary, match="expected stream"):
        send(section(server, subject="narrow.alerts", stream="wide"), opened())


def test_what_is_too_large_is_for_good(server: NatsServer) -> None:
    asyncio.run(make_stream(server, "small"))

    async def refused(size: int, subject: str, stream: str | None) -> None:
        form = RecordForm(line=lambda _: "x" * size, warning=str, summary=str)
        sink = NatsSink(NatsOptions(name="bus", servers=(server.where,), subject=subject, form=form, stream=stream))
        with pytest.raises(SinkRejected, match=f"{size} bytes"):
            await sink.send([opened()])
        await sink.close()

    asyncio.run(refused(40_000, "small.x", "small"))
    asyncio.run(refused(70_000, "egret.alerts", None))


def test_tls_and_who_may_what(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue("nats.example")
    mine, my_key = authority.issue("sensor.example")
    files = f'cert_file: "{cert}", key_file: "{key}", ca_file: "{authority.ca}", verify: true'
    config = f"tls {{ {files} }}\n{USERS}"
    (tmp_path / "pw").write_text("pw\n")
    tls = {"tls": True, "tls_ca": authority.ca, "tls_cert": mine, "tls_key": my_key}
    login = {"username": "egret", "password": f"file:{tmp_path}/pw"}
    with NatsServer(tmp_path, config) as server:
        send(section(server, **tls, **login), opened())
        (tmp_path / "pw2").write_text("wrong")
        for values, why in (
            (tls, "Authorization"),
            (tls | login | {"password": f"file:{tmp_path}/pw2"}, "Authorization"),
            (tls | login | {"username": "mute"}, "permissions violation"),
            (tls | login | {"tls_ca": Authority(tmp_path, "Other CA").ca}, "CERTIFICATE_VERIFY_FAILED"),
            ({"tls": True, "tls_ca": authority.ca} | login, "nats bus"),
        ):
            with pytest.raises(SinkTemporary, match=why):
                send(section(server, **values), opened())


def test_one_that_hangs_or_goes_away_gets_everything_in_the_end(tmp_path: Path) -> None:
    watch = Watch()

    async def run(server: NatsServer, alerts: Sequence[Alert]) -> None:
        await make_stream(server, "all")
        sink = broker_sink(section(server, subject="all.alerts", stream="all", timeout="300ms"), SENSOR)
        delivery = Delivery(sink, DeliveryOptions(batch=8, backoff_s=0.05, backoff_cap_s=0.1), watch)
        delivery.start()
        for number, alert in enumerate(alerts):
            delivery.offer(alert)
            if number == 10:
                server.process.send_signal(signal.SIGSTOP)
            if number == 20:
                await until(lambda: watch.ids(Outcome.FAILED), "no answer in time")
                server.process.send_signal(signal.SIGCONT)
                await asyncio.to_thread(stop, server.process)
                await asyncio.to_thread(server.start)
        await delivery.close(PATIENCE_S)
        assert [headers["Nats-Msg-Id"] for headers, _ in await stored(server, "all")] == [each.id for each in alerts]

    started_s = time.monotonic()
    with NatsServer(tmp_path) as server:
        asyncio.run(run(server, numbered(30)))
    assert watch.ids(Outcome.DELIVERED) == [f"high-{number}" for number in range(30)]
    assert watch.ids(Outcome.FAILED)
    assert not watch.ids(Outcome.REJECTED)
    assert time.monotonic() - started_s < 20
