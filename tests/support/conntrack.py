"""Messages of connection tracking, as linux/netfilter/nfnetlink_conntrack.h lays them out."""

from __future__ import annotations

import struct

from egret.model import Endpoint, FlowKey, Transport

FLOW = FlowKey(Transport.UDP, Endpoint(bytes([192, 0, 2, 1]), 40000), Endpoint(bytes([203, 0, 113, 9]), 443))
SIX = FlowKey(Transport.UDP, Endpoint(b"\x20\1" + bytes(14), 40000), Endpoint(b"\x20\1" + bytes(13) + b"\2", 443))


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def tuple_of(flow: FlowKey, *, back: bool = False) -> bytes:
    """The attributes of one direction."""
    source, destination = (flow.destination, flow.source) if back else (flow.source, flow.destination)
    first = 1 if len(source.ip) == 4 else 3
    number = 17 if flow.transport is Transport.UDP else 6
    ports = attribute(1, bytes([number])) + attribute(2, struct.pack(">H", source.port))
    ports += attribute(3, struct.pack(">H", destination.port))
    addresses = attribute(first, source.ip) + attribute(first + 1, destination.ip)
    return attribute(0x8001, addresses) + attribute(0x8002, ports)


def entry(
    flow: FlowKey,
    number_of_entry: int,
    bytes_out: int,
    packets_out: int,
    bytes_in: int,
    packets_in: int,
    *,
    number: int = 1,
    reply: bytes | None = None,
    counters: bool = True,
) -> bytes:
    """An answer to the question *number* with the entry of *flow*."""
    body = bytes([2, 0, 0, 0]) + attribute(0x8001, tuple_of(flow))
    body += attribute(0x8002, tuple_of(flow, back=True) if reply is None else reply)
    body += attribute(12, struct.pack(">I", number_of_entry))
    for kind, packets, moved in ((9, packets_out, bytes_out), (10, packets_in, bytes_in)):
        both = attribute(1, struct.pack(">Q", packets)) + attribute(2, struct.pack(">Q", moved))
        body += attribute(0x8000 | kind, both) if counters else b""
    return struct.pack("=IHHII", 16 + len(body), 0x100, 0, number, 0) + body
