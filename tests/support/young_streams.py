"""The rules of the filter that remembers, as plainly as they can be said: its oracle. And segments to ask it about."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import NamedTuple

from tests.support.hello import ip_packet
from tests.support.wraps import WRAPS, Wrap

SYN, FIN, RST, ACK = 2, 1, 4, 16
YOUNG = 16_384
REQUESTS = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI ")
WAYS: dict[str, Wrap] = {
    name: WRAPS[name]
    for name in ("Ethernet", "Ethernet, padded", "VLAN", "QinQ", "PPPoE", "IPv4 options", "IPv6 extension headers")
}


class Segment(NamedTuple):
    """One TCP segment."""

    source: str
    destination: str
    sport: int
    dport: int
    seq: int
    flags: int
    payload: bytes

    def packet(self) -> bytes:
        head = struct.pack("!HHIIBBHHH", self.sport, self.dport, self.seq, 1, 0x50, self.flags, 8192, 0, 0)
        return ip_packet(self.source, self.destination, 6, head + self.payload)

    def frame(self, way: str = "Ethernet") -> bytes:
        return WAYS[way].wrap(self.packet())


class Remembering:
    """What passes, by the rules of ``egret.sources.ebpf.young``; it never forgets a stream."""

    def __init__(self) -> None:
        self._began: dict[tuple[bytes, bytes, int, int], int] = {}

    def passes(self, segment: Segment) -> bool:
        source, destination = (ip_address(each).packed for each in segment[:2])
        stream = (source, destination, segment.sport, segment.dport)
        reverse = (destination, source, segment.dport, segment.sport)
        payload = segment.payload
        if segment.flags & SYN:
            if not segment.flags & ACK:
                self._began[stream] = (segment.seq + 1) % 2**32
            return True
        if segment.flags & (FIN | RST) or 53 in stream[2:]:
            return True
        if not payload:
            return False
        began = self._began.get(stream)
        if began is not None and -YOUNG <= (segment.seq - began + 2**31) % 2**32 - 2**31 < YOUNG:
            return True
        if len(payload) >= 8:
            if payload[:4] in REQUESTS or (payload[:2] == b"\x16\x03" and payload[5] == 1):
                self._began[stream] = segment.seq
                return True
            if payload[:4] == b"HTTP" or payload[:2] == b"\x16\x03":
                return True
        if began is not None or segment.sport <= segment.dport or reverse in self._began:
            return False
        self._began[stream] = segment.seq
        return True
