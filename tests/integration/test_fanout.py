"""Two rings share an interface: each client's frames come to one of them, each frame once."""

from __future__ import annotations

import random
import socket
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from egret.sources import afpacket, fanout, kernel_filter
from egret.sources.afpacket import Opened, RingOptions
from egret.sources.channel import ChannelClosed
from egret.sources.ebpf.loader import YoungStreams
from egret.sources.live import LiveSource
from egret.sources.opener import Opener
from egret.sources.opener_plan import Plan, Worker, WorkerLink
from egret.sources.privileges import find_user
from egret.sources.ring import Geometry
from tests.support.live import Namespace, inside, send_frames
from tests.support.live_capture import connected
from tests.support.patience import PATIENCE_S, wait_until

pytestmark = pytest.mark.integration

INSIDE = ("192.0.2.0/24", "2001:db8::/64")
CLIENTS = 20
HELLO = b"\x16\x03\x01\x06\xb4\x01\x00\x06\xb0\x03\x03" + bytes(900)


def conversation(client: str, tag: int | None) -> Iterator[bytes]:
    """What a client and others say to each other: look-ups of an inside resolver, hellos, fragments both ways."""
    version = IPv6 if ":" in client else IP
    resolver, server = ("2001:db8::53", "2001:db8:1::9") if ":" in client else ("192.0.2.253", "203.0.113.9")
    up, down = version(src=client, dst=server), version(src=server, dst=client)
    ask, answer = version(src=client, dst=resolver), version(src=resolver, dst=client)
    question = DNS(qd=DNSQR(qname="chat.qwen.ai"))
    long = UDP(sport=53, dport=41_000) / Raw(bytes(2000))
    if version is IP:
        pieces = fragment(down / long, 800)  # type: ignore[no-untyped-call]  # scapy's
    else:
        pieces = [down / IPv6ExtHdrFragment(nh=17, offset=at, m=at < 2, id=7) / Raw(bytes(16)) for at in (0, 2)]
    packets = [
        ask / UDP(sport=40_000, dport=53) / question,
        answer / UDP(sport=53, dport=40_000) / question,
        up / TCP(sport=40_001, dport=443, flags="S", seq=1),
        down / TCP(sport=443, dport=40_001, flags="SA", seq=1),
        up / TCP(sport=40_001, dport=443, flags="A", seq=2) / Raw(HELLO),
        up / TCP(sport=40_001, dport=443, flags="A", seq=2 + len(HELLO)) / Raw(HELLO),
        *pieces,
    ]
    yield from (bytes(_framed(packet, tag)) for packet in packets)


def _framed(packet: Packet, tag: int | None) -> Packet:
    header = Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    return header / packet if tag is None else header / Dot1Q(vlan=tag) / packet


def frames() -> list[tuple[str, bytes]]:
    clients = [f"192.0.2.{10 + n}" for n in range(CLIENTS)] + [f"2001:db8::{10 + n:x}" for n in range(CLIENTS)]
    found = [
        (client, frame) for n, client in enumerate(clients) for frame in conversation(client, 7 if n % 3 else None)
    ]
    random.Random(1).shuffle(found)
    return [(client, frame[:6] + number.to_bytes(6) + frame[12:]) for number, (client, frame) in enumerate(found)]


class Rings:
    """Sources that share eth0."""

    def __init__(self, young: YoungStreams | None) -> None:
        self._young = young
        self._group: int | None = None
        self.sources: list[LiveSource] = []
        geometry = Geometry(1 << 18, 16, 5)
        self._options = RingOptions(filter=kernel_filter.YOUNG, geometry=geometry, fanout=fanout.program(INSIDE))

    def open(self) -> LiveSource:
        def ring(interface: str) -> Opened:
            opened = afpacket.open_ring(interface, self._options, self._young, self._group)
            self._group = opened.group
            return opened

        source = LiveSource(["eth0"], ring)
        self.sources.append(source)
        return source

    def close(self) -> None:
        for source in self.sources:
            source.close()


@contextmanager
def rings(young: YoungStreams | None = None) -> Iterator[tuple[Rings, Namespace]]:
    with connected() as (sensor, sender), inside(sensor), ExitStack() as stack:
        made = Rings(young)
        stack.callback(made.close)
        yield made, sender


