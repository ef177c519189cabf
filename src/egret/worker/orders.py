"""What a frame's bytes are as numbers of either byte order, so that whole headers are told by looking one up.

A frame goes behind its record's header, which is in the byte order of whoever wrote the file. To unpack both at once is
half of what it takes to unpack one after the other. The frame's numbers then have that order too: they are not
calculated with, but looked up in tables that were made for it.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

TCP, UDP = 6, 17
SETTLING, SYN = 0x07, 0x02  # FIN, SYN, RST; the one of them
SMALLEST_4 = 14 + 20 + 20  # a frame of TCP over IPv4
IPV4 = b"\x08\0\x45"
_SHORTEST, _LONGEST = 0x50, 0x100  # of TCP's header, in the first four bits of a byte
_NOWHERE = 1 << 17

# Of a frame: its type, and of IP the first two bytes, its length, fragment, time to live and protocol. Then of a
# segment its ends, its header's length and its flags; of a look-up its addresses, ports, length, whether it answers.
SEGMENT = "12xIH2xI2x12s8xH"
LOOKUP = "12xI2s2xI2x8sHH2s4xB"
SIZE = 48  # of the longer one


@lru_cache
def record(order: str, header: int, frame: str) -> Struct:
    """A record's header of a pcap file, and one of those frames behind it."""
    return Struct(f"{order}IIII{header - 16}x{frame}")


@lru_cache
def wholes(order: str, protocol: int) -> frozenset[int]:
    """The numbers of whole packets of a protocol."""
    number = Struct(order + "I").unpack
    return frozenset(number(bytes((bits, 0, ttl, protocol)))[0] for bits in (0, 0x40, 0x80, 0xC0) for ttl in range(256))


@lru_cache
def plain_heads(order: str) -> frozenset[int]:
    """The number of an Ethernet frame's type and the first two bytes of IPv4, without options."""
    number = Struct(order + "I").unpack
    return frozenset(number(IPV4 + bytes((service,)))[0] for service in range(256))


@lru_cache
def lengths_of(order: str) -> array[int]:
    """What a packet's length is, by the number that its two bytes are."""
    lengths = array("H", range(1 << 16))
    if order == "<":
        lengths.byteswap()
    return lengths


@lru_cache
def short_lengths(order: str) -> frozenset[int]:
    """The lengths of packets that may be too short for their headers, as those numbers."""
    lengths = lengths_of(order)
    return frozenset(lengths[length] for length in range(20 + 60))


@lru_cache
def datagram_lengths() -> dict[bytes, bytes]:
    """The length of a datagram, by that of its packet, as they lie in a frame; of those that look-ups have."""
    return {(20 + length).to_bytes(2): length.to_bytes(2) for length in range(20, 512)}


@lru_cache
def port_number(order: str, port: int) -> int:
    """The number that a port's two bytes are."""
    return lengths_of(order)[port]


@lru_cache
def places_of(order: str) -> dict[int, tuple[int, int]]:
    """Where in its frame a segment's payload is, and its flags, by its header's length and flags as one number."""
    far, near = (0, 8) if order == "<" else (8, 0)
    return {
        offset << far | flags << near: (34 + (offset >> 2), flags)
        for offset in range(_SHORTEST, _LONGEST, 16)  # what is more in it is rare
        for flags in range(256)
    }


def odd_place(offset: int, flags: int) -> tuple[int, int]:
    """The same of the rest, given those two bytes; a header that is too short leads behind every packet."""
    return 34 + (offset >> 2 & 0x3C) if offset >= _SHORTEST else _NOWHERE, flags


@lru_cache
def calm_places(order: str) -> frozenset[int]:
    """Those numbers of segments that settle nothing."""
    return frozenset(number for number, (_, flags) in places_of(order).items() if not flags & SETTLING)


class Tables(NamedTuple):
    """What the numbers of a segment are held against."""

    plain: frozenset[int]
    short: frozenset[int]
    lengths: array[int]
    calm: frozenset[int]
    places: dict[int, tuple[int, int]]
    tcp: frozenset[int]
    udp: frozenset[int]


@lru_cache
def tables(order: str) -> Tables:
    """Those of a byte order."""
    return Tables(
        plain_heads(order),
        short_lengths(order),
        lengths_of(order),
        calm_places(order),
        places_of(order),
        wholes(order, TCP),
        wholes(order, UDP),
    )


@lru_cache
def beginnings(order: str, header: int) -> dict[int, tuple[int, int, int]]:
    """Of segments that neither end nor break off a connection, by their header's length and flags as one number.

    Where the payload is, from where the record begins; the number that the packet's length is without one; the flags.
    """
    lengths = lengths_of(order)
    return {
        number: (header + at, lengths[at - 14], flags)
        for number, (at, flags) in places_of(order).items()
        if flags & SETTLING in {0, SYN}
    }
