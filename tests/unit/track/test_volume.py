from __future__ import annotations

from collections import Counter

import pytest

from egret.decode.packet import Packet
from egret.model import Endpoint, FlowKey, Transport, Volume, VolumeSource
from egret.track import volume
from egret.track.limits import SECOND_NS, Limits
from egret.track.tally import Tallied, Tally
from egret.track.volume import Volumes

CLIENT, SERVER = Endpoint(bytes([192, 0, 2, 1]), 40000), Endpoint(bytes([203, 0, 113, 9]), 443)
TCP = FlowKey(Transport.TCP, CLIENT, SERVER)
UDP = FlowKey(Transport.UDP, CLIENT, SERVER)
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
ISN, SERVER_ISN = 1_000, 900_000
START = 10**18


class Wire:
    """One client and one server; packets with ever newer times."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.evictions: Counter[str] = Counter()
        self.volumes = Volumes(limits or Limits(), self.evictions)
        self.now = START

    def tcp(
        self, sent: int, length: int = 0, acked: int = 0, flags: int = ACK, *, out: bool = True, shift: int = 0
    ) -> Packet:
        """*sent* and *acked* are offsets into the streams; *shift* moves both sequence numbers."""
        mine, other = (ISN, SERVER_ISN) if out else (SERVER_ISN, ISN)
        self.now += 1_000_000
        ends = (CLIENT, SERVER) if out else (SERVER, CLIENT)
        seq, ack = mine + 1 + sent + shift, other + 1 + acked + shift
        return Packet(self.now, Transport.TCP, *ends, memoryview(b""), length, seq, flags, "lan0", ack)

    def handshake(self, shift: int = 0) -> list[Packet]:
        syn, accepted = self.tcp(-1, flags=SYN, shift=shift), self.tcp(-1, 0, 0, SYN | ACK, out=False, shift=shift)
        return [syn, accepted, self.tcp(0, shift=shift)]

    def udp(self, length: int, *, out: bool = True, interface: str = "lan0", after_ns: int = 1_000_000) -> Packet:
        self.now += after_ns
        ends = (CLIENT, SERVER) if out else (SERVER, CLIENT)
        return Packet(self.now, Transport.UDP, *ends, memoryview(b""), length, 0, 0, interface)

    def feed(self, *packets: Packet) -> None:
        for packet in packets:
            self.volumes.feed(packet)

    def flag(self, key: FlowKey = TCP, signature: str = "a", packet: Packet | None = None) -> None:
        first = ISN + 1 if key.transport is Transport.TCP else None
        self.volumes.flag(key, signature, packet, first, packet.time_ns if packet else self.now)

    def told(self) -> list[tuple[str, int, int]]:
        return [(each.signature, each.bytes_out, each.bytes_in) for each in self.volumes.take()]


def test_nothing_is_looked_at_before_something_is_flagged() -> None:
    wire = Wire()
    assert not wire.volumes.active
    wire.feed(*wire.handshake())
    assert wire.told() == []
    assert wire.volumes.tracked() == {"volume_peers": 0, "volume_flows": 0, "volume_pending": 0}


def test_a_connection_is_counted_whole_from_its_hello_on() -> None:
    wire = Wire()
    hello = wire.tcp(1400, 400, 0, ACK | PSH)  # the second segment of a hello; the first was seen by others
    wire.flag(packet=hello)
    wire.feed(wire.tcp(1800, 0, 1_000_000), wire.tcp(1800, 200, 5_000_000), wire.tcp(2000, 0, 5_000_000, FIN | ACK))
    (told,) = wire.volumes.take()
    assert told == Volume(CLIENT.ip, "a", 2000, 5_000_000, VolumeSource.TCP, wire.now)
    assert wire.told() == []
    wire.feed(wire.tcp(1800, 200, 5_000_001))
    assert wire.told() == [("a", 0, 1)]


def test_the_last_packets_tell_all_that_the_filter_left_out() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.feed(wire.tcp(7_000_000, 0, 9_000_001, FIN | ACK), wire.tcp(9_000_000, 0, 7_000_001, FIN | ACK, out=False))
    assert wire.told() == [("a", 7_000_000, 9_000_000)]


def test_an_armed_address_is_counted_before_the_hello_was_read() -> None:
    wire = Wire()
    wire.volumes.arm(SERVER.ip, START)
    wire.feed(*wire.handshake(), wire.tcp(0, 1400), wire.tcp(1400, 600), wire.tcp(2000, 0, 4000))
    assert wire.told() == []  # nobody said yet that it matters
    wire.flag()
    assert wire.told() == [("a", 2000, 4000)]


def test_a_server_cannot_inflate_what_a_client_moved() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.feed(
        wire.tcp(10**9, 1000, 10**9, out=False),
        wire.tcp(10**9, 0, 0, SYN | ACK, out=False),
        wire.tcp(10**8, 0, 10**8, RST | ACK, out=False),
        wire.tcp(500, 0, 700),
    )
    assert wire.told() == [("a", 500, 700)]


def test_where_only_the_server_is_seen_its_word_counts() -> None:
    wire = Wire()
    wire.flag()
    wire.feed(wire.tcp(0, 0, 500, out=False), wire.tcp(90_000, 1000, 600, out=False))
    assert wire.told() == [("a", 600, 91_000)]


def test_the_ends_may_be_used_again_and_the_old_bytes_stay_told() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.feed(wire.tcp(500, 0, 900, FIN | ACK))
    shift = 1 << 30
    wire.feed(*wire.handshake(shift), wire.tcp(0, 5000, 0, shift=shift))
    assert wire.told() == [("a", 500, 900)]
    wire.volumes.flag(TCP, "b", None, ISN + 1 + shift, wire.now)
    assert wire.told() == [("b", 5000, 0)]


def test_ends_that_begin_anew_without_an_end_stay_with_their_service() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.feed(*wire.handshake(1 << 30), wire.tcp(0, 50, 70, shift=1 << 30))
    assert wire.told() == [("a", 550, 70)]


def test_a_connection_changes_hands_when_another_service_is_named_in_it() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.flag(signature="b")
    wire.feed(wire.tcp(500, 100))
    assert sorted(wire.told()) == [("a", 500, 0), ("b", 100, 0)]


def test_flows_of_one_client_and_service_are_told_together() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.volumes.arm(SERVER.ip, START)
    wire.feed(first := wire.udp(1200))
    wire.flag(UDP, packet=first)
    wire.feed(wire.udp(300, out=False))
    (told,) = wire.volumes.take()
    assert (told.bytes_out, told.bytes_in, told.source) == (1700, 300, VolumeSource.TCP_UDP)


def test_datagrams_count_from_detection_on() -> None:
    wire = Wire()
    wire.volumes.arm(SERVER.ip, START)
    for _ in range(100):  # an hour of another use of the same ports
        wire.feed(wire.udp(1000, after_ns=30_000_000))
    first = wire.udp(1200, after_ns=10**9)
    wire.feed(first, wire.udp(1200), wire.udp(3000, out=False))
    wire.flag(UDP, packet=first)
    wire.feed(wire.udp(800))
    assert wire.told() == [("a", 3200, 3000)]


def test_an_unarmed_datagram_that_was_flagged_counts_itself() -> None:
    wire = Wire()
    wire.flag(UDP, packet=wire.udp(1200))
    assert wire.told() == [("a", 1200, 0)]
    live = Wire()
    live.volumes.datagrams = False  # the second ring counts them
    live.flag(UDP, packet=live.udp(1200))
    live.feed(live.udp(1200))
    live.volumes.feed_header(live.udp(1000))
    assert live.told() == [("a", 1000, 0)]


def test_a_datagram_that_two_interfaces_show_counts_once() -> None:
    wire = Wire()
    wire.flag(UDP, packet=wire.udp(1200))
    wire.feed(wire.udp(100), wire.udp(100, interface="vlan7"), wire.udp(50, out=False, interface="vlan7"))
    wire.feed(wire.udp(50, out=False))
    assert wire.told() == [("a", 1300, 50)]
    wire.feed(wire.udp(7, interface="vlan7", after_ns=2 * SECOND_NS))  # the traffic moved
    assert wire.told() == [("a", 7, 0)]


def test_look_ups_at_a_flagged_resolver_are_no_flows() -> None:
    wire = Wire()
    wire.volumes.arm(SERVER.ip, START)
    wire.feed(wire.udp(40)._replace(destination=Endpoint(SERVER.ip, 53)))
    assert wire.volumes.tracked()["volume_pending"] == 0


def test_both_ends_may_be_servers_of_flagged_names() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.volumes.arm(CLIENT.ip, START)
    wire.feed(wire.tcp(0, 3000, 500, out=False), wire.tcp(500, 0, 3000))
    assert wire.told() == [("a", 500, 3000)]


def test_what_could_not_be_told_is_told_with_the_next() -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.volumes.give_back(wire.volumes.take())
    wire.feed(wire.tcp(500, 1))
    assert wire.told() == [("a", 501, 0)]


def test_everything_is_bounded_and_nothing_is_lost_that_was_counted() -> None:
    wire = Wire(Limits(volume_peers=10, volume_flows=10))
    for number in range(1, 100):
        server = Endpoint(bytes([203, 0, 113, number]), 443)
        packet = wire.tcp(0, 10)._replace(destination=server)
        wire.volumes.flag(FlowKey(Transport.TCP, CLIENT, server), "a", packet, ISN + 1, wire.now)
        wire.feed(packet._replace(source=Endpoint(CLIENT.ip, 50_000 + number)))
    assert wire.volumes.tracked() == {"volume_peers": 10, "volume_flows": 10, "volume_pending": 10}
    assert wire.evictions == {"volume_peers": 89, "volume_flows": 89, "volume_pending": 89}
    assert wire.told() == [("a", 990, 0)]


def test_the_set_of_addresses_comes_and_goes() -> None:
    wire = Wire()
    wire.volumes.arm(SERVER.ip, START)
    generation = wire.volumes.generation
    wire.volumes.arm(SERVER.ip, START)
    assert (wire.volumes.generation, wire.volumes.addresses()) == (generation, [SERVER.ip])
    wire.volumes.expire(START + 3599 * SECOND_NS)
    assert wire.volumes.active
    wire.volumes.expire(START + 3610 * SECOND_NS)  # it does not look at every second
    assert (wire.volumes.active, wire.volumes.addresses()) == (False, [])
    assert wire.volumes.generation > generation


@pytest.mark.parametrize(("flags", "kept"), [(ACK, True), (RST, False), (FIN | ACK, False)])
def test_a_quiet_connection_is_kept_and_an_ended_one_is_not(flags: int, kept: bool) -> None:
    wire = Wire()
    wire.flag(packet=wire.tcp(0, 500))
    wire.feed(wire.tcp(500, 0, 0, flags))
    wire.volumes.expire(wire.now + 7200 * SECOND_NS)
    assert wire.volumes.active is kept
    assert wire.told() == [("a", 500, 0)]
    wire.volumes.expire(wire.now + 4 * 3600 * SECOND_NS)
    assert not wire.volumes.active


def test_what_nobody_flagged_is_forgotten() -> None:
    wire = Wire()
    wire.volumes.arm(SERVER.ip, START)
    wire.feed(wire.tcp(0, 500))
    wire.volumes.expire(wire.now + 301 * SECOND_NS)
    assert wire.volumes.tracked() == {"volume_peers": 1, "volume_flows": 0, "volume_pending": 0}
    wire.volumes.expire(wire.now + 3601 * SECOND_NS)
    assert not wire.volumes.active


def test_a_clock_that_was_set_back_keeps_nothing_for_ever() -> None:
    wire = Wire()
    wire.volumes.arm(SERVER.ip, START)
    wire.flag(UDP, packet=wire.udp(1200))
    early = START - 10**17
    wire.volumes.rebase(early)
    wire.volumes.expire(early + 3601 * SECOND_NS)
    assert not wire.volumes.active


@pytest.mark.parametrize(
    ("first", "length", "content"),
    [
        (0x41, 1235, 1200),  # a short header
        (0x7F, 63, 0),  # an acknowledgement
        (0x40, 64, 29),
        (0x41, 1472 * 40, 1437 * 40),  # a super-packet
        (0xC3, 1200, 1200),  # a handshake
        (0x17, 500, 500),  # DTLS
    ],
)
def test_the_headers_of_quic_are_no_content(first: int, length: int, content: int) -> None:
    wire = Wire()
    wire.flag(UDP, packet=wire.udp(1000))
    wire.feed(wire.udp(length, out=False)._replace(payload=memoryview(bytes([first]))))
    assert wire.told() == [("a", 1000, content)]


def test_connection_tracking_is_asked_for_flagged_datagrams_and_believed() -> None:
    wire = Wire()
    wire.flag(UDP, packet=wire.udp(1200)._replace(payload=memoryview(b"\xc3")))
    wire.flag(packet=wire.tcp(0, 500))
    wire.volumes.arm(SERVER.ip, START)
    wire.feed(wire.udp(40)._replace(source=Endpoint(CLIENT.ip, 7)))  # nobody flagged it
    assert wire.volumes.to_ask(9) == [UDP]
    wire.volumes.tally(UDP, Tally(1, 5028, 1, 9028, 1))
    (told,) = wire.volumes.take()
    assert (told.bytes_out, told.bytes_in, told.source) == (5500, 9000, VolumeSource.CONNTRACK)
    wire.volumes.tally(UDP, None)
    assert (wire.told(), wire.volumes.to_ask(9)) == ([], [])


def test_what_was_told_is_never_told_again() -> None:
    wire = Wire()
    wire.flag(UDP, packet=wire.udp(1000)._replace(payload=memoryview(b"\xc3")))
    assert wire.told() == [("a", 1000, 0)]
    wire.volumes.tally(UDP, Tally(1, 978, 1, 228, 1))
    assert wire.told() == [("a", 0, 200)]
    wire.volumes.tally(UDP, Tally(1, 1128, 1, 228, 1))
    assert wire.told() == [("a", 100, 0)]


def test_that_the_same_number_is_known_better_is_told_once() -> None:
    wire = Wire()
    wire.flag(UDP, packet=wire.udp(1000)._replace(payload=memoryview(b"\xc3")))
    assert [volume.source for volume in wire.volumes.take()] == [VolumeSource.UDP]
    wire.volumes.tally(UDP, Tally(1, 1028, 1, 0, 0))
    (told,) = wire.volumes.take()
    assert (told.bytes_out, told.bytes_in, told.source) == (0, 0, VolumeSource.CONNTRACK)
    wire.volumes.tally(UDP, Tally(1, 1028, 1, 0, 0))
    assert wire.told() == []
    wire.flag(UDP, signature="b")
    wire.volumes.tally(UDP, Tally(1, 1028, 1, 0, 0))
    assert wire.told() == []  # who was told nothing has nothing to correct


def test_of_a_flow_that_was_there_before_only_what_is_new_is_told() -> None:
    wire = Wire()
    wire.flag(UDP, packet=wire.udp(1000)._replace(payload=memoryview(b"\x41")))  # as after a restart
    wire.volumes.tally(UDP, Tally(1, 9_000_028, 1, 9_000_028, 1))
    wire.volumes.tally(UDP, Tally(1, 9_000_556, 2, 9_000_028, 1))
    assert wire.told() == [("a", 965 + 482, 0)]  # the share of content is that of the one datagram seen


def test_flows_take_turns_in_being_asked_for() -> None:
    wire = Wire()
    flows = [FlowKey(Transport.UDP, Endpoint(CLIENT.ip, port), SERVER) for port in (1000, 2000, 3000)]
    for flow in flows:
        wire.flag(flow)
    assert [wire.volumes.to_ask(2), wire.volumes.to_ask(2)] == [flows[:2], [flows[2], flows[0]]]
    wire.volumes.tally(UDP, Tally(1, 1, 1, 1, 1))  # evicted meanwhile


def test_what_changed_is_told_in_the_order_of_its_last_use_whatever_changed_it() -> None:
    wire = Wire()
    clients = [Endpoint(bytes([192, 0, 2, number]), 40_000) for number in range(100)]
    keys = [FlowKey(Transport.UDP, client, SERVER) for client in clients]
    for number, key in enumerate(keys):
        wire.flag(key, f"s{number}")
    for reading in (1_000, 9_000):
        wire.volumes.tally(keys[50], Tally(1, reading, 1, 0, 0))
    for number in (70, 20):
        wire.feed(wire.udp(100)._replace(source=clients[number]))
    assert [signature for signature, *_ in wire.told()] == ["s50", "s70", "s20"]
    assert wire.told() == []


def test_to_tell_what_one_flow_moved_the_others_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, looked_at = Wire(), []
    for port in range(500):
        wire.flag(FlowKey(Transport.UDP, CLIENT._replace(port=port), SERVER))
    wire.told()
    content = Tallied.content

    def counted(tallied: Tallied, headers: tuple[int, int]) -> tuple[int, int]:
        looked_at.append(tallied)
        return content(tallied, headers)

    monkeypatch.setattr(Tallied, "content", counted)
    wire.feed(wire.udp(100)._replace(source=CLIENT._replace(port=7)))
    assert wire.told() == [("a", 100, 0)]
    assert len(looked_at) == 1


def test_it_looks_for_what_is_quiet_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, looks = Wire(), Counter[str]()

    def nothing(*_: object) -> list[object]:
        looks["looks"] += 1
        return []

    monkeypatch.setattr(volume, "unused_since", nothing)
    wire.flag()
    for second in range(30):
        wire.volumes.expire(START + second * SECOND_NS)
    assert looks["looks"] == 2 * 3
