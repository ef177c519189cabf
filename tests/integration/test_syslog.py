"""A real rsyslogd receives what we send by UDP, TCP, TLS and its local socket, and says what it understood."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from egret.alerts.formats.lines import LINES
from egret.alerts.model import Alert, Sensor
from egret.daemon.logs import log_sink
from egret.errors import SinkTemporary
from egret.settings.syslog_section import SyslogOutput
from egret.sinks.base import Delivery, DeliveryOptions, Outcome
from tests.support.alerts import Watch, hostile, numbered, whole_life
from tests.support.certificates import Authority
from tests.support.handing import hand
from tests.support.lines import read_syslog
from tests.support.patience import PATIENCE_S, until
from tests.support.rsyslog import Rsyslog

pytestmark = pytest.mark.integration

SENSOR = Sensor("1.2.3", "gw.example")
TRANSPORTS = ["udp", "tcp", "tls"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rs")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def receiver(folder: Path, authority: Authority) -> Iterator[Rsyslog]:
    with Rsyslog(folder, authority) as running:
        yield running


def output(receiver: Rsyslog, authority: Authority, transport: str, **values: Any) -> SyslogOutput:
    where: dict[str, Any] = {"path": receiver.unix}
    if transport != "unix":
        where = {"host": "127.0.0.1", "port": receiver.ports[transport]}
    if transport == "tls":
        certificate, key = authority.issue("sensor.example")
        where |= {"tls_ca": authority.ca, "tls_cert": certificate, "tls_key": key, "tls_server_name": "siem.example"}
    return SyslogOutput.model_validate({"name": "siem", "transport": transport} | where | values)


def send(section: SyslogOutput, *alerts: Alert) -> None:
    sink = log_sink(section, SENSOR)
    assert sink.health() is None
    hand(sink, alerts)


def sent(receiver: Rsyslog, section: SyslogOutput, *alerts: Alert) -> list[dict[str, Any]]:
    """What the receiver understood of *alerts*."""
    before = len(receiver.seen())
    send(section, *alerts)
    return receiver.wait_for(lambda seen: len(seen) >= before + len(alerts))[before:]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_life_arrives_with_its_facts(receiver: Rsyslog, authority: Authority, transport: str) -> None:
    seen = sent(receiver, output(receiver, authority, transport), *whole_life())
    assert [message["id"] for message in seen] == [f"incident-{alert.action.value}" for alert in whole_life()]
    assert [message["level"] for message in seen] == ["4", "3", "3", "3"]
    for message, alert in zip(seen, whole_life(), strict=True):
        assert (message["facility"], message["host"], message["app"]) == ("local0", "gw.example", "egret")
        assert message["text"] == LINES["text"](alert, SENSOR, None)
        data = read_syslog(f"<0>1 - - - - - {message['data']} x".encode())[1]
        assert (data["alert"], data["client"]) == (alert.id, "192.0.2.7")
        assert data["communityId"] == alert.incident.community_id


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_hostile_name_is_one_message_and_moves_no_field(
    receiver: Rsyslog, authority: Authority, transport: str
) -> None:
    [message] = sent(receiver, output(receiver, authority, transport), hostile())
    assert (message["app"], message["id"], message["host"]) == ("egret", "incident-opened", "gw.example")
    data = read_syslog(f"<0>1 - - - - - {message['data']} x".encode())[1]
    assert data["client"] == "192.0.2.7"


@pytest.mark.parametrize("form", sorted(set(LINES) - {"text"}))
def test_other_formats_arrive_whole(receiver: Rsyslog, authority: Authority, form: str) -> None:
    for transport in TRANSPORTS:
        [message] = sent(
            receiver, output(receiver, authority, transport, format=form, max_bytes=60_000), whole_life()[2]
        )
        assert message["text"] == LINES[form](whole_life()[2], SENSOR, None)
        assert message["data"] == "-"
        if form not in {"cef", "leef"}:
            json.loads(message["text"])


def test_the_local_socket(receiver: Rsyslog, authority: Authority) -> None:
    [message] = sent(receiver, output(receiver, authority, "unix", facility="authpriv"), whole_life()[0])
    assert (message["app"], message["facility"], message["level"]) == ("egret", "authpriv", "4")
    assert message["text"].strip() == LINES["text"](whole_life()[0], SENSOR, None)


def test_a_stranger_is_not_heard_over_tls(receiver: Rsyslog, authority: Authority, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path, "Other CA").issue("stranger.example")
    section = output(receiver, authority, "tls")
    with pytest.raises(SinkTemporary):
        send(section.model_copy(update={"tls_cert": certificate, "tls_key": key}), whole_life()[0])


@pytest.mark.parametrize("transport", ["tcp", "tls", "unix"])
def test_what_is_said_while_it_is_away_arrives_when_it_is_back(
    receiver: Rsyslog, authority: Authority, transport: str
) -> None:
    watch, alerts = Watch(), numbered(30)
    options = DeliveryOptions(batch=4, backoff_s=0.05, backoff_cap_s=0.2)

    async def run() -> None:
        delivery = Delivery(log_sink(output(receiver, authority, transport), SENSOR), options, watch)
        delivery.start()
        for number, alert in enumerate(alerts):
            if number == 10:  # what it was told and did not read yet would be lost with it
                await until(lambda: len(receiver.seen()) == before + 10)
                await asyncio.to_thread(receiver.stop)
            if number == 20:
                await until(lambda: watch.ids(Outcome.FAILED))
                await asyncio.to_thread(receiver.start)
            delivery.offer(alert)
        await delivery.close(PATIENCE_S)

    before = len(receiver.seen())
    asyncio.run(run())
    assert sorted(watch.ids(Outcome.DELIVERED)) == sorted(alert.id for alert in alerts)
    seen = receiver.wait_for(lambda seen: len(seen) >= before + len(alerts))[before:]
    if transport != "unix":
        named = {read_syslog(f"<0>1 - - - - - {message['data']} x".encode())[1]["alert"] for message in seen}
        assert named == {alert.id for alert in alerts}
