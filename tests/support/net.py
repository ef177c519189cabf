"""Packets and captures for tests: scapy builds them, so that what is tested did not also write them."""

from __future__ import annotations

import gzip
import ipaddress
import struct
from pathlib import Path
from typing import Any

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet as ScapyPacket

from egret.decode.packet import Packet, decode_packet
from egret.errors import DecodeError, Truncated
from egret.model import Frame

CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
CLIENT6, SERVER6 = "2001:db8::10", "2001:db8:1::20"
HELLO = b"the payload"
TIME_NS = 1_700_000_000_123_456_789


def ether() -> ScapyPacket:
    """An Ethernet header with fixed addresses, so that scapy resolves none."""
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def tcp(payload: bytes = b"", *, sport: int = 40000, dport: int = 443, seq: int = 1, flags: str = "PA") -> ScapyPacket:
    return IP(src=CLIENT, dst=SERVER) / TCP(sport=sport, dport=dport, seq=seq, flags=flags) / payload


def udp(payload: bytes = b"", *, sport: int = 40000, dport: int = 53) -> ScapyPacket:
    return IP(src=CLIENT, dst=SERVER) / UDP(sport=sport, dport=dport) / payload


def udp6(payload: bytes = b"", *, sport: int = 40000, dport: int = 53) -> ScapyPacket:
    return IPv6(src=CLIENT6, dst=SERVER6) / UDP(sport=sport, dport=dport) / payload


def frame(packet: ScapyPacket | bytes, linktype: int = 1, *, time_ns: int = TIME_NS, cut: int = 0) -> Frame:
    """A captured frame; *cut* bytes are missing from its end, as by a snap length."""
    data = bytes(packet)
    return Frame(time_ns, linktype, memoryview(data[: len(data) - cut]), len(data))


def decoded(*arguments: Any, **options: Any) -> Packet:
    """The packet in ``frame(...)``; there must be one."""
    packet = decode_packet(frame(*arguments, **options))
    assert packet is not None
    return packet


def ip(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def pcap_bytes(frames: list[bytes], *, order: str = "<", magic: int = 0xA1B2C3D4, linktype: int = 1) -> bytes:
    """A classic pcap file; packet *i* is from second *i*, fraction 7."""
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)]
    for second, data in enumerate(frames):
        parts += [struct.pack(order + "IIII", second, 7, len(data), len(data)), data]
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """One pcapng block."""
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(linktype: int = 1, options: bytes = b"", order: str = "<", snaplen: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(data: bytes, units: int = 0, number: int = 0, order: str = "<") -> bytes:
    """An Enhanced Packet Block; *units* is the time as the interface counts it."""
    head = struct.pack(order + "IIIII", number, units >> 32, units & 0xFFFFFFFF, len(data), len(data))
    return block(6, head + data, order)


def write(path: Path, data: bytes, *, packed: bool = False) -> str:
    path.write_bytes(gzip.compress(data) if packed else data)
    return str(path)


def assert_every_cut_is_read(data: bytes, linktype: int = 1) -> None:
    """Cut by any snap length, the packet of CLIENT's HELLO is what is left of it, or the frame is truncated."""
    for cut in range(len(data)):
        try:
            packet = decode_packet(frame(data, linktype, cut=cut))
        except Truncated:
            continue
        except DecodeError:
            raise AssertionError(f"cut by {cut}") from None
        if packet is not None and packet.source.port == 40000:
            assert HELLO.startswith(bytes(packet.payload))
            assert packet.wire_payload_length == len(HELLO)
