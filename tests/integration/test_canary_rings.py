"""The canary between a real opener, a real kernel and real workers, without a daemon."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from egret.alerts.sensor import Probe
from egret.errors import SourceError
from egret.sources import kernel_filter
from egret.sources import opener as opener_module
from egret.sources.live import LiveSource
from egret.sources.opener import Opener, OpenerClient
from egret.sources.opener_plan import Plan, Worker, WorkerLink
from egret.sources.privileges import find_user
from egret.sources.probes import FIRST_PORT, CanaryPlan, canary_plan
from egret.worker.canary import Ear
from tests.support.live import inside, namespaces
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.integration


def listen(index: int, link: WorkerLink) -> None:
    """A worker that hears the canary, says so, and counts whatever else its ring shows."""
    source = LiveSource(["lo"], link.open_canary_ring)
    ear = Ear(source)
    link.pipe.send({"index": index})
    while True:
        for hit in ear.hear():
            link.pipe.send({"heard": hit.event.protocol, "port": hit.event.client.port})
        if link.pipe.receive() is not None:
            link.pipe.send({"received": source.statistics()[0].received})
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's loop cannot wait as long for the opener; here only what it answers counts."""
    monkeypatch.setattr(opener_module, "PROBE_TIMEOUT_S", PATIENCE_S)


@contextmanager
def listening(plan: CanaryPlan, workers: int = 1) -> Iterator[tuple[OpenerClient, list[Worker]]]:
    with namespaces(1) as [sensor]:
        with inside(sensor):
            client = Opener.start(listen, Plan(interfaces={}, user=find_user("nobody"), canary=plan))
        try:
            crew = [client.spawn_worker(index) for index in range(workers)]
            assert all(said(worker) == {"index": worker.index} for worker in crew)
            with inside(sensor), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(b"\x12\x34\x01\x00\x00\x01" + bytes(20), ("127.0.0.1", 53))  # somebody else's look-up
            yield client, crew
        finally:
            client.close()


def said(worker: Worker, patience_s: float = PATIENCE_S) -> dict[str, object] | None:
    received = worker.channel.receive() if worker.channel.wait(patience_s) else None
    return None if received is None else received.message


def test_every_worker_hears_each_probe_and_nothing_of_others() -> None:
    with listening(canary_plan("lo", 30.0), workers=2) as (opener, crew):
        for number, probe in enumerate(Probe):
            opener.send_probe(probe, FIRST_PORT + number)
            for worker in crew:
                assert said(worker) == {"heard": probe.value, "port": FIRST_PORT + number}
        for worker in crew:
            worker.channel.send({"how": "many"})
            assert said(worker) == {"received": len(Probe)}
            worker.channel.close()


def test_a_filter_that_passes_nothing_is_not_heard_through() -> None:
    plan = canary_plan("lo", 30.0)
    deaf = replace(plan, options=replace(plan.options, filter=kernel_filter.NOTHING))
    with listening(deaf) as (opener, [worker]):
        for probe in Probe:
            opener.send_probe(probe, FIRST_PORT)
        assert said(worker, 1.0) is None
        worker.channel.close()


def test_no_interface_that_leads_anywhere_is_sent_on() -> None:
    with namespaces(1) as [sensor]:
        sensor.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        with inside(sensor):
            plan = Plan(interfaces={}, user=find_user("nobody"), canary=canary_plan("eth0", 30.0))
            client = Opener.start(listen, plan)
        try:
            with pytest.raises(SourceError, match="must not leave this host"):
                client.send_probe(Probe.DNS, FIRST_PORT)
        finally:
            client.close()
