"""IEEE 802.11 data frames, with the capture headers that come before them.

Only frames in the clear carry anything to read: open networks, or captures that were decrypted.
Ref: IEEE 802.11-2020 section 9.2 and 9.3.2; radiotap.org.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from egret.decode.layer import Layer, Several, Space, Table
from egret.decode.link import IPV4, IPV6, by_ethertype, cut, ethernet, llc
from egret.decode.reader import unpack
from egret.errors import Malformed, Reason

WLAN = 105

_FRAME_CONTROL = Struct("<H")
_QOS_CONTROL = Struct("<H")
_RADIOTAP = Struct("<BxHI")
_WORD = Struct("<I")
_PRISM = Struct("<II")
_SUBFRAME = Struct("!12xH")
_AVS = Struct("!II")
_PPI = Struct("<BBHI")

_TYPE_MASK, _DATA = 0x000C, 0x0008
_NO_DATA, _QOS = 0x0040, 0x0080  # subtype bits
_BOTH_DS, _PROTECTED, _ORDER = 0x0300, 0x4000, 0x8000
_AGGREGATED = 0x80  # A-MSDU, in the QoS control field
_MESH, _SNAP = 0x0100, 0xAA  # a mesh header, with up to two addresses, goes before the LLC header
_BARE = frozenset({IPV4, IPV6})
_AVS_MAGIC = 0x80211000
_PADDED = 0x20  # radiotap flag: the header is padded to four bytes
_MAX_PRESENT = 16  # radiotap words that say what is present


def _wlan(data: memoryview) -> Layer | Several | None:
    return _data_frame(data, padded=False)


def _data_frame(data: memoryview, *, padded: bool) -> Layer | Several | None:
    (control,) = unpack(_FRAME_CONTROL, data)
    if control & _TYPE_MASK != _DATA or control & (_NO_DATA | _PROTECTED):
        return None
    size = 24 + 6 * (control & _BOTH_DS == _BOTH_DS)
    if not control & _QOS:
        return _body(cut(data, size + -size % 4 * padded))
    (qos,) = unpack(_QOS_CONTROL, data, size)
    aggregated, meshed = qos & _AGGREGATED, qos & _MESH
    size += 2 + 4 * bool(control & _ORDER)
    body = cut(data, size + -size % 4 * padded)
    if meshed and len(body) and body[0] != _SNAP:
        body = cut(body, 6 + 6 * (body[0] & 3))
    return Several(_subframes(body)) if aggregated else _body(body)


def _subframes(data: memoryview) -> Iterator[Layer]:
    """Of an aggregate: headers of Ethernet's shape, with a length; each but the last is padded to four bytes."""
    offset = 0
    while len(data) - offset > _SUBFRAME.size:
        (length,) = _SUBFRAME.unpack_from(data, offset)
        offset += _SUBFRAME.size
        yield Layer(Space.ETHERTYPE, 0, data[offset : offset + length])
        offset += length + -(_SUBFRAME.size + length) % 4


def _body(data: memoryview) -> Layer | None:
    """LLC; or, as some drivers hand it over, an EtherType or a whole Ethernet frame."""
    if len(data) >= 2 and (data[0] << 8 | data[1]) in _BARE:
        return by_ethertype(data[0] << 8 | data[1], data[2:])
    if len(data) >= 14 and data[0] != _SNAP and (data[12] << 8 | data[13]) in _BARE:
        return ethernet(data)
    return llc(data)


def _radiotap(data: memoryview) -> Layer | Several | None:
    version, length, present = unpack(_RADIOTAP, data)
    if version != 0 or length < 8:
        raise Malformed(Reason.BAD_VALUE, 0)
    return _data_frame(cut(data, length), padded=_radiotap_padded(data, length, present))


def _radiotap_padded(data: memoryview, length: int, present: int) -> bool:
    offset, words = 8, present
    for _ in range(_MAX_PRESENT):
        if not words & 0x80000000:
            break
        (words,) = unpack(_WORD, data, offset)
        offset += 4
    if present & 1:  # the time, aligned to its own size
        offset = (offset + 7) // 8 * 8 + 8
    return bool(present & 2) and offset < length and bool(data[offset] & _PADDED)


def _prism(data: memoryview) -> Layer | Several | None:
    cookie, length = unpack(_AVS, data)
    if cookie & 0xFFFFF000 != _AVS_MAGIC:
        _, length = unpack(_PRISM, data)
    if length < _PRISM.size:
        raise Malformed(Reason.BAD_LENGTH, 4)
    return _wlan(cut(data, length))


def _per_packet_information(data: memoryview) -> Layer:
    _, _, length, linktype = unpack(_PPI, data)
    if length < _PPI.size:
        raise Malformed(Reason.BAD_LENGTH, 2)
    return Layer(Space.LINKTYPE, linktype, cut(data, length))


WLAN_LINKTYPES: Table = {
    WLAN: _wlan,
    119: _prism,
    127: _radiotap,
    163: _prism,
    192: _per_packet_information,
}
