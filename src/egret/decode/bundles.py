"""What carries several frames or datagrams at once: samplers' reports, multiplexed PPP, PPP as a stream of bytes.

Ref: sflow.org, version 5; RFC 3153 (PPP multiplexing); 3GPP2 A.S0017 section 2.6 (PPP in GRE), RFC 1662 section 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from egret.decode.layer import Layer, Several, Space, ip_layer
from egret.decode.link import ETHERNET, cut, mpls, ppp
from egret.decode.reader import unpack

_WORD = Struct("!I")
_TWO_WORDS = Struct("!II")
_SAMPLED = Struct("!IIII")
_U16 = Struct("!H")

_SFLOW_VERSION = 5
_ADDRESS_SIZES = {1: 4, 2: 16}
_SAMPLE_WORDS = {1: 7, 3: 10, 5: 7}  # of each kind of sample before the count of its records
_RAW_HEADER = 1
_PPP_LINK, _FDDI, _TOKEN_RING, _FRAME_RELAY = 9, 10, 6, 107
_SAMPLED_LINKS = {1: ETHERNET, 3: _TOKEN_RING, 4: _FDDI, 5: _FRAME_RELAY, 7: _PPP_LINK, 14: _PPP_LINK}
_SAMPLED_IP, _SAMPLED_MPLS = frozenset({11, 12}), 13

_HAS_PROTOCOL, _LONG, _LENGTH = 0x80, 0x40, 0x3F
_FLAG, _ESCAPE, _SWAPPED = b"\x7e", 0x7D, 0x20


def sflow(data: memoryview) -> Several | None:
    """Version 5: the first bytes of frames that a switch picked."""
    if len(data) < 28 or _WORD.unpack_from(data)[0] != _SFLOW_VERSION:
        return None
    size = _ADDRESS_SIZES.get(_WORD.unpack_from(data, 4)[0])
    return None if size is None else Several(_samples(data, 8 + size + 12))


def _samples(data: memoryview, offset: int) -> Iterator[Layer]:
    (count,) = unpack(_WORD, data, offset)
    offset += 4
    for _ in range(min(count, len(data))):
        kind, length = unpack(_TWO_WORDS, data, offset)
        offset += 8
        words = _SAMPLE_WORDS.get(kind)  # other enterprises' kinds have their number in the upper bits
        if words is not None:
            yield from _records(data[offset : offset + length], words * 4)
        offset += length


def _records(sample: memoryview, offset: int) -> Iterator[Layer]:
    (count,) = unpack(_WORD, sample, offset)
    offset += 4
    for _ in range(min(count, len(sample))):
        kind, length = unpack(_TWO_WORDS, sample, offset)
        offset += 8
        if kind == _RAW_HEADER:
            layer = _sampled(sample[offset : offset + length])
            if layer is not None:
                yield layer
        offset += length


def _sampled(record: memoryview) -> Layer | None:
    protocol, _, _, size = unpack(_SAMPLED, record)
    data = record[16 : 16 + size]
    if protocol in _SAMPLED_LINKS:
        return Layer(Space.LINKTYPE, _SAMPLED_LINKS[protocol], data)
    if protocol in _SAMPLED_IP:
        return ip_layer(data)
    return mpls(data) if protocol == _SAMPLED_MPLS else None


def multiplexed(data: memoryview) -> Several:
    """RFC 3153 section 1.1: subframes, each with its length, and with a protocol where that is another than before."""
    return Several(_subframes(data))


def _subframes(data: memoryview) -> Iterator[Layer]:
    number: int | None = None
    while len(data):
        first, size = data[0], 1
        length = first & _LENGTH
        if first & _LONG:
            length, size = unpack(_U16, data)[0] & 0x3FFF, 2
        inner, data = data[size : size + length], cut(data, min(len(data), size + length))
        if first & _HAS_PROTOCOL:
            layer = ppp(inner)
            number = layer.number
            yield layer
        elif number is not None:
            yield Layer(Space.PPP, number, inner)
        elif len(inner) and inner[0] >> 4 in {4, 6}:  # the protocol that both ends agreed on elsewhere
            yield ip_layer(inner)


def stuffed_ppp(data: memoryview) -> Several:
    """PPP in HDLC-like framing: a piece of its stream. A frame that goes on in the next is used as far as it goes."""
    return Several(_unstuffed(bytes(data)))


def _unstuffed(stream: bytes) -> Iterator[Layer]:
    for piece in stream.split(_FLAG):
        inner = memoryview(_plain(piece))
        if len(inner) > 4:  # less is a checksum, or the end of a frame that began before
            yield ppp(inner)


def _plain(piece: bytes) -> bytes:
    if _ESCAPE not in piece:
        return piece
    head, *rest = piece.split(bytes([_ESCAPE]))
    return head + b"".join(bytes([part[0] ^ _SWAPPED]) + part[1:] for part in rest if part)
