"""What the capture tests share: a cable between two namespaces, a question to send, frames that last."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from egret.model import Frame
from egret.sources import live
from egret.sources.ring import Geometry
from tests.support.live import Namespace, namespaces, silence, veth
from tests.support.patience import PATIENCE_S

SMALL = Geometry(block_size=1 << 18, blocks=4, retire_ms=5)
EMPTY_LOOKS = 4


@contextlib.contextmanager
def connected() -> Iterator[tuple[Namespace, Namespace]]:
    """A sensor and a sender, silent but for what a test sends."""
    with namespaces(2) as (sensor, sender):
        veth(sensor, sender)
        silence(sensor, "eth0")
        silence(sender, "eth0")
        yield sensor, sender


def question(name: str = "chat.qwen.ai", **fields: int) -> Ether:
    tag = Dot1Q(vlan=fields["vlan"]) if fields else None
    datagram = IP(src="192.0.2.2", dst="192.0.2.1") / UDP(sport=40000, dport=53) / DNS(qd=DNSQR(qname=name))
    ethernet = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    return ethernet / tag / datagram if tag else ethernet / datagram


@dataclass
class Kept:
    """A frame that outlives the next one."""

    frame: Frame
    data: bytes


def read(source: live.Source) -> list[Kept]:
    """One look."""
    return [Kept(frame, bytes(frame.data)) for frame in source.read(0.05)]


def collect(source: live.Source, count: int) -> list[Kept]:
    """At least *count* frames; fewer if they never come."""
    kept: list[Kept] = []
    end_s = time.monotonic() + PATIENCE_S
    while len(kept) < count and time.monotonic() < end_s:
        kept += read(source)
    return kept


def drain(source: live.Source) -> list[Kept]:
    """All that was sent: the kernel gives the last of it within milliseconds, and one look may come too early."""
    kept: list[Kept] = []
    empty = 0
    while empty < EMPTY_LOOKS:
        found = read(source)
        empty = 0 if found else empty + 1
        kept += found
    return kept
