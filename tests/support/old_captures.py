"""Captures in the formats of old analysers, as their writers lay them out; Ethernet, one packet a second."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

START_S = 1_700_000_000
_DATE = (2023, 11, 2, 14, 22, 13, 20, 0)  # START_S in UTC, as Windows writes it


def netmon(packets: Sequence[bytes], version: tuple[int, int] = (2, 0), network: int = 1, trailer: int = 1) -> bytes:
    major, minor = version
    tail = {(2, 1): 2, (2, 2): 15, (2, 3): 15}.get(version, 0)
    body = b""
    for second, data in enumerate(packets):
        sizes = (len(data) + 9, len(data))
        head = struct.pack("<IHH", second * 1000, *sizes) if major == 1 else struct.pack("<QII", second * 10**6, *sizes)
        body += head + data + struct.pack("<H13x", trailer)[:tail]
    magic = b"RTSS" if major == 1 else b"GMBU"
    header = magic + struct.pack("<BBH8H2I", minor, major, network, *_DATE, 128 + len(body), 4)
    return header.ljust(128, b"\0") + body + b"the frame table"


def netxray(packets: Sequence[bytes], version: bytes = b"002.001", size: int = 40) -> bytes:
    header = b"XCP\0" + version + b"\0" + struct.pack("<IIII", START_S, len(packets), 0, 132)
    parts = [header.ljust(132, b"\0")]
    for second, data in enumerate(packets):
        parts.append(struct.pack("<QHH", second * 10**6, len(data) + 9, len(data)).ljust(size, b"\0") + data)
    return b"".join(parts)


def visual(packets: Sequence[bytes]) -> bytes:
    parts = [(b"\x05VNF" + struct.pack("<IIH", len(packets), START_S, 6)).ljust(192, b"\0")]
    for second, data in enumerate(packets):
        parts.append(struct.pack("<IHH12x", second * 1000, len(data) + 9, len(data)) + data)
    return b"".join(parts)


def five_views(packets: Sequence[bytes]) -> bytes:
    parts = [b"\xaa\xaa\xaa\xaa".ljust(56, b"\0")]
    for second, data in enumerate(packets):
        fields = struct.pack("<HHIIIIIII", 36, 0x4000, 1 << 31, 0, len(data), second, START_S + second, 0, 0)
        parts.append(b"\xee\xee\x33\x33" + fields + data)
    return b"".join([*parts, bytes(36)])


def observer(packets: Sequence[bytes]) -> bytes:
    parts = [b"ObserverPktBufferVersion=15.00".ljust(32, b"\0") + struct.pack("<H", 40) + bytes(6)]
    for second, data in enumerate(packets):
        time_ns = (START_S - 946_684_800 + second) * 10**9
        sizes = (len(data), len(data) + 9 + 4, 48, 48 + len(data) + 3)
        parts.append(struct.pack("<IIHHHH24xQ", 0x88888888, 10**6, *sizes, time_ns) + data + b"pad")
    return b"".join([*parts, bytes(48)])


def sniffer(packets: Sequence[bytes], packing: int = 1, date: int = 43 << 9 | 11 << 5 | 14) -> bytes:
    parts = [b"TRSNIFF data    \x1a" + struct.pack("<HHH6xHBBBB6x", 1, 18, 0, date, 4, 1, packing, 1)]
    parts.append(struct.pack("<HHH", 7, 5, 0) + b"other")
    for second, data in enumerate(packets):
        ticks = (80_000 + second) * 10**12 // 838_096 + 1
        parts.append(struct.pack("<HHH", 4, 14 + len(data), 0) + ticks.to_bytes(5, "little") + bytes(9) + data)
    return b"".join([*parts, struct.pack("<HHH", 3, 0, 0), b"behind the end"])


def lanalyzer(packets: Sequence[bytes]) -> bytes:
    parts = [b"\x01\x10\x4c\0" + bytes(76)]
    for second, data in enumerate(packets):
        ticks = (START_S + second) * 2_000_000
        clock = struct.pack("<Q", ticks)[:6]
        head = struct.pack("<4xHH", len(data) + 9, len(data)) + clock + bytes(18)
        parts.append(struct.pack("<HH", 0x1005, 32 + len(data)) + head + data)
    return b"".join(parts)


def iptrace(packets: Sequence[bytes], version: bytes = b"2.0") -> bytes:
    parts = [b"iptrace " + version]
    for second, data in enumerate(packets):
        if version == b"1.0":
            parts.append(struct.pack("!II20xBx", 22 + len(data), START_S + second, 6) + data)
        else:
            parts.append(struct.pack("!I24xB3xII", 32 + len(data), 6, START_S + second, 0) + data)
    return b"".join(parts)


def erf(packets: Sequence[bytes], kind: int = 2) -> bytes:
    parts = []
    for second, data in enumerate(packets):
        body = bytes(2) + data if kind == 2 else data
        head = struct.pack("<IIBB", 0, START_S + second, kind, 4) + struct.pack("!HHH", 16 + len(body), 0, len(data))
        parts.append(head + body)
    return b"".join(parts)


ANALYSERS: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "NetXRay 1": lambda packets: netxray(packets, b"001.100", 28),
    "NetXRay 2": netxray,
    "Visual": visual,
    "5View": five_views,
    "Observer": observer,
    "Sniffer": sniffer,
    "LANalyzer": lanalyzer,
    "iptrace 1.0": lambda packets: iptrace(packets, b"1.0"),
    "iptrace 2.0": iptrace,
}
