"""Live capture on real interfaces: veth pairs and tun devices in namespaces made here."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from egret.errors import SourceError
from egret.sources import live, placement
from egret.sources.afpacket import RingOptions, open_ring
from egret.sources.live import LinkStatistics
from egret.sources.portable import PortableSource, start_child
from egret.sources.privileges import find_user
from tests.support.live import Namespace, inside, namespaces, send_frames, silence, status, veth
from tests.support.live_capture import SMALL, collect, connected, drain, question, read
from tests.support.patience import PATIENCE_S, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def cable() -> Iterator[tuple[Namespace, Namespace]]:
    """A sensor and a sender."""
    with connected() as ends:
        yield ends


def wait_for(source: live.Source, **state: object) -> LinkStatistics:
    found: list[LinkStatistics] = []

    def there() -> bool:
        read(source)
        found[:] = source.statistics()
        return all(getattr(found[0], key) == value for key, value in state.items())

    wait_until(there, f"{state}")
    return found[0]


def test_frames_arrive_with_time_length_interface_and_vlan(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    frames = [bytes(question()), bytes(question(vlan=7)), bytes(question(vlan=0)), bytes(question(vlan=7) / b"xxx")]
    with inside(sensor):
        source = live.open_directly(["eth0"], RingOptions(geometry=SMALL))
        before = time.time_ns()
        send_frames(sender, "eth0", frames)
        kept = collect(source, 4)
        source.close()
    assert [one.frame.vlan for one in kept] == [None, 7, None, 7]
    assert [one.data[:100] for one in kept][:3] == [bytes(question())] * 3
    assert all(one.frame.wire_length == len(one.data) for one in kept)
    assert all(before <= one.frame.time_ns <= time.time_ns() for one in kept)
    assert {one.frame.interface for one in kept} == {"eth0"}
    assert {one.frame.linktype for one in kept} == {1}


def test_both_directions_are_seen(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    with inside(sensor):
        source = live.open_directly(["eth0"], RingOptions(geometry=SMALL))
        send_frames(sensor, "eth0", [bytes(question("out.example"))])
        send_frames(sender, "eth0", [bytes(question("in.example"))])
        kept = collect(source, 2)
        source.close()
    assert [b"out" in one.data for one in kept] == [True, False]


def test_loopback_frames_come_once() -> None:
    with namespaces(1) as (alone,), inside(alone):
        source = live.open_directly(["lo"], RingOptions(geometry=SMALL))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(bytes(question()[DNS]), ("127.0.0.1", 53))
        kept = drain(source)
        source.close()
    assert len(kept) == 1


def test_a_tun_device_gives_raw_ip() -> None:
    packet = bytes(question()[IP])
    with namespaces(1) as (alone,), inside(alone), open("/dev/net/tun", "r+b", buffering=0) as tun:  # noqa: PTH123
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"tun0", 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
        alone.ip("link", "set", "tun0", "up")
        silence(alone, "tun0")
        source = live.open_directly(["tun0"], RingOptions(geometry=SMALL))
        tun.write(packet)
        kept = collect(source, 1)
        source.close()
    assert [(one.frame.linktype, one.data) for one in kept] == [(101, packet)]


def test_super_packets_come_whole(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    for end in cable:
        end.run("ethtool", "-K", "eth0", "tso", "on", "gso", "on", "gro", "on", "tx", "on")
    with inside(sensor):
        source = live.open_directly(["eth0"], RingOptions(filter="everything", geometry=SMALL))
        with socket.socket() as server:
            server.bind(("192.0.2.1", 443))
            server.listen()
            with inside(sender):
                client = socket.create_connection(("192.0.2.1", 443), PATIENCE_S)
            accepted, _ = server.accept()
            for _ in range(20):
                client.sendall(bytes(64000))
                assert accepted.recv(64000)
            kept = drain(source)
            client.close()
            accepted.close()
        source.close()
    longest = max(kept, key=lambda one: len(one.data))
    assert len(longest.data) > 30_000
    assert all(len(one.data) == one.frame.wire_length for one in kept)


def test_drops_are_counted_under_a_flood(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    frames = [bytes(question() / bytes(1000))] * 3000
    with inside(sensor):
        source = live.open_directly(["eth0"], RingOptions(geometry=SMALL))
        send_frames(sender, "eth0", frames)  # 3 MB into a ring of 1 MB that nobody reads
        kept = drain(source)
        (statistics,) = source.statistics()
        (again,) = source.statistics()
        source.close()
    assert statistics.received == len(kept)
    assert statistics.dropped == 3000 - len(kept) > 0
    assert statistics.frozen > 0
    assert again == statistics


def test_promiscuous_is_a_flag_of_the_interface(cable: tuple[Namespace, Namespace]) -> None:
    sensor, _ = cable
    with inside(sensor):
        plain = open_ring("eth0", RingOptions(geometry=SMALL))
        assert "promiscuity 0" in sensor.ip("-d", "link", "show", "eth0")
        keen = open_ring("eth0", RingOptions(promiscuous=True, geometry=SMALL))
        assert "promiscuity 1" in sensor.ip("-d", "link", "show", "eth0")
        plain.socket.close()
        keen.socket.close()


def test_an_interface_goes_down_comes_up_and_comes_back_as_another(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    with inside(sensor):
        source = live.open_directly(["eth0"], RingOptions(geometry=SMALL))
        wait_for(source, up=True)
        sensor.ip("link", "set", "eth0", "down")
        wait_for(source, up=False)
        assert "down" in source.trouble()["eth0"]
        sensor.ip("link", "set", "eth0", "up")
        wait_for(source, up=True)
        send_frames(sender, "eth0", [bytes(question())])
        assert len(collect(source, 1)) == 1
        sensor.ip("link", "delete", "eth0")
        wait_for(source, up=False)
        assert "gone" in source.trouble()["eth0"]
        veth(sensor, sender)
        wait_for(source, up=True)
        assert source.trouble() == {}
        send_frames(sender, "eth0", [bytes(question())])
        wait_until(lambda: any(b"qwen" in one.data for one in read(source)), "the frame on the new one")
        assert source.statistics()[0].received >= 2
        source.close()


def test_several_interfaces_in_one_source() -> None:
    with namespaces(2) as (sensor, sender):
        for name in ("eth0", "eth1"):
            veth(sensor, sender, name)
            silence(sensor, name)
            silence(sender, name)
        with inside(sensor):
            source = live.open_directly(["eth0", "eth1"], RingOptions(geometry=SMALL))
            for name in ("eth0", "eth1"):
                send_frames(sender, name, [bytes(question())])
            kept = collect(source, 2)
            source.close()
    assert {one.frame.interface for one in kept} == {"eth0", "eth1"}


def test_a_missing_interface_is_named() -> None:
    with pytest.raises(SourceError, match="eth9: there is no such interface"):
        live.open_directly(["eth9"], RingOptions())
    with namespaces(1) as (alone,), inside(alone), pytest.raises(SourceError, match=r"no interface named eth9; .* lo"):
        placement.choose(["eth9"])


def test_placement_on_a_gateway() -> None:
    with namespaces(2) as (gateway, other):
        veth(gateway, other, "lan0")
        veth(gateway, other, "wan0")
        gateway.ip("addr", "flush", "dev", "wan0")
        gateway.ip("addr", "add", "198.51.100.1/24", "dev", "wan0")
        gateway.ip("route", "add", "default", "via", "198.51.100.2")
        with inside(gateway):
            alone = placement.choose()
            gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            forwarding = placement.choose()
    assert alone.interfaces == ("wan0",)
    assert alone.promiscuous == {"wan0"}
    assert forwarding.interfaces == ("lan0",)
    assert forwarding.promiscuous == set()
    assert {"192.0.2.0/24", "2001:db8::/64"} <= set(forwarding.inside_networks)


def test_the_portable_backend(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    with inside(sensor):
        child = start_child("eth0", RingOptions(), find_user("nobody"))
        source = PortableSource(["eth0"], lambda _interface: os.dup(child.stream.fileno()))
        assert status(child.process.pid)["CapEff"] == "0" * 16
        tcp = (
            Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
            / IP(src="192.0.2.1", dst="192.0.2.2")
            / TCP(sport=443, dport=40000, flags="A")
            / bytes(1000)
        )
        send_frames(sender, "eth0", [bytes(tcp), bytes(question()), bytes(question(vlan=7))])
        kept = collect(source, 2)
        assert [one.data for one in kept] == [bytes(question()), bytes(question(vlan=7))]
        assert source.statistics() == [LinkStatistics("eth0", 2, 0, 0, up=True)]
        assert abs(kept[0].frame.time_ns - time.time_ns()) < 10_000_000_000
        source.close()
        child.end()
        missing = start_child("eth9", RingOptions(), None)
        with pytest.raises(SourceError, match="eth9: scapy cannot capture"):
            PortableSource(["eth9"], lambda _interface: os.dup(missing.stream.fileno()))
        missing.end()
