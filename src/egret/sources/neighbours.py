"""The kernel's neighbour table (ARP and NDP): which addresses belong to one device.

Ref: rtnetlink(7), RTM_GETNEIGH; linux/neighbour.h.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from egret.errors import SourceError
from egret.judge.devices import MAX_NEIGHBOURS, mac_text
from egret.sources import netlink

GET_NEIGHBOUR = 30
_ENTRY = struct.Struct("=BxxxiHBB")  # struct ndmsg: family, interface, state, flags, type
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg
_DESTINATION, _LINK_ADDRESS = 1, 2  # NDA_DST, NDA_LLADDR
_GATEWAY = 5  # RTA_GATEWAY
_KNOWN = 0x02 | 0x04 | 0x08 | 0x10 | 0x80  # reachable, stale, delay, probe, permanent: it had an answer once
_PROXY = 0x08  # NTF_PROXY: we answer for it
_WIDTHS = {2: 4, 10: 16}  # AF_INET, AF_INET6


class Neighbours(NamedTuple):
    """The table as it is now."""

    entries: dict[bytes, str]  # hardware address by packed address
    routers: frozenset[str]  # hardware addresses of the default routes' next hops


def read_neighbours() -> Neighbours:
    """Read the table of the network namespace we are in; needs no right.

    Raises:
        SourceError: the kernel does not answer.
    """
    try:
        return neighbours(
            list(netlink.dump(GET_NEIGHBOUR, bytes(_ENTRY.size))),
            list(netlink.dump(netlink.GET_ROUTE, bytes(_ROUTE.size))),
        )
    except OSError as error:
        raise SourceError(f"the neighbour table cannot be read: {error.strerror or error}") from None


def neighbours(entries: list[bytes], routes: list[bytes]) -> Neighbours:
    """Put the kernel's messages together.

    Args:
        entries: bodies of RTM_NEWNEIGH.
        routes: bodies of RTM_NEWROUTE.
    """
    found: dict[bytes, str] = {}
    for body in entries:
        entry = _entry(body)
        if entry is not None and len(found) < MAX_NEIGHBOURS:
            found[entry[0]] = entry[1]
    hops = {gateway for body in routes if (gateway := _default_gateway(body)) is not None}
    return Neighbours(found, frozenset(found[hop] for hop in hops if hop in found))


def _entry(body: bytes) -> tuple[bytes, str] | None:
    if len(body) < _ENTRY.size:
        return None
    family, _interface, state, flags, _type = _ENTRY.unpack_from(body)
    known = netlink.attributes(body, _ENTRY.size)
    ip, mac = known.get(_DESTINATION, b""), mac_text(known.get(_LINK_ADDRESS, b""))
    if mac is None or len(ip) != _WIDTHS.get(family) or not state & _KNOWN or flags & _PROXY:
        return None
    return ip, mac


def _default_gateway(body: bytes) -> bytes | None:
    if len(body) < _ROUTE.size:
        return None
    family, prefix, *_ = _ROUTE.unpack_from(body)
    return netlink.attributes(body, _ROUTE.size).get(_GATEWAY) if prefix == 0 and family in _WIDTHS else None
