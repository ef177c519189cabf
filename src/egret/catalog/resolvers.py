"""Encrypted resolvers that are not run from the PRC: no signature, no alert, but a gap in what DNS shows."""

from __future__ import annotations

from collections.abc import Iterable

from egret.value import Struct


class Resolver(Struct, frozen=True, kw_only=True):
    """One operator's encrypted resolvers or relays."""

    operator: str
    country: str | None  # of the operator, where it is known
    names: tuple[str, ...] = ()  # each with everything below it
    addresses: tuple[bytes, ...] = ()  # packed


class Resolvers:
    """Finds the resolver that a name or an address belongs to; of two that claim one, the first has it."""

    def __init__(self, resolvers: Iterable[Resolver]) -> None:
        self.resolvers = tuple(resolvers)
        self._names: dict[str, Resolver] = {}
        self._addresses: dict[bytes, Resolver] = {}
        for resolver in self.resolvers:
            for name in resolver.names:
                self._names.setdefault(name, resolver)
            for address in resolver.addresses:
                self._addresses.setdefault(address, resolver)

    def by_name(self, name: str) -> Resolver | None:
        """The resolver of the canonical *name*, or of a name above it."""
        while name:
            if found := self._names.get(name):
                return found
            name = name.partition(".")[2]
        return None

    def by_address(self, ip: bytes) -> Resolver | None:
        """The resolver at the packed address *ip*."""
        return self._addresses.get(ip)
