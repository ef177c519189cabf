"""Captures of analysers from before pcap had won: fixed headers, plain packets. One function and one row each.

Clocks are read as well as the format allows; none of them says more than is needed to put packets in order.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from struct import Struct

from egret.errors import SourceError
from egret.model import Frame
from egret.sources.bytestream import ByteStream
from egret.sources.records import Record, Records, file_header, walk

_SECOND_NS, _US, _MS = 1_000_000_000, 1000, 1_000_000
_ETHERNET, _UNKNOWN_LINKTYPE = 1, 0xFFFF
_ARPHRD = {6: 1, 9: 6, 15: 10, 22: 9, 23: 50, 32: 107}  # interface types of RFC 2863 to the pcap registry

_XRAY_HEADER, _XRAY = 128, Struct("<QHH")
_XRAY_START, _XRAY_RECORD = Struct("<12xII4xI"), {b"001": 28, b"002": 40}

_VISUAL_HEADER, _VISUAL, _VISUAL_START = 192, Struct("<IHH12x"), Struct("<4xIIH")

_VIEWS_MARK, _VIEWS, _VIEWS_AHEAD = b"\xee\xee\x33\x33", Struct("<4s12xI4xII4x"), 4096

_OBSERVER, _OBSERVER_FIRST = Struct("<IIHHHH24xQ"), Struct("<32xH")
_OBSERVER_MARK, _YEAR_2000, _CHECKSUM = 0x88888888, 946_684_800, 4

_SNIFFER_MAGIC, _SNIFFER = b"TRSNIFF data    \x1a", Struct("<HHH")
_SNIFFER_LINKTYPES = {0: 6, 1: 1, 2: 7, 9: 10}
_SNIFFER_START = Struct("<6xHBBBB")
_SNIFFER_HEADERS, _SNIFFER_VERSION, _SNIFFER_END = {4: 14, 8: 48}, 1, 3
_SNIFFER_TICK_PS = 838_096  # of a PC's timer

_LAN, _LAN_PACKET = Struct("<HH"), 0x1005
_LAN_HEADER, _LAN_TICK_NS = Struct("<4xHH3H18x"), 500

_IPTRACE_1, _IPTRACE_2 = Struct("!II20xBx"), Struct("!I24xB3xII")


def read_netxray(stream: ByteStream) -> Iterator[Frame]:
    """NetXRay and Sniffer for Windows."""
    header = file_header(stream, _XRAY_HEADER)
    size = _XRAY_RECORD.get(header[4:7])
    if size is None:
        raise SourceError("is a NetXRay capture of another version than 1 or 2; convert it: editcap -F pcapng IN OUT")
    seconds, count, first = _XRAY_START.unpack_from(header)
    if first > _XRAY_HEADER and not stream.skip(first - _XRAY_HEADER):
        raise SourceError("the file is cut off before its first packet")

    def record(fields: tuple[int, int, int]) -> Record:
        ticks, original, captured = fields
        return Record(_ETHERNET, seconds * _SECOND_NS + ticks * _US, captured, original, size)

    return islice(walk(stream, _XRAY, record), count or None)


def read_visual(stream: ByteStream) -> Iterator[Frame]:
    """Visual Networks."""
    count, start_s, media = _VISUAL_START.unpack_from(file_header(stream, _VISUAL_HEADER))

    def record(fields: tuple[int, int, int]) -> Record:
        ms, original, captured = fields
        linktype = _ARPHRD.get(media, _UNKNOWN_LINKTYPE)
        return Record(linktype, start_s * _SECOND_NS + ms * _MS, captured, original, _VISUAL.size)

    return islice(walk(stream, _VISUAL, record), count or None)  # an index follows


def read_5views(stream: ByteStream) -> Iterator[Frame]:
    """InfoVista 5View: records are marked; the first is behind a header of several parts."""
    first = stream.peek(_VIEWS_AHEAD).find(_VIEWS_MARK)
    if first < 0:
        raise SourceError("is a 5View capture without packets, or the file is cut off")
    stream.skip(first)

    def record(fields: tuple[bytes, int, int, int]) -> Record | None:
        mark, captured, seconds, ns = fields
        time_ns = seconds * _SECOND_NS + ns
        return Record(_ETHERNET, time_ns, captured, captured, _VIEWS.size) if mark == _VIEWS_MARK else None

    return walk(stream, _VIEWS, record)


def read_observer(stream: ByteStream) -> Iterator[Frame]:
    """Network Instruments Observer: the wire length includes the checksum."""
    (first,) = _OBSERVER_FIRST.unpack(file_header(stream, _OBSERVER_FIRST.size))
    stream.skip(max(0, first - _OBSERVER_FIRST.size))

    def record(fields: tuple[int, ...]) -> Record | None:
        mark, _, captured, original, before, following = fields[:6]
        after = following - before - captured
        if mark != _OBSERVER_MARK:
            return None
        time_ns = _YEAR_2000 * _SECOND_NS + fields[-1]
        return Record(_ETHERNET, time_ns, captured, original - _CHECKSUM, before, after)

    return walk(stream, _OBSERVER, record)


def read_sniffer(stream: ByteStream) -> Iterator[Frame]:
    """Network General's Sniffer for DOS, where it did not compress."""
    if file_header(stream, len(_SNIFFER_MAGIC)) != _SNIFFER_MAGIC:
        raise SourceError("begins like a Sniffer capture and is none")
    records = Records(stream)
    linktype, start_ns = _UNKNOWN_LINKTYPE, 0
    while records.load(_SNIFFER.size):
        kind, length, _ = _SNIFFER.unpack_from(stream.window)
        header = _SNIFFER_HEADERS.get(kind)
        if kind == _SNIFFER_VERSION and records.load(_SNIFFER.size + _SNIFFER_START.size):
            linktype, start_ns = _sniffer_start(stream.window)
        if header is None or length < header:
            if kind == _SNIFFER_END:
                return
            records.skip(_SNIFFER.size + length)
        elif records.load(_SNIFFER.size + header):
            ticks = int.from_bytes(stream.window[_SNIFFER.size : _SNIFFER.size + 5], "little")
            time_ns, before = start_ns + ticks * _SNIFFER_TICK_PS // 1000, _SNIFFER.size + header
            yield records.take(Record(linktype, time_ns, length - header, 0, before))


