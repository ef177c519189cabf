"""The catalogue: what it says about a name or an address."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from egret.catalog.index import HostIndex
from egret.catalog.networks import NetworkIndex
from egret.model import Match, Signature

CACHED_NAMES = 32_768  # the names of a busy day; at most 8 MB were every one of them the longest legal name


class Catalog:
    """All signatures, ready to be asked."""

    def __init__(self, signatures: Sequence[Signature], version: str) -> None:
        """Index *signatures*; where two claim the same host or network, the first in the sequence has it."""
        self.signatures: tuple[Signature, ...] = tuple(signatures)
        self.version = version
        self._by_id = {signature.id: signature for signature in self.signatures}
        self._networks = NetworkIndex(self.signatures)
        self._find = lru_cache(CACHED_NAMES)(HostIndex(self.signatures).find)

    def match_name(self, name: str) -> Match | None:
        """What the most specific host pattern says about *name* (canonical: see ``egret.names``)."""
        return self._find(name)

    def match_address(self, ip: bytes, port: int | None) -> Match | None:
        """What the longest network says about the packed address *ip*; a *port* of None agrees with every one."""
        return self._networks.find(ip, port)

    def get(self, signature_id: str) -> Signature | None:
        """The signature with this id."""
        return self._by_id.get(signature_id)
