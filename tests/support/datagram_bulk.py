"""What goes over UDP besides look-ups and hellos, and what only looks like it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from bench.workloads import udp_datagram
from egret.decode.quic_keys import KNOWN_VERSIONS

PORTS = (443, 3478, 4789, 53, 6081, 5353, 2152)
BETWEEN = ((5353, 5353), (5353, 53), (137, 4789), (5355, 443), (50_000, 137))
STARTS = (
    b"\x40",
    b"\x4d",  # as Google's QUIC begins, without a version
    b"\x49" + bytes(8) + b"Q043",
    b"\x4b" + bytes(8) + b"Q043",  # a reset
    b"\x40\0\0\0\0\1",  # as much as a question has
    b"\x80\x60",  # RTP
    b"\x90\0\1",
    b"\x80Q046",
    b"\xc3\0\0\0\1",
    b"\xc3\x9a\xbc\xde\xf0",
    b"\xe1\0\0\0\1\0\0\x40\x05",  # a Handshake packet
    b"\xd1\0\0\0\1\x02ab\0\x05",  # 0-RTT
    b"\xe1\0\0\0\1\0\0\1x\xe1\0\0\0\1\x01a\0\x02",
    b"\xe1\0\0\0\1\0\0\1x\xc1\0\0\0\1\x01a\0\x02",
    b"\x16\xfe\xfd",  # DTLS
    b"\x17\xfe\xfd",
    b"\1\1",  # STUN
    b"\1\0\0\0\x16\xfe\xff",  # WireGuard, or CAPWAP and DTLS
    b"\4\0\0\0",
    b"\1\0\x12\x34",  # torrents
    b"\x08\0\0\0\0\0\7",  # tunnels, or nearly
    b"\x30\xff\0\x08",
    b"\0\0\x08\0\0\0\7\0",
    b"\1\0\0\0\x16\xfe\xfd",
    b"\xc7\x9a\xbc\xde\xf0\x14",  # noise that looks like a long header, and that does not
    b"\xf7\x9a\xbc\xde\xf0\x15",
    b"\xd7\0\0\xde\xf0\xff",
    *(b"\x80" + version.to_bytes(4) for version in (0, 2, *sorted(KNOWN_VERSIONS)[::7])),
)


def datagrams(clients: tuple[int, ...] = (1, 3)) -> Iterator[bytes]:
    """Each of them, of several lengths and between several ends, in both directions."""
    for last, start, port, size in product(clients, STARTS, PORTS, (0, 6, 7, 30, 1200)):
        payload = (start + bytes([last]) * size)[:size]
        ends = (0xC0000200 | last, 0xCB007100 | last)
        yield udp_datagram(*ends, 50_000, port, payload)
        yield udp_datagram(*ends[::-1], port, 50_000, payload)
    for last, ends, size in product(clients, BETWEEN, (5, 12, 60)):
        yield udp_datagram(0xC0000200 | last, 0xCB007100 | last, *ends, (bytes(5) + b"\1" + bytes(60))[:size])
