import itertools
import weakref

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, fragment6
from scapy.packet import Packet as ScapyPacket

from egret.decode.ip import Datagram, Fragment
from egret.decode.packet import Context, Packet, decode_packet
from egret.errors import Reason
from egret.track.fragments import TIMEOUT_NS, Reassembler, Train
from tests.support.net import CLIENT, CLIENT6, SERVER, SERVER6, TIME_NS, ether, frame

PAYLOAD = bytes(range(256)) * 4
WHOLE = IP(src=CLIENT, dst=SERVER, id=7) / UDP(sport=1, dport=2) / PAYLOAD
WHOLE6 = (
    IPv6(src=CLIENT6, dst=SERVER6) / IPv6ExtHdrFragment(id=7) / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / PAYLOAD
)
PIECES: dict[str, list[ScapyPacket]] = {
    "IPv4": fragment(WHOLE, 400),  # type: ignore[no-untyped-call]
    "IPv6": fragment6(WHOLE6, 480),  # type: ignore[no-untyped-call]
}


def feed(reassembler: Reassembler, packet: ScapyPacket, time_ns: int = TIME_NS, cut: int = 0) -> Packet | None:
    return decode_packet(frame(ether() / packet, time_ns=time_ns, cut=cut), reassembler.add)


def piece(offset: int, data: bytes, *, more: bool = True, identity: int = 7) -> ScapyPacket:
    return IP(src=CLIENT, dst=SERVER, id=identity, proto=17, flags="MF" if more else 0, frag=offset // 8) / data


def reasons(reassembler: Reassembler) -> list[Reason]:
    return [anomaly.reason for anomaly in reassembler.take_anomalies()]


@pytest.mark.parametrize("version", PIECES)
def test_any_order(version: str) -> None:
    pieces = PIECES[version]
    assert len(pieces) >= 3
    for order in itertools.permutations(pieces):
        reassembler = Reassembler()
        found = [packet for packet in (feed(reassembler, part) for part in order) if packet]
        assert [(bytes(p.payload), p.wire_payload_length, p.destination.port) for p in found] == [(PAYLOAD, 1024, 2)]
        assert (len(reassembler), reassembler.bytes, reasons(reassembler)) == (0, 0, [])


@pytest.mark.parametrize("version", PIECES)
def test_duplicates_are_no_conflict(version: str) -> None:
    reassembler = Reassembler()
    pieces = PIECES[version]
    found = [feed(reassembler, part) for part in [*pieces[1:], *pieces[1:], pieces[0]]]
    assert found[-1] is not None
    assert bytes(found[-1].payload) == PAYLOAD
    assert reassembler.overlaps == 0


def test_the_first_bytes_win_and_the_overlap_is_counted() -> None:
    reassembler = Reassembler()
    header = bytes(UDP(sport=1, dport=2, len=32, chksum=0))
    feed(reassembler, piece(8, b"A" * 16))
    feed(reassembler, piece(0, header + b"B" * 8))
    found = feed(reassembler, piece(16, b"C" * 16, more=False))
    assert found is not None
    assert bytes(found.payload) == b"A" * 16 + b"C" * 8
    assert reassembler.overlaps == 2
    assert reasons(reassembler) == [Reason.OVERLAP, Reason.OVERLAP]


def test_a_fragment_around_another_fills_both_sides() -> None:
    reassembler = Reassembler()
    feed(reassembler, piece(16, b"A" * 8))
    feed(reassembler, piece(8, b"B" * 24, more=False))
    found = feed(reassembler, piece(0, bytes(UDP(sport=1, dport=2, len=32, chksum=0))))
    assert found is not None
    assert bytes(found.payload) == b"B" * 8 + b"A" * 8 + b"B" * 8


def test_snap_length_uses_what_is_there() -> None:
    reassembler = Reassembler()
    pieces = PIECES["IPv4"]
    feed(reassembler, pieces[0])
    feed(reassembler, pieces[1], cut=50)
    found = feed(reassembler, pieces[2])
    assert found is not None
    assert found.wire_payload_length == 1024
    assert PAYLOAD.startswith(bytes(found.payload))
    assert 600 < len(found.payload) < 1024


def test_what_never_becomes_whole_is_used_as_far_as_it_goes() -> None:
    reassembler = Reassembler()
    pieces = PIECES["IPv4"]
    feed(reassembler, pieces[0])
    feed(reassembler, pieces[2])
    assert reassembler.expire(TIME_NS + TIMEOUT_NS - 1) == []
    (found,) = reassembler.expire(TIME_NS + TIMEOUT_NS)
    assert PAYLOAD.startswith(bytes(found.payload))
    assert found.wire_payload_length == 1024
    assert found.time_ns == TIME_NS
    assert reasons(reassembler) == [Reason.GAP]
    assert reassembler.bytes == 0


def test_flush_gives_up_everything() -> None:
    reassembler = Reassembler()
    feed(reassembler, PIECES["IPv4"][0])
    feed(reassembler, piece(64, b"without a begin ", identity=8))
    feed(reassembler, piece(0, b"\0\x01\0\x02\0\x03\0\0", identity=9))
    assert len(list(reassembler.last_words())) == 1
    assert len(reassembler) == reassembler.bytes == 0
    assert sorted(reasons(reassembler)) == [Reason.BAD_LENGTH, *[Reason.GAP] * 3]


def test_other_protocols_are_given_up_without_a_packet() -> None:
    reassembler = Reassembler()
    feed(reassembler, IP(src=CLIENT, dst=SERVER, proto=1, flags="MF") / bytes(16))
    assert list(reassembler.last_words()) == []


def test_identifications_come_round_again() -> None:
    reassembler = Reassembler()
    first, *rest = PIECES["IPv4"]
    feed(reassembler, piece(0, b"old old " * 2))
    later = TIME_NS + TIMEOUT_NS
    found = [feed(reassembler, part, later) for part in (*rest, first)]
    assert found[-1] is not None
    assert bytes(found[-1].payload) == PAYLOAD


def test_bounded_in_bytes_and_count() -> None:
    reassembler = Reassembler(max_bytes=10_000, max_datagrams=20)
    for identity in range(1000):
        feed(reassembler, piece(0, bytes(800), identity=identity))
        assert reassembler.bytes <= 10_000
        assert len(reassembler) <= 20
    assert reassembler.evictions == 1000 - len(reassembler)
    assert set(reasons(reassembler)) == {Reason.EVICTED}
    for identity in range(100):
        feed(reassembler, piece(0, bytes(8), identity=identity))
    assert len(reassembler) == 20


def test_pieces_of_one_datagram_are_bounded() -> None:
    reassembler = Reassembler()
    for index in range(1100):
        feed(reassembler, piece(index * 16, bytes(8)))
    assert Reason.TOO_LARGE in reasons(reassembler)


@pytest.mark.parametrize(
    "bad",
    [piece(65528, bytes(16), more=False), piece(0, bytes(9)), piece(8, b"", more=False)],
    ids=["long", "odd", "none"],
)
def test_impossible_fragments(bad: ScapyPacket) -> None:
    reassembler = Reassembler()
    assert feed(reassembler, bad) is None
    assert reasons(reassembler) == [Reason.BAD_LENGTH]
    assert len(reassembler) == 0


class Window(bytearray):
    """What a file's frames are cut from; unlike bytes it can be watched."""


def test_what_waits_lets_go_of_what_it_was_cut_from() -> None:
    cut = frame(ether() / piece(0, bytes(16)))
    window = Window(cut.data)
    watched, reassembler = weakref.ref(window), Reassembler()
    decode_packet(cut._replace(data=memoryview(window)), reassembler.add)
    del window
    assert (len(reassembler), watched()) == (1, None)


def test_anomalies_are_bounded() -> None:
    reassembler = Reassembler()
    for _ in range(1100):
        feed(reassembler, piece(0, bytes(9)))
    assert len(reassembler.take_anomalies()) == 1024


class Held:
    """Somebody who holds fragments before they are added."""

    def __init__(self, *trains: Train) -> None:
        self.trains = list(trains)
        self.room = (0, 0)

    def take(self) -> list[Train]:
        taken, self.trains = self.trains, []
        return taken

    def since(self) -> int | None:
        return self.trains[0][5] if self.trains else None

    def allow(self, room_bytes: int, room_datagrams: int, /) -> None:
        self.room = room_bytes, room_datagrams


def train(identification: int = 1, time_ns: int = 0) -> Train:
    return b"abcd", b"efgh", identification, bytes(24), (8, 24), time_ns, "lan0"


def last(identification: int = 1, time_ns: int = 5) -> tuple[Datagram, Context]:
    fragment = Fragment(4, identification, 24, more=False)
    return Datagram(b"abcd", b"efgh", 17, memoryview(b"end"), 3, fragment), Context(time_ns, None)


def test_what_is_held_ahead_comes_first() -> None:
    reassembler, held = Reassembler(10_000, 7), Held(train(1), train(2))
    reassembler.follow(held)
    assert held.room == (10_000, 7)
    whole = reassembler.add(*last(2))
    assert whole is not None
    assert bytes(whole.payload) == bytes(24) + b"end"
    assert list(reassembler.table) == [(b"abcd", b"efgh", 1, 17)]
    assert held.room == (10_000 - 24 - 2 * 200, 6)


def test_it_is_given_up_in_its_turn() -> None:
    reassembler, held = Reassembler(), Held(train(1, 5))
    reassembler.follow(held)
    assert reassembler.expire(TIMEOUT_NS + 4) == []
    assert held.trains
    reassembler.expire(TIMEOUT_NS + 5)
    assert [anomaly.reason for anomaly in reassembler.take_anomalies()] == [Reason.GAP]
    held.trains.append(train(3, 50))
    list(reassembler.last_words())
    assert [(anomaly.time_ns, anomaly.interface) for anomaly in reassembler.take_anomalies()] == [(50, "lan0")]
