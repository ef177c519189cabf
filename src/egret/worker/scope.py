"""Who counts as a client of ours: the inside networks, and the machines among them that ask for others."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # RFC 6598: behind a carrier's NAT
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)


class Scope:
    """Answers whether an address is a client whose traffic we judge.

    Args:
        inside: CIDR networks of clients; None means that every address may be one (replay of a
            capture whose network nobody described).
        relays: CIDR networks of resolvers and proxies that ask on behalf of others: never blamed.
    """

    def __init__(self, inside: Iterable[str] | None = None, relays: Iterable[str] = ()) -> None:
        self._inside = None if inside is None else _networks(inside)
        self._relays = _networks(relays)
        self._cache: dict[bytes, bool] = {}

    def is_client(self, ip: bytes) -> bool:
        """Whether *ip* (packed) is inside and speaks for itself."""
        known = self._cache.get(ip)
        if known is None:
            if len(self._cache) >= 65_536:  # spoofed sources must not grow it; starting anew is cheap
                self._cache.clear()
            known = self._cache[ip] = self._decide(ip)
        return known

    def _decide(self, ip: bytes) -> bool:
        address = ipaddress.ip_address(ip)
        if any(address in network for network in self._relays):
            return False
        return self._inside is None or any(address in network for network in self._inside)


def _networks(texts: Iterable[str]) -> Sequence[Network]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
