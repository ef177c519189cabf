"""Kafka by TLS and with a login: librdkafka as the client, a door that asks for both before librdkafka's mock cluster."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from egret.errors import SinkTemporary
from egret.sinks.records import Login
from egret.sinks.tls import TlsOptions
from tests.support.alerts import numbered
from tests.support.certificates import Authority
from tests.support.kafka import Cluster, kafka, send
from tests.support.kafka_door import PASSWORD, USER, Door
from tests.support.patience import wait_until

pytestmark = pytest.mark.integration

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LOGIN = Login(USER, PASSWORD)


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def server(authority: Authority, address: str = "127.0.0.1", *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("kafka.example", address))
    if asks:
        context.load_verify_locations(authority.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def arrived(cluster: Cluster, topic: str, ids: Sequence[str]) -> bool:
    headers = [dict(each.headers() or []) for each in cluster.read(topic, len(ids))]
    return {each["egret-alert"] for each in headers} == set(map(str.encode, ids)) and len(headers) == len(ids)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_alerts_arrive_by_tls_with_a_login(cluster: Cluster, authority: Authority, mechanism: str) -> None:
    with Door(cluster.servers[0], server(authority), mechanism) as door:
        send(
            kafka([door.server], mechanism, tls=TlsOptions(ca=authority.ca), login=LOGIN, mechanism=mechanism),
            numbered(9),
        )
    assert arrived(cluster, mechanism, [alert.id for alert in numbered(9)])
    assert set(door.users) == {USER}


def test_scram_needs_no_tls_and_tls_no_login(cluster: Cluster, authority: Authority) -> None:
    with Door(cluster.servers[0], None, "SCRAM-SHA-512") as door:
        send(kafka([door.server], "scram", login=LOGIN), numbered(2))
    with Door(cluster.servers[0], server(authority), None) as door:
        send(kafka([door.server], "tls", tls=TlsOptions(ca=authority.ca)), numbered(2))
    assert arrived(cluster, "scram", [alert.id for alert in numbered(2)])
    assert arrived(cluster, "tls", [alert.id for alert in numbered(2)])


def refused(door: Door, why: str, **options: Any) -> str:
    """What is said of what is not taken; tried again where all the time that a sink has was gone before it could be."""
    said: list[str] = []

    def tried() -> bool:
        with pytest.raises(SinkTemporary, match="kafka bus: ") as caught:
            send(kafka([door.server], "no", timeout_s=1.0, **options), numbered(1))
        said.append(str(caught.value))
        return re.search(why, said[-1]) is not None

    wait_until(tried, why)
    return said[-1]


def test_a_server_that_asks_for_a_certificate_gets_ours(cluster: Cluster, authority: Authority) -> None:
    certificate, key = authority.issue("sensor.example")
    ours = TlsOptions(ca=authority.ca, certificate=certificate, key=key)
    with Door(cluster.servers[0], server(authority, asks=True), None) as door:
        send(kafka([door.server], "mutual", tls=ours), numbered(1))
        refused(door, "kafka bus: ", tls=TlsOptions(ca=authority.ca))
    assert arrived(cluster, "mutual", [alert.id for alert in numbered(1)])


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_said_and_tried_again(cluster: Cluster, authority: Authority, mechanism: str) -> None:
    wrong = Login(USER, "wrong horse")
    with Door(cluster.servers[0], server(authority), mechanism) as door:
        why = r"kafka bus: .*(no such user or password|uthentication)"
        said = refused(door, why, tls=TlsOptions(ca=authority.ca), login=wrong, mechanism=mechanism)
    assert "wrong horse" not in said
    assert door.users == []


def test_a_server_that_nobody_vouches_for_hears_no_password(
    cluster: Cluster, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "Somebody else")
    for context in (server(stranger), server(authority, "192.0.2.1")):  # unknown authority; another server's name
        with Door(cluster.servers[0], context, "PLAIN") as door:
            why = "kafka bus: .*(certificate|SSL|ssl)"
            refused(door, why, tls=TlsOptions(ca=authority.ca), login=LOGIN, mechanism="PLAIN")
        assert door.users == []
