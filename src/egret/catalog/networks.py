"""Finds the signature of an address: the longest network that holds it and whose ports agree."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from egret.model import Match, Signature
from egret.value import Struct


class _Entry(Struct, frozen=True):
    ports: frozenset[int]  # empty: any
    match: Match


class NetworkIndex:
    """All networks of some signatures; for an equal network and port the first signature's counts.

    One dictionary per address family and prefix length, longest first: the lengths in use are few.
    """

    def __init__(self, signatures: Iterable[Signature]) -> None:
        tables: dict[tuple[int, int], dict[int, list[_Entry]]] = {}
        for signature in signatures:
            for text in signature.networks:
                network = ipaddress.ip_network(text)
                shift = network.max_prefixlen - network.prefixlen
                table = tables.setdefault((network.max_prefixlen // 8, shift), {})
                entry = _Entry(frozenset(signature.ports), Match(signature, text, None, signature.scope))
                table.setdefault(int(network.network_address) >> shift, []).append(entry)
        self._tables: dict[int, list[tuple[int, dict[int, list[_Entry]]]]] = {4: [], 16: []}
        for (size, shift), table in sorted(tables.items()):
            self._tables[size].append((shift, table))

    def find(self, ip: bytes, port: int | None) -> Match | None:
        """The match for the packed address *ip*; a *port* of None agrees with every signature."""
        number = int.from_bytes(ip)
        for shift, table in self._tables.get(len(ip), ()):
            for entry in table.get(number >> shift, ()):
                if port is None or not entry.ports or port in entry.ports:
                    return entry.match
        return None
