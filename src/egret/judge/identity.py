"""Who a client is: the question, and the answer where nothing is known but an address."""

from __future__ import annotations

from typing import Protocol

from egret.model import ClientIdentity
from egret.names import address_text


class Directory(Protocol):
    """What knows the clients."""

    def identify(self, ip: bytes, time_ns: int) -> ClientIdentity:
        """Who used the packed address *ip* at event time *time_ns*; total."""
        ...

    def addresses_of(self, client: str, time_ns: int) -> frozenset[str]:
        """Every address of one client, as text: *client* is an address, a name, a hardware address or a key.

        An address that nobody knows is its own; a name that nobody knows has none.
        """
        ...


def unknown_client(ip: bytes) -> ClientIdentity:
    """The identity of a client of which only the address is known."""
    return ClientIdentity(key=f"ip:{address_text(ip)}", ip=ip)


def is_unknown(client: ClientIdentity) -> bool:
    """Whether nothing tells the client from its address."""
    return client.key.startswith("ip:")
