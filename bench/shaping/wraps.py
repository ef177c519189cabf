"""Frames of Ethernet and IPv4 as other links, tunnels and captures have them."""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import Callable

from bench.shaping.frames import Frames, ip

Wrap = Callable[[bytes], bytes]

_MACS, _LINK, _UDP = 12, 14, 17
_OUTER = 0xC6336401, 0xC6336402  # between the ends of tunnels
_PREFIX = bytes.fromhex("20010db8000000000000ffff")


def each(wrap: Wrap, frames: Frames) -> Frames:
    for frame in frames:
        yield wrap(frame)


def six(frame: bytes) -> bytes:
    """The same over IPv6, with addresses that have the others in them."""
    protocol, source, destination, body = frame[23], frame[26:30], frame[30:34], frame[34:]
    head = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + _PREFIX + source + _PREFIX + destination
    return frame[:_MACS] + b"\x86\xdd" + head + body


def with_options(frame: bytes) -> bytes:
    """Over IPv6, behind a header of options for the receiver."""
    frame = six(frame)
    body = bytes([frame[20], 0, 1, 4, 0, 0, 0, 0]) + frame[54:]
    return frame[:18] + struct.pack("!HB", len(body), 60) + frame[21:54] + body


def tagged(*tags: int) -> Wrap:
    """Behind tags of these types."""
    marks = b"".join(struct.pack("!HH", tag, 100) for tag in tags)
    return lambda frame: frame[:_MACS] + marks + frame[_MACS:]


def mpls(frame: bytes) -> bytes:
    return frame[:_MACS] + b"\x88\x47\0\x06\x40\x40\0\x06\x51\x40" + frame[_LINK:]


def pppoe(frame: bytes) -> bytes:
    head = struct.pack("!BBHHH", 0x11, 0, 1, len(frame) - _LINK + 2, 0x21)
    return frame[:_MACS] + b"\x88\x64" + head + frame[_LINK:]


def gre(frame: bytes) -> bytes:
    return ip(*_OUTER, 47, b"\0\0\x08\0" + frame[_LINK:])


def erspan(frame: bytes) -> bytes:
    """As switches mirror to somewhere far."""
    return ip(*_OUTER, 47, b"\x10\0\x88\xbe" + bytes(4) + b"\x10\x01\0\x01" + bytes(4) + frame)


def ip_in_ip(frame: bytes) -> bytes:
    return ip(*_OUTER, 4, frame[_LINK:])


def six_in_four(frame: bytes) -> bytes:
    return ip(*_OUTER, 41, six(frame)[_LINK:])


def in_udp(port: int, head: Wrap, *, whole: bool) -> Wrap:
    """In datagrams to *port*, behind what *head* says of the frame, *whole* or without its link."""

    def wrap(frame: bytes) -> bytes:
        body = head(frame) + (frame if whole else frame[_LINK:])
        return ip(*_OUTER, _UDP, struct.pack("!HHHH", 50_000 + frame[29], port, 8 + len(body), 0) + body)

    return wrap


vxlan = in_udp(4789, lambda _: b"\x08\0\0\0\0\0\x01\0", whole=True)
gtp = in_udp(2152, lambda frame: struct.pack("!BBHI", 0x30, 0xFF, len(frame) - _LINK, 7), whole=False)


def with_trailer(frame: bytes) -> bytes:
    """Padded to the least that Ethernet sends, and with its check behind."""
    return frame + bytes(max(0, 60 - len(frame))) + b"\xde\xad\xbe\xef"


def without_length(frame: bytes) -> bytes:
    """As a card is given a packet that it is to cut: of the larger ones no length is said."""
    return frame[:16] + bytes(2) + frame[18:] if len(frame) > 1000 and frame[23] == 6 else frame


def with_ip_options(frame: bytes) -> bytes:
    """With a router alert."""
    total = struct.pack("!H", len(frame) - _LINK + 4)
    return frame[:_LINK] + b"\x46" + frame[15:16] + total + frame[18:34] + b"\x94\x04\0\0" + frame[34:]


def one_way(frames: Frames, *, up: bool) -> Frames:
    """What the clients say, or what they hear: they are 192.0.2.0/24."""
    for frame in frames:
        if (frame[26:29] == b"\xc0\0\2") is up:
            yield frame


def disturbed(frames: Frames, chance: random.Random, share: float) -> Frames:
    """Of these frames a *share* is lost, as many come twice, and as many some places later."""
    late: deque[tuple[int, bytes]] = deque()
    for number, frame in enumerate(frames):
        while late and late[0][0] <= number:
            yield late.popleft()[1]
        fate = chance.random() / share
        if fate < 1:
            continue
        if fate < 2:
            late.append((number + 5, frame))
            yield frame
        elif fate < 3:
            late.append((number + 5, frame))
        else:
            yield frame
