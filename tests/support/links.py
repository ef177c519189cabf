"""An Ethernet frame's packet behind the headers of other links."""

from __future__ import annotations

from collections.abc import Callable

_ETHERNET, _TYPE = slice(0, 12), slice(12, 14)
_MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2"


def _tagged(*tags: bytes) -> Callable[[bytes], bytes]:
    return lambda frame: frame[_ETHERNET] + b"".join(tag + b"\0\7" for tag in tags) + frame[12:]


def pppoe(frame: bytes) -> bytes:
    protocol = b"\0\x21" if frame[_TYPE] == b"\x08\0" else b"\0\x57"
    session = b"\x11\0\0\7" + (len(frame) - 12).to_bytes(2) + protocol
    return frame[_ETHERNET] + b"\x88\x64" + session + frame[14:]


def bare(frame: bytes) -> bytes:
    return frame[14:]


def null(frame: bytes) -> bytes:
    family = 2 if frame[_TYPE] == b"\x08\0" else 30
    return family.to_bytes(4, "little") + frame[14:]


def loop(frame: bytes) -> bytes:
    return (2 if frame[_TYPE] == b"\x08\0" else 24).to_bytes(4) + frame[14:]


def cooked(frame: bytes) -> bytes:
    return b"\0\0\0\1\0\6" + frame[6:12] + b"\0\0" + frame[12:]


def cooked_tagged(frame: bytes) -> bytes:
    return b"\0\4\0\1\0\6" + frame[6:12] + b"\0\0\x81\0\0\7" + frame[12:]


def cooked_2(frame: bytes) -> bytes:
    return frame[_TYPE] + b"\0\0\0\0\0\2\0\1\0\6" + frame[6:12] + b"\0\0" + frame[14:]


def mpls(frame: bytes) -> bytes:
    return frame[_ETHERNET] + b"\x88\x47\0\x06\x40\x40\0\x06\x51\x40" + frame[14:]


def within(protocol: int, body: bytes) -> bytes:
    """A packet between the ends of a tunnel, in a frame."""
    head = b"\x45\0" + (20 + len(body)).to_bytes(2) + b"\0\7\0\0\x40" + bytes([protocol]) + b"\0\0"
    return _MACS + b"\x08\0" + head + b"\xc6\x33\x64\1\xc6\x33\x64\2" + body


def in_udp(port: int, body: bytes) -> bytes:
    return within(17, b"\xc3\x50" + port.to_bytes(2) + (8 + len(body)).to_bytes(2) + b"\0\0" + body)


def gre(flags: int, number: int, body: bytes) -> bytes:
    return within(47, flags.to_bytes(2) + number.to_bytes(2) + bytes(4 * flags.bit_count()) + body)


def gtp(frame: bytes) -> bytes:
    return in_udp(2152, b"\x30\xff" + (len(frame) - 14).to_bytes(2) + b"\0\0\0\7" + frame[14:])


def six(frame: bytes) -> bytes:
    """IP in IPv6."""
    head = b"\x60\0\0\0" + (len(frame) - 14).to_bytes(2) + (b"\x29" if frame[14] >> 4 == 6 else b"\4") + b"\x40"
    return _MACS + b"\x86\xdd" + head + bytes(32) + frame[14:]


# Tunnels; a packet that is too small for anything is left where it is.
TUNNELS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "mpls": (1, mpls),
    "gre": (1, lambda frame: gre(0, int.from_bytes(frame[_TYPE]), frame[14:])),
    "gre with a key": (1, lambda frame: gre(0x3000, int.from_bytes(frame[_TYPE]), frame[14:])),
    "gre with a check": (1, lambda frame: gre(0x8000, int.from_bytes(frame[_TYPE]), frame[14:])),
    "bridged in gre": (1, lambda frame: gre(0x2000, 0x6558, frame)),
    "erspan": (1, lambda frame: gre(0, 0x88BE, frame)),
    "erspan 2": (1, lambda frame: gre(0x1000, 0x88BE, bytes(8) + frame)),
    "ip in ip": (1, lambda frame: within(41 if frame[14] >> 4 == 6 else 4, frame[14:])),
    "ip in ipv6": (1, six),
    "vxlan": (1, lambda frame: in_udp(4789, b"\x08\0\0\0\0\0\7\0" + frame)),
    "gtp-u": (1, gtp),
    "gre in vxlan": (1, lambda frame: in_udp(8472, b"\x08\0\0\0\0\0\7\0" + gre(0, 0x0800, frame[14:]))),
}

# A link's name, its type, and what makes a frame of it from one of Ethernet; each is plain enough for the gate.
LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "ethernet": (1, bytes),
    "vlan": (1, _tagged(b"\x81\0")),
    "two vlans": (1, _tagged(b"\x88\xa8", b"\x81\0")),
    "pppoe": (1, pppoe),
    "pppoe in a vlan": (1, lambda frame: _tagged(b"\x81\0")(pppoe(frame))),
    "bare": (101, bare),
    "bare, of BSD": (12, bare),
    "null": (0, null),
    "loop": (108, loop),
    "cooked": (113, cooked),
    "cooked, with a tag": (113, cooked_tagged),
    "cooked 2": (276, cooked_2),
    **TUNNELS,
}
