"""The kernel takes the longest filter of the second ring, in place of another, from whoever holds the socket."""

from __future__ import annotations

import os
import socket

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

from egret.sources.afpacket import open_ring
from egret.sources.volume_filter import KEPT, MAX_ADDRESSES, program
from egret.sources.volume_ring import VolumeRing, ring_options
from tests.support.live import inside, namespaces, send_frames, silence, veth
from tests.support.live_bpf import run
from tests.support.live_capture import drain

pytestmark = pytest.mark.integration

NOBODY = 65534
MANY = [number.to_bytes(4) for number in range(0x0A000000, 0x0A000000 + MAX_ADDRESSES - 2)]
SERVER, SERVER6 = "203.0.113.9", "2001:db8:1::9"
FLAGGED = [*MANY, socket.inet_aton(SERVER), socket.inet_pton(socket.AF_INET6, SERVER6)]


def frames() -> list[bytes]:
    """What passes and what does not, each with its number where nobody looks: in its source address."""
    ether = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    packets: list[Packet] = []
    for layer in (TCP(sport=4000, dport=443, flags="A"), TCP(sport=4000, dport=443, flags="A") / bytes(900)):
        packets += [IP(src="192.0.2.2", dst=SERVER) / layer, IP(src="192.0.2.2", dst="203.0.113.8") / layer]
        packets += [IPv6(src="2001:db8::2", dst=SERVER6) / layer, IP(src="192.0.2.2", dst="10.0.7.7") / layer]
    packets += [IP(src=SERVER, dst="192.0.2.2") / UDP(sport=443, dport=4000) / bytes(1000)]
    made = [bytes(ether / packet) for packet in packets] + [bytes(ether / Dot1Q(vlan=7) / packet) for packet in packets]
    return [frame[:8] + number.to_bytes(4) + frame[12:] for number, frame in enumerate(made)]


def test_an_unprivileged_holder_replaces_the_filter_and_the_kernel_obeys() -> None:
    sent = frames()
    expected = {int.from_bytes(frame[8:12]) for frame in sent if run(program(FLAGGED, 1), frame)}
    with namespaces(2) as (sensor, sender):
        veth(sensor, sender)
        silence(sensor, "eth0")
        silence(sender, "eth0")
        with inside(sensor):
            ring = VolumeRing(["eth0"], lambda interface: open_ring(interface, ring_options(1)))
            send_frames(sender, "eth0", sent)
            assert drain(ring._source) == []
            os.seteuid(NOBODY)
            try:
                assert ring.follow(MANY) == 0
                assert ring.follow(FLAGGED) == 0
            finally:
                os.seteuid(0)
            send_frames(sender, "eth0", sent)
            passed = drain(ring._source)
            ring.close()
    assert {int.from_bytes(kept.data[8:12]) for kept in passed} == expected
    assert 5 < len(expected) < len(sent)
    assert all(len(kept.data) == min(KEPT, kept.frame.wire_length) for kept in passed)
