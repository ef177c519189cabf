"""Which clients an entry of the configuration means: networks, hardware addresses, names."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from egret.model import ClientIdentity


class Selector:
    """Networks, hardware addresses and names of static clients, ready to match.

    Args:
        members: as text: CIDR, ``02:00:5e:10:00:01``, or a name.
    """

    def __init__(self, members: Iterable[str]) -> None:
        self._networks: list[tuple[int, int, int]] = []  # bytes of the address family, network, shift
        self._words: set[str] = set()
        for member in members:
            network = _network(member)
            if network is None:
                self._words.add(member)
            else:
                shift = network.max_prefixlen - network.prefixlen
                width = network.max_prefixlen // 8
                self._networks.append((width, int(network.network_address) >> shift, shift))

    def covers(self, ip: bytes) -> bool:
        """Whether a network of it holds the packed address."""
        if not self._networks:
            return False
        width, number = len(ip), int.from_bytes(ip)
        return any(width == size and number >> shift == network for size, network, shift in self._networks)

    def matches(self, client: ClientIdentity) -> bool:
        """Whether it means *client*; a name counts only where the operator gave it."""
        return self.covers(client.ip) or self.has(client.mac) or (client.is_declared and self.has(client.name))

    def has(self, word: str | None) -> bool:
        """Whether a hardware address or a name is among its members."""
        return word is not None and word in self._words


def _network(member: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(member)
    except ValueError:  # a hardware address, or a name
        return None
