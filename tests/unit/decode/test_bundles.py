"""Several packets a frame, through the door of frames."""

from __future__ import annotations

import struct

import pytest

from egret.decode.bundles import multiplexed, sflow, stuffed_ppp
from egret.decode.packet import MAX_BUNDLED, Beside, decode_packet
from egret.errors import DecodeError, Reason
from tests.support.net import HELLO, frame, tcp, udp, udp6
from tests.support.wraps import ethernet, gre
from tests.support.wraps import udp as over_udp

ONE, TWO, THREE = bytes(tcp(HELLO)), bytes(udp(b"two")), bytes(udp6(b"three"))
PAYLOADS = [HELLO, b"two", b"three"]


def word(*values: int) -> bytes:
    return struct.pack(f"!{len(values)}I", *values)


def record(protocol: int, data: bytes, kind: int = 1) -> bytes:
    body = word(protocol, len(data) + 4, 4, len(data)) + data + bytes(-len(data) % 4)
    return word(kind, len(body)) + body


def sample(*records: bytes, kind: int = 1) -> bytes:
    body = bytes(4 * {1: 7, 3: 10, 5: 7}[kind]) + word(len(records)) + b"".join(records)
    return word(kind, len(body)) + body


def report(*samples: bytes, v6: bool = False) -> bytes:
    agent = word(2) + bytes(16) if v6 else word(1) + bytes(4)
    return word(5) + agent + bytes(12) + word(len(samples)) + b"".join(samples)


def payloads(data: bytes) -> list[bytes]:
    beside: list[Beside] = []
    first = decode_packet(frame(data), None, beside)
    packets = [first, *(each.packet for each in beside)]
    assert not any(each.quoted for each in beside)
    return [bytes(packet.payload) for packet in packets if packet is not None]


def sampled(*samples: bytes, v6: bool = False) -> list[bytes]:
    return payloads(ethernet(over_udp(6343, report(*samples, v6=v6))))


@pytest.mark.parametrize("v6", [False, True])
def test_sampled_frames(v6: bool) -> None:
    counters = word(2, 8) + bytes(8)
    other = word(1001, 4) + bytes(4)
    flows = (sample(other, record(1, ethernet(ONE))), counters, sample(record(11, TWO), record(12, THREE), kind=3))
    assert sampled(*flows, v6=v6) == PAYLOADS


def test_sampled_links() -> None:
    label = word(0x00064140)
    links = [(1, ethernet(ONE)), (7, b"\xff\x03\0\x21" + ONE), (13, label + ONE), (14, b"\xff\x03\0\x21" + ONE)]
    assert sampled(*(sample(record(*link), kind=5) for link in links)) == [HELLO] * 4
    assert sampled(sample(record(99, ONE))) == []


def test_other_reports_are_ordinary_datagrams() -> None:
    for body in (word(4, 1) + bytes(40), word(5, 3) + bytes(40), word(5, 1)):
        assert sflow(memoryview(body)) is None
        assert payloads(ethernet(over_udp(6343, body))) == [body]


def test_what_is_cut_off_is_told() -> None:
    wire = ethernet(over_udp(6343, report(sample(record(1, ethernet(ONE))), sample(record(11, TWO)))))
    for size in range(42, len(wire)):
        beside: list[Beside] = []
        try:
            decode_packet(frame(wire[:size]), None, beside)
        except DecodeError:
            continue
        assert {each.error.reason for each in beside if each.error} <= {Reason.TRUNCATED}


def test_multiplexed_ppp() -> None:
    long = b"\x21" + ONE
    body = struct.pack("!H", 0xC000 | len(long)) + long + bytes([len(TWO)]) + TWO
    body += bytes([0x80 | len(THREE) + 2]) + b"\0\x57" + THREE
    muxed = gre(0, 0x880B, b"", b"\xff\x03\0\x59" + body)
    assert payloads(ethernet(muxed)) == PAYLOADS
    plain = bytes([len(TWO)]) + TWO  # the protocol was agreed on before
    assert payloads(ethernet(gre(0, 0x880B, b"", b"\0\x59" + plain + bytes([2, 0xC0, 0x21])))) == [b"two"]
    assert not list(multiplexed(memoryview(b"\0")).layers)


def stuffed(packet: bytes) -> bytes:
    plain = b"\xff\x03\0\x21" + packet + b"\x12\x34"
    return b"".join(bytes([0x7D, byte ^ 0x20]) if byte in b"\x7d\x7e\x03" else bytes([byte]) for byte in plain)


def test_ppp_as_a_stream() -> None:
    odd = bytes(udp(b"~}\x03~"))
    stream = b"~" + stuffed(ONE) + b"~" + stuffed(odd) + b"~~" + stuffed(TWO)
    assert payloads(ethernet(gre(0x1000, 0x8881, bytes(4), stream))) == [HELLO, b"~}\x03~", b"two"]
    assert not list(stuffed_ppp(memoryview(b"~}")).layers)


def test_bundles_are_bounded() -> None:
    tiny = sample(record(11, bytes(udp())))
    beside: list[Beside] = []
    decode_packet(frame(ethernet(over_udp(6343, report(*[tiny] * 600)))), None, beside)
    assert len(beside) == MAX_BUNDLED
    assert [each.error.reason for each in beside if each.error] == [Reason.TOO_LARGE]


def test_bundles_in_bundles_are_bounded() -> None:
    nested = bytes(udp())
    for _ in range(40):
        nested = over_udp(6343, report(sample(record(11, nested))))
    beside: list[Beside] = []
    assert decode_packet(frame(ethernet(nested)), None, beside) is None
    assert [each.error.reason for each in beside if each.error] == [Reason.TOO_DEEP]


@pytest.mark.parametrize("fill", [0, 1, 5, 0x45, 0x60, 0x7E, 0xFF])
def test_any_bytes(fill: int) -> None:
    for size in range(120):
        for layers in (multiplexed, stuffed_ppp):
            try:
                list(layers(memoryview(bytes([fill]) * size)).layers)
            except DecodeError:
                continue
        body = word(5, 1) + bytes([fill]) * size
        assert payloads(ethernet(over_udp(6343, body))) in ([], [body])