def _sniffer_start(window: bytes | memoryview) -> tuple[int, int]:
    date, _, network, packing, _ = _SNIFFER_START.unpack_from(window, _SNIFFER.size)
    if packing != 1:
        raise SourceError("is a compressed Sniffer capture; convert it: editcap -F pcapng IN OUT")
    try:
        day_s = timegm(((date >> 9) + 1980, date >> 5 & 15, date & 31, 0, 0, 0))
    except ValueError:
        day_s = 0
    return _SNIFFER_LINKTYPES.get(network, _UNKNOWN_LINKTYPE), day_s * _SECOND_NS


def read_lanalyzer(stream: ByteStream) -> Iterator[Frame]:
    """Novell LANalyzer: typed records, of which one kind is packets."""
    records = Records(stream)
    while records.load(_LAN.size):
        kind, length = _LAN.unpack_from(stream.window)
        if kind != _LAN_PACKET:
            records.skip(_LAN.size + length)
        elif records.load(_LAN.size + _LAN_HEADER.size):
            original, captured, *clock = _LAN_HEADER.unpack_from(stream.window, _LAN.size)
            ticks = clock[0] | clock[1] << 16 | clock[2] << 32
            before = _LAN.size + _LAN_HEADER.size
            after = _LAN.size + length - before - captured
            yield records.take(Record(_ETHERNET, ticks * _LAN_TICK_NS, captured, original, before, after))


def read_iptrace(stream: ByteStream) -> Iterator[Frame]:
    """AIX iptrace, versions 1.0 and 2.0."""
    version = file_header(stream, 11)[8:]
    if version not in {b"1.0", b"2.0"}:
        raise SourceError("is an iptrace capture of another version than 1.0 and 2.0")

    def first(fields: tuple[int, int, int]) -> Record:
        length, seconds, media = fields
        return Record(_ARPHRD.get(media, _UNKNOWN_LINKTYPE), seconds * _SECOND_NS, length - 22, 0, 30)

    def second(fields: tuple[int, int, int, int]) -> Record:
        length, media, seconds, ns = fields
        return Record(_ARPHRD.get(media, _UNKNOWN_LINKTYPE), seconds * _SECOND_NS + ns, length - 32, 0, 40)

    return walk(stream, _IPTRACE_1, first) if version == b"1.0" else walk(stream, _IPTRACE_2, second)


FORMATS: Mapping[bytes, Callable[[ByteStream], Iterator[Frame]]] = {
    b"XCP\0": read_netxray,
    b"\x05VNF": read_visual,
    b"\xaa\xaa\xaa\xaa": read_5views,
    b"Obse": read_observer,
    b"TRSN": read_sniffer,
    b"\x01\x10\x4c\0": read_lanalyzer,
    b"iptr": read_iptrace,
}
