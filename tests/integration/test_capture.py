"""Live capture on real interfaces: veth pairs and tun devices in namespaces made here."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from egret.errors import SourceError
from egret.model import Frame
from egret.sources import live, placement
from egret.sources.afpacket import RingOptions, open_ring
from egret.sources.live import LinkStatistics, LiveSource
from egret.sources.opener import Opener, Plan, Worker, WorkerLink
from egret.sources.portable import PortableSource, start_child
from egret.sources.privileges import find_user
from egret.sources.ring import Geometry
from tests.support.live import Namespace, inside, namespaces, send_frames, silence, status, veth

pytestmark = pytest.mark.integration

SMALL = Geometry(block_size=1 << 18, blocks=4, retire_ms=5)


@pytest.fixture
def cable() -> Iterator[tuple[Namespace, Namespace]]:
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


def collect(source: live.Source, count: int, within_s: float = 5.0) -> list[Kept]:
    kept: list[Kept] = []
    end = time.monotonic() + within_s
    while len(kept) < count and time.monotonic() < end:
        kept.extend(Kept(frame, bytes(frame.data)) for frame in source.read(0.05))
    return kept


def wait_for(source: live.Source, **state: object) -> LinkStatistics:
    end = time.monotonic() + 10
    while True:
        collect(source, 1, 0.05)
        (statistics,) = source.statistics()
        if all(getattr(statistics, key) == value for key, value in state.items()):
            return statistics
        assert time.monotonic() < end, statistics


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
        kept = collect(source, 2, 0.5)
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
                client = socket.create_connection(("192.0.2.1", 443), 5)
            accepted, _ = server.accept()
            for _ in range(20):
                client.sendall(bytes(64000))
                assert accepted.recv(64000)
            kept = collect(source, 10_000, 0.5)
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
        kept = collect(source, 3000, 1.0)
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
        assert any(b"qwen" in one.data for one in collect(source, 20, 1))
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


def report_frames(index: int, link: WorkerLink) -> None:
    """A worker that says who it is, then one message a frame."""
    fields = status()
    rights = {key: fields[key] for key in ("Uid", "CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh", "NoNewPrivs")}
    source = LiveSource(["eth0"], link.open_ring)
    link.pipe.send({"rights": rights, "index": index})
    while True:
        for frame in source.read(0.05):
            link.pipe.send({"interface": frame.interface, "data": bytes(frame.data).hex()})
        link.pipe.receive()


def message_of(worker: Worker) -> dict[str, object]:
    assert worker.channel.wait(10)
    received = worker.channel.receive()
    assert received is not None
    return dict(received.message)


def close(*workers: Worker) -> None:
    for worker in workers:
        worker.channel.close()


def test_a_worker_without_rights_captures_and_is_replaced(cable: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    sensor, sender = cable
    secret = tmp_path / "signatures"
    secret.mkdir(mode=0o700)
    (secret / "a.yaml").write_text("read me")
    (secret / "link.yaml").symlink_to("/etc/shadow")
    plan = Plan(interfaces={"eth0": RingOptions(geometry=SMALL)}, user=find_user("nobody"), files=[secret])
    with inside(sensor):
        client = Opener.start(report_frames, plan)
    try:
        worker = client.spawn_worker(0)
        rights = message_of(worker)["rights"]
        assert rights == {
            "Uid": "\t".join(["65534"] * 4),
            **dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"), "0" * 16),
            "NoNewPrivs": "1",
        }
        assert int(status(client.pid)["CapEff"], 16) == 1 << 13 | 1 << 8 | 1 << 2  # raw, setpcap, read
        assert status(client.pid)["Uid"].split()[0] == "65534"
        send_frames(sender, "eth0", [bytes(question())])
        assert message_of(worker) == {"interface": "eth0", "data": bytes(question()).hex()}
        with pytest.raises(SourceError, match="runs already"):
            client.spawn_worker(0)

        os.kill(worker.pid, 9)
        assert worker.channel.wait(5)
        deadline = time.monotonic() + 5
        while not (deaths := client.events()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [(death.index, death.pid, death.status) for death in deaths] == [(0, worker.pid, -9)]
        worker.channel.close()
        again = client.spawn_worker(0)
        assert "rights" in message_of(again)
        send_frames(sender, "eth0", [bytes(question())])
        assert "data" in message_of(again)

        descriptor = client.open_file(secret / "a.yaml")
        assert os.read(descriptor, 100) == b"read me"
        os.close(descriptor)
        for path in ("/etc/shadow", secret / "link.yaml", f"{secret}/../x", secret / "absent"):
            with pytest.raises(SourceError):
                client.open_file(path)
        again.channel.close()
    finally:
        client.close()
    assert not Path(f"/proc/{again.pid}").exists()


def test_an_ordinary_user_with_one_ambient_capability(cable: tuple[Namespace, Namespace]) -> None:
    """As systemd starts us: no root anywhere, nothing to become."""
    sensor, sender = cable
    program = (
        "from tests.integration.test_capture import *\n"
        "client = Opener.start(report_frames, Plan(interfaces={'eth0': RingOptions(geometry=SMALL)}))\n"
        "worker = client.spawn_worker(0)\n"
        "print(message_of(worker)['rights']['CapEff'], flush=True)\n"
        "print(message_of(worker)['interface'], flush=True)\n"
        "close(worker)\n"
        "client.close()\n"
    )
    ambient = ["--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--bounding-set=-all,+net_raw"]
    command = [
        "ip",
        "netns",
        "exec",
        sensor.name,
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        *ambient,
    ]
    with subprocess.Popen([*command, sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "0" * 16
        send_frames(sender, "eth0", [bytes(question())])
        assert process.stdout.readline().strip() == "eth0"
        assert process.wait(10) == 0


def _misbehave(index: int, link: WorkerLink) -> None:
    hostile: list[object] = [
        {"do": "open_ring", "interface": "lo"},
        {"do": "spawn", "index": 1, "interface": "eth0"},
        {"do": "open_file", "path": "/etc/shadow"},
        [],
        {},
    ]
    raw = socket.socket(fileno=os.dup(link._opener.fileno()))
    if index < len(hostile):
        link._opener.send(hostile[index])  # type: ignore[arg-type]
    elif index == 5:
        raw.send(b"[" * 100_000)
    elif index == 6:
        raw.send(b"\xff\x00")
    else:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            link._opener.send({"do": "open_ring", "interface": "eth0"})
    time.sleep(60)


def test_the_opener_survives_hostile_workers(
    cable: tuple[Namespace, Namespace], capfd: pytest.CaptureFixture[str]
) -> None:
    with inside(cable[0]):
        client = Opener.start(
            _misbehave, Plan(interfaces={"eth0": RingOptions(geometry=SMALL)}, user=find_user("nobody"))
        )
    try:
        workers = [client.spawn_worker(index) for index in range(8)]
        pids = {worker.pid for worker in workers}
        dead: dict[int, int] = {}
        deadline = time.monotonic() + 40
        while len(dead) < 8 and time.monotonic() < deadline:
            dead |= {death.pid: death.status for death in client.events()}
            time.sleep(0.02)
        assert set(dead) == pids
        assert set(dead.values()) == {-9}
        close(*workers)
    finally:
        client.close()
    assert "is killed: it sent" in capfd.readouterr().err


def test_everything_ends_when_the_daemon_is_killed(cable: tuple[Namespace, Namespace]) -> None:
    program = (
        "from tests.integration.test_capture import *\n"
        "client = Opener.start(report_frames, Plan(interfaces={'eth0': RingOptions(geometry=SMALL)}))\n"
        "worker = client.spawn_worker(0)\n"
        "message_of(worker)\n"
        "print(client.pid, worker.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = ["ip", "netns", "exec", cable[0].name, sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = process.stdout.readline().split()
        process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() and status(pid)["State"][0] != "Z" for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


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


def test_the_portable_backend_through_the_opener(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    plan = Plan(interfaces={"eth0": RingOptions()}, user=find_user("nobody"), backend="portable")
    with inside(sensor):
        client = Opener.start(_report_stream, plan)
    try:
        worker = client.spawn_worker(0)
        assert message_of(worker)["uid"] == 65534
        send_frames(sender, "eth0", [bytes(question())])
        assert message_of(worker) == {"data": bytes(question()).hex()}
        worker.channel.close()
    finally:
        client.close()


def _report_stream(_index: int, link: WorkerLink) -> None:
    source = PortableSource(["eth0"], link.open_stream)
    link.pipe.send({"uid": os.getuid()})
    while True:
        for frame in source.read(0.05):
            link.pipe.send({"data": bytes(frame.data).hex()})
        link.pipe.receive()
