"""An Ethernet frame's packet behind the headers of other links."""

from __future__ import annotations

from collections.abc import Callable

_ETHERNET, _TYPE = slice(0, 12), slice(12, 14)


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
}
