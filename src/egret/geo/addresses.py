"""Which addresses have a place, and which of them stand for another address.

Tables and no ``ipaddress.is_private``: its answers changed between Python releases.
"""

from __future__ import annotations

import ipaddress

_RESERVED_V4 = (  # IANA IPv4 Special-Purpose Address Registry, what is not globally reachable; and multicast
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",  # RFC 6598, carrier-grade NAT
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",  # RFC 5737, documentation
    "192.168.0.0/16",
    "198.18.0.0/15",  # RFC 2544, benchmarks
    "198.51.100.0/24",  # RFC 5737
    "203.0.113.0/24",  # RFC 5737
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_RESERVED_V6 = (  # inside 2000::/3; everything outside of it is reserved as well
    "2001::/23",  # RFC 2928, protocol assignments; Teredo is read before this is asked
    "2001:db8::/32",  # RFC 3849, documentation
    "3fff::/20",  # RFC 9637, documentation
)
_GLOBAL_V6 = 0b001  # RFC 4291 section 2.4: the first three bits of a global unicast address


def _masks(networks: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    parsed = [ipaddress.ip_network(network) for network in networks]
    return tuple((int(net.netmask), int(net.network_address)) for net in parsed)


_V4 = _masks(_RESERVED_V4)
_V6 = _masks(_RESERVED_V6)
_MAPPED = bytes(10) + b"\xff\xff"
_NAT64 = b"\x00\x64\xff\x9b" + bytes(8)
_SIX_TO_FOUR = b"\x20\x02"
_TEREDO = b"\x20\x01\x00\x00"


def embedded(ip: bytes) -> bytes:
    """The IPv4 address that an IPv6 address stands for, or *ip* itself.

    IPv4-mapped (RFC 4291 2.5.5.2), NAT64 with the well-known prefix (RFC 6052 2.1), 6to4 (RFC 3056 2), and the client
    of a Teredo address, whose bits are inverted (RFC 4380 4).
    """
    if len(ip) != 16:
        return ip
    if ip.startswith((_MAPPED, _NAT64)):
        return ip[12:]
    if ip.startswith(_SIX_TO_FOUR):
        return ip[2:6]
    if ip.startswith(_TEREDO):
        return bytes(byte ^ 0xFF for byte in ip[12:])
    return ip


def is_reserved(ip: bytes) -> bool:
    """Whether *ip* (4 or 16 bytes, ``embedded`` already) is private, local, multicast, documentation or unassigned."""
    value = int.from_bytes(ip, "big")
    if len(ip) == 4:
        return any(value & mask == network for mask, network in _V4)
    return value >> 125 != _GLOBAL_V6 or any(value & mask == network for mask, network in _V6)
