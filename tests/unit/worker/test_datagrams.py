from __future__ import annotations

import struct

import pytest

from egret.decode.quic_keys import KNOWN_VERSIONS
from egret.decode.tunnel import UDP_PORTS
from egret.track.observer import Observer
from egret.worker.datagrams import MAX_BULK, Datagrams, bitmap
from egret.worker.plain import plain_lookups

CLIENT, SERVER = b"\xc0\x00\x02\x01", b"\xcb\0\x71\x05"
CAPWAP = b"\1\0\0\0"


class Sensor:
    def __init__(self) -> None:
        lookups = Observer().lookups
        plain = plain_lookups(lookups, lambda _: False, lambda _ends, _answer: False)
        self.measured: set[bytes] = set()
        self.asked = 0
        self.begun: list[object] = []
        self.weighed: list[tuple[object, ...]] = []
        self.datagrams = Datagrams(plain, self._begin, self._is_measured, self._weigh)

    def _begin(self, *begun: object) -> bool:
        self.begun.append(begun)
        return len(self.begun) == 1

    def _weigh(self, *weighed: object) -> None:
        self.weighed.append(weighed)

    def _is_measured(self, ends: bytes) -> bool:
        self.asked += 1
        return ends[4:8] in self.measured

    def skip(
        self, payload: bytes, ports: tuple[int, int] = (50_000, 443), server: bytes = SERVER, cut: int = 0
    ) -> bool:
        wire = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
        there = (wire + bytes(20))[: max(20, len(wire) - cut)]
        ends = CLIENT + server + struct.pack("!HH", *ports)
        return self.datagrams.skip(there, 0, len(wire), len(there), ends, 5, None)


BULK = b"\x4c" + bytes(range(200))


def test_what_can_begin_nothing_is_taken() -> None:
    taken = Sensor().skip
    assert taken(BULK)
    assert taken(BULK, cut=100)
    assert taken(BULK, (443, 50_000))
    assert taken(b"\xff")  # keeps a NAT open
    assert taken(b"\x80\x60\0\1" + bytes(160))  # RTP
    assert taken(b"\x4f" + bytes(8) + b"Q043" + bytes(50))  # a reset
    assert taken(b"\1\0\0\0\x17\xfe\xfd" + bytes(50))  # torrents


def test_noise_is_no_long_header() -> None:
    """Of no version, and too short for one that is tried, or with an id that is too long; not where QUIC is expected."""
    taken, noise, large = Sensor().skip, b"\xc3\x9a\xbc\xde\xf0", bytes(1200)
    assert taken(noise + b"\x14" + large[:1193], (50_000, 4_000))
    assert taken(noise + b"\x15" + large, (50_000, 4_000))
    assert taken(noise + b"\x15" + large, (443, 50_000), cut=900)
    sensor = Sensor()
    assert not sensor.skip(noise + b"\x14" + large[:900], (50_000, 4_000), cut=9)
    assert sensor.skip(noise + b"\x14" + large, (50_000, 4_000))
    assert not sensor.skip(noise + b"\x15" + large[:90])
    assert len(sensor.begun) == 2


@pytest.mark.parametrize(
    "payload",
    [
        b"\x16\xfe\xfd" + bytes(50),
        CAPWAP + b"\x16\xfe\xfd" + bytes(50),
        b"\x49" + bytes(8) + b"Q043" + bytes(50),
        b"\x12\x34\1\0\0\1" + bytes(50),
        *(b"\x80" + version.to_bytes(4) + bytes(50) for version in KNOWN_VERSIONS),
    ],
)
def test_what_may_begin_something_is_the_observer_s(payload: bytes) -> None:
    assert not Sensor().skip(payload)


def test_what_begins_a_quic_connection_goes_to_what_follows_them() -> None:
    sensor = Sensor()
    initial = b"\xc3\0\0\0\1" + bytes(50)
    assert [sensor.skip(initial), sensor.skip(initial)] == [True, False]
    assert sensor.begun == [(initial, CLIENT + SERVER + b"\xc3\x50\1\xbb", 5, None)] * 2
    assert not sensor.skip(initial, cut=1)
    assert sensor.skip(b"\xe1\0\0\0\1\0\0\x40\x0a" + bytes(10))  # Handshake


