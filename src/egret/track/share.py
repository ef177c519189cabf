"""One capture, read by several processes: whose its frames are.

Every process goes over all frames, and each takes the connections of the servers that fall to it. What one connection
says must mean the same to all of them, so whatever teaches something about others is taken by every process: look-ups,
and each frame that is not of the plainest shape (fragments, odd tunnels), for only who opened it knows whose it is.
What is said of those, is said by one: by the first of look-ups, else by whom the packet falls to. Connections to known
servers of HTTPDNS are followed by all as well.

A server is told by the lower port, so that both directions of a connection, and all flagged connections to an address
whose bytes are counted together, are one process's.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from egret.decode.httpdns import NETWORKS, is_server
from egret.decode.link import ETHERNET
from egret.decode.plain_link import Buffer, ip_in
from egret.decode.tunnel import UDP_PORTS
from egret.model import Endpoint

EVERYONE, FOLLOWED = -1, -2
DNS_PORT, HTTP_PORT = 53, 80
PORTS = sum(1 << port for port in (*UDP_PORTS, DNS_PORT)).to_bytes(65536 // 8, "little")  # a bit for each; as in C

SERVERS = b"".join(  # of HTTPDNS: of each network the size of an address, the first one and the mask; for C
    bytes([len(each.network_address.packed)]) + each.network_address.packed + each.netmask.packed for each in NETWORKS
)
HEAD = 40 + 20  # bytes of a packet: as much as ports and a datagram's first bytes can be behind

_TCP, _UDP = 6, 17
_SMALLEST_6 = 40 + 20
_HEADER_4, _HEADER_6 = Struct("!BxHxxHxB2x"), Struct("!4xHB")
_PORT_PAIR, _U16 = Struct("!HH"), Struct("!H")
_WORDS = {4: Struct("!I"), 16: Struct("!4I")}
_GOLDEN, _MASK = 0x9E3779B1, 0xFFFFFFFF
_DATAGRAM_HEADER, _COUNTS_AT = 8, 4  # of UDP; of DNS, where a look-up's one question is


class Share(NamedTuple):
    """One of several processes."""

    number: int  # from 0
    of: int

    def has(self, one: Endpoint, other: Endpoint) -> bool:
        """Whether a connection between two ends falls to it."""
        return owner_of(one, other, self.of) == self.number

    def whose(self, buffer: Buffer, start: int, end: int, linktype: int = ETHERNET) -> int:
        """The process that alone has the frame at ``buffer[start:end]``, or EVERYONE, or FOLLOWED."""
        found = ip_in(buffer, start, end, linktype)
        if found is None:
            return EVERYONE
        at, end = found
        return owner_of_packet(bytes(buffer[at : min(end, at + HEAD)]), end - at, self.of)


def is_followed(one: Endpoint, other: Endpoint) -> bool:
    """Whether all follow a TCP connection between two ends: HTTPDNS tells clients addresses."""
    return any(end.port == HTTP_PORT and is_server(end.ip) for end in (one, other))


def owner_of(one: Endpoint, other: Endpoint, of: int) -> int:
    """To which of so many processes a connection between two ends falls."""
    ends = [end for end in (one, other) if end.port == min(one.port, other.port)]
    total = sum(sum(_WORDS[len(end.ip)].unpack(end.ip)) for end in ends)
    return ((total * _GOLDEN & _MASK) >> 16) % of


def owner_of_packet(head: bytes, size: int, of: int) -> int:
    """The process that alone has a packet of IP, or EVERYONE, or FOLLOWED. ``native/share.c`` is the same.

    Args:
        head: its first HEAD bytes, or as many as there are: at least ``plain_link.SMALLEST``.
        size: of all that was captured of it.
        of: how many processes there are.
    """
    first, total, fragment, protocol = _HEADER_4.unpack_from(head)
    if first == 0x45 and not fragment & 0x3FFF:
        length, addresses, width = total - 20, 12, 4
    elif first >> 4 == 6 and size >= _SMALLEST_6:
        length, protocol = _HEADER_6.unpack_from(head)
        addresses, width = 8, 16
    else:
        return EVERYONE
    body = addresses + 2 * width
    source, destination = _PORT_PAIR.unpack_from(head, body)
    if protocol == _TCP:
        own = 20 <= head[body + 12] >> 2 & 0x3C <= length and DNS_PORT not in {source, destination}
    else:
        own = protocol == _UDP and _is_own_datagram(head[body:], length, source, destination)
    if not own:
        return EVERYONE
    ends = Endpoint(head[addresses : addresses + width], source), Endpoint(head[addresses + width : body], destination)
    return FOLLOWED if protocol == _TCP and is_followed(*ends) else owner_of(*ends, of)


def _is_own_datagram(datagram: bytes, length: int, source: int, destination: int) -> bool:
    """Whether it is whole, and can be no look-up and no tunnel."""
    (size,) = _U16.unpack_from(datagram, 4)
    if not _DATAGRAM_HEADER <= size <= length or DNS_PORT in {source, destination}:
        return False
    counts = datagram[_DATAGRAM_HEADER + _COUNTS_AT :][:2]
    return source not in UDP_PORTS and destination not in UDP_PORTS and counts != b"\0\1"
