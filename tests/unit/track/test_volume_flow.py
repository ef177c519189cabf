from __future__ import annotations

from egret.decode.packet import Packet
from egret.model import Endpoint, FlowKey, Transport, Volume, VolumeSource
from egret.track.volume_flow import VolumeFlow, sum_of

CLIENT, SERVER = Endpoint(b"\xc0\0\2\1", 40_000), Endpoint(b"\xc6\x33\x64\1", 443)
TCP, UDP = (FlowKey(transport, CLIENT, SERVER) for transport in (Transport.TCP, Transport.UDP))
ACK, SYN = 0x10, 0x02


def packet(key: FlowKey, *, payload: bytes = b"", at_ns: int = 0) -> Packet:
    return Packet(at_ns, key[0], key[1], key[2], memoryview(payload), len(payload), 0, 0, "eth0")


def test_what_the_client_says_of_both_directions_counts_and_the_server_only_without_it() -> None:
    flow = VolumeFlow(TCP)
    flow.own("a", 5)
    flow.open(99, 0, SYN, outward=True)
    flow.move(1, 100, ACK, 50, outward=False)
    assert flow.take() == Volume(CLIENT.ip, "a", 0, 50, VolumeSource.TCP, 5)
    flow.move(100, 61, ACK, 40, outward=True)
    flow.move(500, 100, ACK, 50, outward=False)
    assert (flow.take(), flow.take()) == (Volume(CLIENT.ip, "a", 40, 10, VolumeSource.TCP, 5), None)
    flow.restart()
    assert (flow.told, flow.count_out.count, flow.heard) == ((0, 0), 0, False)


def test_datagrams_count_from_shortly_before_somebody_owns_the_flow() -> None:
    flow = VolumeFlow(UDP)
    for at_ns in (0, 1_000_000_000):
        flow.datagram(packet(UDP, payload=b"\xc0" * 100, at_ns=at_ns), outward=True)
    assert flow.take() is None
    flow.own("a", 1_000_000_001)
    flow.datagram(packet(UDP, payload=b"\xc0" * 7, at_ns=1_000_000_002), outward=False)
    other = packet(UDP, payload=b"\xc0" * 7, at_ns=1_000_000_003)._replace(interface="eth1")
    flow.datagram(other, outward=False)
    assert flow.take() == Volume(CLIENT.ip, "a", 100, 7, VolumeSource.UDP, 1_000_000_001)


def test_a_long_header_from_the_client_begins_it() -> None:
    flow = VolumeFlow(UDP)
    assert flow.begins(packet(UDP, payload=b"\xc3"))
    assert not flow.begins(packet(UDP, payload=b"\x43"))
    assert not flow.begins(packet(UDP))
    assert not flow.begins(packet(FlowKey(Transport.UDP, SERVER, CLIENT), payload=b"\xc3"))
    assert not VolumeFlow(TCP).begins(packet(TCP, payload=b"\xc3"))


def test_sums() -> None:
    one, other = (
        Volume(b"c", "a", number, 2, source, number) for number, source in enumerate(VolumeSource) if number < 2
    )
    assert sum_of(one, other) == Volume(b"c", "a", 1, 4, VolumeSource.TCP_UDP, 1)