def test_of_what_begins_one_bytes_are_counted_where_it_is_taken() -> None:
    sensor = Sensor()
    sensor.measured.add(SERVER)
    initial, handshake = b"\xc3\0\0\0\1" + bytes(50), b"\xe1\0\0\0\1\0\0\x40\x0a" + bytes(10)
    assert [sensor.skip(each) for each in (initial, initial, handshake)] == [True, False, True]
    assert [weighed[1:3] for weighed in sensor.weighed] == [(0xC3, len(initial)), (0xE1, len(handshake))]
    assert len(sensor.begun) == 2


TOLD = {2152, 4789, 4790, 6081, 8472}  # ports of which it is told what surely is no tunnel


@pytest.mark.parametrize("port", set(UDP_PORTS) - TOLD)
def test_what_may_be_a_tunnel_is_the_observer_s(port: int) -> None:
    assert not Sensor().skip(BULK, (port, 50_000))
    assert not Sensor().skip(BULK, (50_000, port))


@pytest.mark.parametrize("port", TOLD)
def test_what_surely_is_none_is_bulk_but_not_remembered(port: int) -> None:
    sensor, tunnel = Sensor(), {2152: b"\x30\xff", 6081: b""}.get(port, b"\x08") + bytes(40)
    for ends in ((port, 50_000), (50_000, port)):
        assert sensor.skip(BULK, ends)
        assert not sensor.skip(tunnel, ends)
    assert not sensor.skip(BULK, (port, 12222))  # the receiver's port says which tunnel it may be
    assert not sensor.skip(BULK, (port, 5353))
    assert not sensor.datagrams.bulk
    sensor.datagrams.opens = False
    assert not sensor.skip(BULK, (50_000, port))


def test_look_ups_are_looked_at_as_such() -> None:
    sensor = Sensor()
    question = b"\x12\x34\1\0\0\1" + bytes(6) + b"\3www\7example\0\0\1\0\1"
    assert sensor.skip(question, (50_000, 53))
    assert not sensor.skip(question, (50_000, 53), cut=3)
    assert not sensor.skip(BULK, (50_000, 53))
    assert sensor.datagrams.take_counts() == (1, 0, 0, 0)


def test_lengths_that_contradict_each_other_are_the_observer_s() -> None:
    data = struct.pack("!HHHH", 50_000, 443, 8 + len(BULK), 0) + BULK
    ends = CLIENT + SERVER + data[:4]
    datagrams = Sensor().datagrams
    assert datagrams.skip(data, 0, len(data), len(data), ends, 5, None)
    assert not datagrams.skip(data, 0, len(data) - 1, len(data), ends, 5, None)
    assert datagrams.skip(data, 0, len(data) + 1, len(data), ends, 5, None)
    for size in (0, 7):
        assert not datagrams.skip(data[:4] + size.to_bytes(2) + data[6:], 0, len(data), len(data), ends, 5, None)


def test_bytes_are_counted_of_measured_addresses_and_others_are_asked_about_once() -> None:
    sensor = Sensor()
    assert [sensor.skip(BULK), sensor.skip(BULK), sensor.asked] == [True, True, 1]
    sensor.measured.add(SERVER)
    assert sensor.skip(BULK)
    sensor.datagrams.forget_ends()
    assert [sensor.skip(BULK), sensor.skip(b""), sensor.asked] == [True, True, 3]
    ends = CLIENT + SERVER + b"\xc3\x50\1\xbb"
    assert sensor.weighed == [(ends, 0x4C, len(BULK), 5, None), (ends, 0, 0, 5, None)]
    sensor.measured.clear()
    assert sensor.skip(BULK)
    sensor.datagrams.forget_names()
    assert sensor.skip(BULK)
    assert sensor.asked == 5


def test_what_is_remembered_is_bounded() -> None:
    sensor = Sensor()
    for number in range(MAX_BULK + 1):
        assert sensor.skip(BULK, server=number.to_bytes(4))
    assert sensor.skip(BULK, server=bytes(4))
    assert sensor.asked == MAX_BULK + 2


def test_a_bitmap_has_a_bit_for_each_number() -> None:
    bits = bitmap([0, 9, 9, 65_535])
    assert [number for number in range(1 << 16) if bits[number >> 3] >> (number & 7) & 1] == [0, 9, 65_535]