def read(sources: list[LiveSource], wanted: int) -> list[list[int]]:
    """The numbers of the frames that came, by source."""
    found: list[list[int]] = [[] for _ in sources]

    def there() -> bool:
        for numbers, source in zip(found, sources, strict=True):
            numbers += [int.from_bytes(frame.data[6:12]) for frame in source.read(0.02)]
        return sum(map(len, found)) >= wanted

    wait_until(there, f"{wanted} frames")
    return found


@pytest.mark.parametrize("remembering", [False, True])
def test_each_client_is_one_workers_and_each_frame_comes_once(remembering: bool) -> None:
    young = YoungStreams() if remembering else None
    sent = frames()
    with rings(young) as (made, sender):
        sources = [made.open(), made.open()]
        send_frames(sender, "eth0", [frame for _, frame in sent])
        found = read(sources, len(sent))
    if young:
        young.close()
    assert sorted(found[0] + found[1]) == list(range(len(sent)))
    owners = defaultdict(set)
    for worker, numbers in enumerate(found):
        for number in numbers:
            owners[sent[number][0]].add(worker)
    assert {client for client, workers in owners.items() if len(workers) > 1} == set()
    assert min(map(len, found)) > len(sent) / 5


def test_when_one_dies_the_others_have_its_clients_and_it_can_come_back() -> None:
    sent = frames()
    everything = [frame for _, frame in sent]
    with rings() as (made, sender):
        sources = [made.open(), made.open()]
        sources[0].close()
        send_frames(sender, "eth0", everything)
        assert sorted(read(sources[1:], len(sent))[0]) == list(range(len(sent)))
        sources[0] = made.open()
        send_frames(sender, "eth0", everything)
        found = read(sources, len(sent))
        assert sorted(found[0] + found[1]) == list(range(len(sent)))
        assert all(found)
        for source in sources:
            source.close()
        send_frames(sender, "eth0", everything)  # nobody listens
        again = made.open()
        send_frames(sender, "eth0", everything)
        assert sorted(read([again], len(sent))[0]) == list(range(len(sent)))


def say_numbers(_index: int, link: WorkerLink) -> None:
    """A worker that says which frames it was given."""
    source = LiveSource(["eth0"], link.open_ring)
    link.pipe.send({"ready": True})
    with suppress(ChannelClosed):
        while True:
            for frame in source.read(0.02):
                link.pipe.send({"number": int.from_bytes(frame.data[6:12])})
            link.pipe.receive()


def said(workers: list[Worker], wanted: int) -> list[list[int]]:
    """The numbers that each worker says, until there are so many."""
    found: list[list[int]] = [[] for _ in workers]

    def there() -> bool:
        for numbers, worker in zip(found, workers, strict=True):
            while worker.channel.wait(0.01) and (received := worker.channel.receive()):
                numbers.append(int(str(received.message["number"])))
        return sum(map(len, found)) >= wanted

    wait_until(there, f"{wanted} numbers")
    return found


def test_workers_of_the_opener_share_what_it_loaded_and_one_may_die() -> None:
    """The filter that remembers is one for both, loaded before rights were given up, and outlives a worker."""
    sent = [frame for _, frame in frames()]
    geometry = Geometry(1 << 18, 16, 5)
    options = RingOptions(filter=kernel_filter.YOUNG, geometry=geometry, fanout=fanout.program(INSIDE))
    with connected() as (sensor, sender):
        with inside(sensor):
            client = Opener.start(say_numbers, Plan(interfaces={"eth0": options}, user=find_user("nobody")))
        try:
            assert client.no_young is None
            workers = [client.spawn_worker(index) for index in range(2)]
            for worker in workers:
                assert worker.channel.wait(PATIENCE_S)
                assert worker.channel.receive() == ({"ready": True}, ())
            send_frames(sender, "eth0", sent)
            found = said(workers, len(sent))
            assert sorted(found[0] + found[1]) == list(range(len(sent)))
            assert all(found)
            client.kill_worker(0)
            wait_until(client.events, "its end")
            send_frames(sender, "eth0", sent)
            assert sorted(said(workers[1:], len(sent))[0]) == list(range(len(sent)))
        finally:
            for worker in workers:
                worker.channel.close()
            client.close()


def test_the_filter_is_locked_in_a_group_too() -> None:
    with rings() as (made, _sender):
        opened = afpacket.open_ring("eth0", made._options)
        with pytest.raises(PermissionError):
            opened.socket.setsockopt(socket.SOL_SOCKET, 27, 0)  # SO_DETACH_FILTER
        opened.socket.close()
