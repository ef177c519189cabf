from __future__ import annotations

import socket
from typing import Any, ClassVar, Self

import pytest

from egret.alerts.sensor import Probe
from egret.errors import SourceError
from egret.sources import afpacket
from egret.sources.prober import Prober
from egret.sources.probes import FIRST_PORT, canary_plan, from_port

PLAN = canary_plan("lo", 30.0)


class Wire:
    """A socket that only notes what it would send."""

    sent: ClassVar[list[tuple[bytes, Any]]] = []

    def __init__(self, *_kind: object) -> None:
        self.sent.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        if address[0] == "down0":
            raise OSError(100, "Network is down")
        self.sent.append((data, address))


@pytest.fixture(autouse=True)
def _no_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", Wire)
    monkeypatch.setattr(afpacket, "hardware_type", lambda name: 1 if name == "eth0" else afpacket.ARPHRD_LOOPBACK)


def test_it_sends_the_plans_frame_from_the_port_asked_for() -> None:
    Prober(PLAN).send("tls", FIRST_PORT + 7)
    assert Wire.sent == [(from_port(PLAN.frames[Probe.TLS], FIRST_PORT + 7), ("lo", 0x0800))]


@pytest.mark.parametrize(("probe", "port"), [("smtp", FIRST_PORT), ("dns", 53), ("dns", 70_000), ("", FIRST_PORT)])
def test_it_sends_nothing_else(probe: str, port: int) -> None:
    with pytest.raises(SourceError, match="not in the plan"):
        Prober(PLAN).send(probe, port)
    with pytest.raises(SourceError, match="not in the plan"):
        Prober(None).send("dns", FIRST_PORT)


def test_it_sends_on_no_interface_that_leads_anywhere() -> None:
    with pytest.raises(SourceError, match="must not leave this host"):
        Prober(canary_plan("eth0", 1.0)).send("dns", FIRST_PORT)


def test_a_refusal_of_the_kernel_is_told() -> None:
    with pytest.raises(SourceError, match="down0: the canary cannot be sent: Network is down"):
        Prober(canary_plan("down0", 1.0)).send("dns", FIRST_PORT)


def test_a_daemon_that_stops_to_ask_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    sender = Prober(PLAN)
    assert sender.wake_ms == 15_000
    now[0] += 100
    assert sender.overdue() is None  # it has not begun to ask
    sender.send("dns", FIRST_PORT)
    now[0] += 29
    assert sender.overdue() is None
    now[0] += 2
    assert (
        sender.overdue() == "the daemon has asked for no canary probe for 31 s: it hangs, and alerts nobody; restart it"
    )
    assert sender.overdue() is None
    sender.send("dns", FIRST_PORT)
    now[0] += 31
    assert sender.overdue()


def test_without_a_plan_it_waits_for_nobody() -> None:
    assert Prober(None).wake_ms is None
    assert Prober(None).overdue() is None
