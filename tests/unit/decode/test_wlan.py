import struct
from typing import Any

import pytest
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.l2 import LLC, SNAP

from egret.decode.packet import Beside, decode_packet
from egret.errors import DecodeError, Malformed, Reason
from tests.support.net import HELLO, decoded, ether, frame, tcp

BODY = LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800) / tcp(HELLO)
PLAIN = bytes(Dot11(type=2, subtype=0) / BODY)
QOS = bytes(Dot11(type=2, subtype=8) / Dot11QoS() / BODY)
SUBFRAME = bytes(12) + struct.pack("!H", len(BODY))

CASES: dict[str, tuple[Any, int]] = {
    "data": (PLAIN, 105),
    "qos": (QOS, 105),
    "four addresses": (Dot11(type=2, subtype=0, FCfield=3, addr4="02:00:00:00:00:03") / BODY, 105),
    "ht control": (QOS[:1] + b"\x80" + QOS[2:26] + bytes(4) + bytes(BODY), 105),
    "aggregate": (QOS[:24] + b"\x80\0" + SUBFRAME + bytes(BODY), 105),
    "radiotap": (bytes(RadioTap(present="Rate+Channel")) + PLAIN, 127),
    "radiotap flags": (bytes(RadioTap(present="TSFT+Flags", mac_timestamp=5, Flags=0)) + PLAIN, 127),
    "radiotap padded": (b"\0\0\x09\0\x02\0\0\0\x20" + QOS[:26] + b"\0\0" + bytes(BODY), 127),
    "radiotap words": (b"\0\0\x0d\0\x02\0\0\x80\0\0\0\0\x20" + QOS[:26] + b"\0\0" + bytes(BODY), 127),
    "mesh": (QOS[:1] + b"\3" + QOS[2:24] + bytes(6) + b"\0\1\2\x1f" + bytes(4) + bytes(12) + bytes(BODY), 105),
    "no llc": (PLAIN[:24] + b"\x08\0" + bytes(tcp(HELLO)), 105),
    "ethernet": (PLAIN[:24] + bytes(ether() / tcp(HELLO)), 105),
    "prism": (struct.pack("<II", 0x44, 144) + bytes(136) + PLAIN, 119),
    "avs": (struct.pack("!II", 0x80211001, 64) + bytes(56) + PLAIN, 163),
    "ppi": (struct.pack("<BBHI", 0, 0, 8, 105) + PLAIN, 192),
    "ppi ethernet": (struct.pack("<BBHI", 0, 0, 12, 1) + bytes(4) + bytes(ether() / tcp(HELLO)), 192),
}


@pytest.mark.parametrize("case", CASES)
def test_data_frames(case: str) -> None:
    assert bytes(decoded(*CASES[case]).payload) == HELLO


def test_every_frame_of_an_aggregate() -> None:
    bodies = [
        bytes(LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x800) / tcp(HELLO + b"x" * n)) for n in range(5)
    ]
    frames = [bytes(12) + struct.pack("!H", len(body)) + body for body in bodies]
    aggregate = b"".join(each + bytes(-len(each) % 4) for each in frames)
    for data in (aggregate, aggregate.rstrip(b"\0"), aggregate + bytes(14)):
        beside: list[Beside] = []
        first = decode_packet(frame(QOS[:24] + b"\x80\0" + data, 105), None, beside)
        packets = [first, *(each.packet for each in beside)]
        assert [packet and len(packet.payload) - len(HELLO) for packet in packets] == [0, 1, 2, 3, 4]


def test_a_broken_frame_of_an_aggregate_is_told_beside_the_others() -> None:
    broken = bytes(12) + b"\0\x0a\xaa\xaa\3\0\0\0\x08\0\x41\0"
    beside: list[Beside] = []
    found = decode_packet(frame(QOS[:24] + b"\x80\0" + broken + SUBFRAME + bytes(BODY), 105), None, beside)
    assert found is not None
    assert bytes(found.payload) == HELLO
    assert [each.error.reason for each in beside if each.error] == [Reason.TRUNCATED]


@pytest.mark.parametrize(
    "data",
    [Dot11(type=0, subtype=8) / bytes(20), Dot11(type=2, subtype=4), Dot11(type=2, FCfield=0x40) / BODY],
    ids=["beacon", "null", "protected"],
)
def test_frames_without_readable_data(data: Any) -> None:
    assert decode_packet(frame(data, 105)) is None


@pytest.mark.parametrize(
    ("data", "linktype"),
    [(b"\x01" + bytes(9), 127), (bytes(8), 119), (bytes(8), 192)],
    ids=["radiotap", "prism", "ppi"],
)
def test_headers_that_contradict_themselves(data: bytes, linktype: int) -> None:
    with pytest.raises(Malformed):
        decode_packet(frame(data, linktype))


@pytest.mark.parametrize("case", CASES)
def test_every_cut_is_a_packet_or_an_error(case: str) -> None:
    data, linktype = bytes(CASES[case][0]), CASES[case][1]
    for size in range(len(data)):
        try:
            decode_packet(frame(data[:size], linktype))
        except DecodeError:
            continue
