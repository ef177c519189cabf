"""The suppress list: what the operator does not want to hear about, and until when."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from egret.model import Detection, Signature
from egret.value import Struct


class Suppression(Struct, frozen=True, kw_only=True):
    """One entry; a field that is None matches everything."""

    client: str | None = None  # address or subnet
    service: str | None = None  # signature id, service title or vendor; case does not matter
    until_ns: int | None = None  # event time from which it no longer holds
    reason: str = ""


class _Rule(Struct, frozen=True):
    version: int | None  # of the address family; None: any client
    network: int
    shift: int
    service: str | None
    until_ns: int | None


class SuppressList:
    """Entries made ready to match.

    Raises:
        ValueError: a client is neither an address nor a subnet.
    """

    def __init__(self, entries: Iterable[Suppression] = ()) -> None:
        self._rules = tuple(_compile(entry) for entry in entries)

    def matches(self, detection: Detection) -> bool:
        """Whether an entry that still holds at the detection's time covers it."""
        if not self._rules:
            return False
        observation, signature = detection.observation, detection.match.signature
        return any(_covers(rule, observation.client.ip, signature, observation.time_ns) for rule in self._rules)


def _compile(entry: Suppression) -> _Rule:
    service = entry.service.casefold() if entry.service is not None else None
    if entry.client is None:
        return _Rule(None, 0, 0, service, entry.until_ns)
    network = ipaddress.ip_network(entry.client, strict=False)
    shift = network.max_prefixlen - network.prefixlen
    return _Rule(network.version, int(network.network_address) >> shift, shift, service, entry.until_ns)


def _covers(rule: _Rule, client: bytes, signature: Signature, time_ns: int) -> bool:
    if rule.until_ns is not None and time_ns >= rule.until_ns:
        return False
    if rule.version is not None:
        version = 4 if len(client) == 4 else 6
        if version != rule.version or int.from_bytes(client) >> rule.shift != rule.network:
            return False
    names = (signature.id, signature.service, signature.vendor)
    return rule.service is None or any(rule.service == name.casefold() for name in names)
