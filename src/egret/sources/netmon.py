"""Microsoft Network Monitor captures, versions 1 and 2. Ref: MS Network Monitor 3.4 help, "Capture File Format"."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Iterator
from struct import Struct

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.records import Record, Records, file_header

MAGICS = (b"RTSS", b"GMBU")

_HEADER = Struct("<4xBBH8H2I")
_HEADER_SIZE = 128
_RECORD_1, _RECORD_2 = Struct("<IHH"), Struct("<QII")
_NETWORK, _NETWORK_AT_2_2 = Struct("<H"), 15  # the second trailer: network, process, time in UTC, time zone
_MS, _US = 1_000_000, 1000
_LINKTYPES = {1: 1, 2: 6, 3: 10, 4: 100, 5: 138, 6: 105, 8: 101, 9: 228, 10: 229}
_PCAP_LINKTYPES = range(0xE000, 0xF000)  # a link type of the pcap registry
_NOT_A_PACKET = 0xFFFF
_UNKNOWN_LINKTYPE = 0xFFFF
_ATM, _WLAN = 4, 6
_ATM_HEADER = 16
_WLAN_LENGTH = Struct("<xH")


def read_netmon(stream: ByteStream) -> Iterator[Frame]:
    """Yield the frames of a Network Monitor stream that stands at its first byte.

    Raises:
        SourceError: another version, or the file is cut off or damaged; everything before that was yielded.
    """
    header = file_header(stream, _HEADER_SIZE)
    minor, major, network, *when, end, _ = _HEADER.unpack_from(header)
    if major not in {1, 2}:
        raise SourceError(f"is a Network Monitor file of version {major}.{minor}; Egret reads versions 1 and 2")
    trailer = 0 if (major, minor) < (2, 1) else 2 if minor == 1 else _NETWORK_AT_2_2
    return _records(Records(stream), _start_ns(when), (major, network, trailer), end)


def _records(records: Records, start_ns: int, kind: tuple[int, int, int], end: int) -> Iterator[Frame]:
    major, network, trailer = kind
    layout, unit = (_RECORD_1, _MS) if major == 1 else (_RECORD_2, _US)
    while not 0 < end <= records.stream.start and records.load(layout.size):
        delta, original, captured = layout.unpack_from(records.stream.window)
        if trailer and records.load(layout.size + captured + trailer):
            (network,) = _NETWORK.unpack_from(records.stream.window, layout.size + captured)
        frame = records.take(Record(0, start_ns + delta * unit, captured, original, layout.size, trailer))
        if network <= _NOT_A_PACKET - 8:
            yield _without_header(frame, network)


def _without_header(frame: Frame, network: int) -> Frame:
    linktype = network & 0xFFF if network in _PCAP_LINKTYPES else _LINKTYPES.get(network, _UNKNOWN_LINKTYPE)
    size = _ATM_HEADER if network == _ATM else 0
    if network == _WLAN and len(frame.data) >= _WLAN_LENGTH.size:
        (size,) = _WLAN_LENGTH.unpack_from(frame.data)
    return frame._replace(linktype=linktype, data=frame.data[size:], wire_length=max(0, frame.wire_length - size))


def _start_ns(when: list[int]) -> int:
    year, month, _, day, hour, minute, second, ms = when
    try:
        return timegm((year, month, day, hour, minute, second)) * 1_000_000_000 + ms * _MS
    except ValueError:  # a date that is none
        return 0
