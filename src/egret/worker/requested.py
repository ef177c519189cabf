"""Requests of plain HTTP that are counted and not told: of names that nothing is known about, to nobody's servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from egret.decode import httpdns
from egret.model import Kind, NamedBy, Protocol, Transport
from egret.worker.engine import Truths, truths

MAX_KNOWN = 1 << 16  # names, and servers


class Requested:
    """What is asked before a plain request is passed over. The compiled gate looks into its tables itself.

    Args:
        clients: whether an address is a client of ours, as far as it was asked.
        watched: clients of whom everything matters that they do.
        named: whether a name, or one of its resolvers, is known.
        special: whether the server at an address and a port is anything whatever it is called.
        is_client: whether an address is a client of ours.
        counts: where names and connections are counted, under the pipeline's keys.
    """

    def __init__(
        self,
        clients: Truths,
        watched: Collection[bytes],
        named: Callable[[str], bool],
        special: Callable[[bytes, int], bool],
        is_client: Callable[[bytes], bool],
        counts: Counter[tuple[str, ...]],
    ) -> None:
        self._named = named
        self._special = special
        self._is_client = is_client
        self._counts = counts
        self.watched = watched
        self.clients = clients
        self.hosts = truths(MAX_KNOWN)  # whether nothing is known of it, and nobody can be asked for addresses there
        self.servers = truths(MAX_KNOWN)  # address and port: whether it is special, or can be asked
        self.names = self.connections = 0  # counted and not settled
        self.elsewhere: Callable[[], tuple[int, int]] = lambda: (0, 0)  # the same of who looks into the tables

    def passes(self, host: bytes, ends: bytes) -> bool | None:
        """Whether the client of a request is ours that names *host*; None if it must be told."""
        plain = self.hosts.get(host)
        if plain is None:
            name = host.decode("ascii")
            plain = remember(self.hosts, host, not (self._named(name) or httpdns.is_host(name)))
        size = (len(ends) - 4) // 2
        client, server = ends[:size], ends[size:-4] + ends[-2:]
        if not plain or client in self.watched:
            return None
        special = self.servers.get(server)
        if special is None:
            ip, port = server[:-2], int.from_bytes(server[-2:])
            special = remember(self.servers, server, httpdns.is_server(ip) or self._special(ip, port))
        if special:
            return None
        ours = self.clients.get(client)
        return remember(self.clients, client, self._is_client(client)) if ours is None else ours

    def begins(self, host: bytes, ends: bytes) -> bool:
        """Count a connection's first request and say True; or False, and it must be told.

        Args:
            host: that it names, a plain one.
            ends: of the client's direction, as in a frame.
        """
        ours = self.passes(host, ends)
        if ours is None:
            return False
        self.names += 1
        self.connections += ours
        return True

    def goes_on(self, host: bytes, before: bytes, ends: bytes) -> bool:
        """The same of a later one; *before* is the host that the last one named."""
        if self.passes(host, ends) is None:
            return False
        self.names += host != before
        return True

    def forget(self) -> None:
        """Ask anew about everything, but for who our clients are."""
        self.hosts.clear()
        self.servers.clear()

    def settle(self) -> None:
        """Add to the counts what was taken since the last time."""
        names, connections = self.elsewhere()
        for key, number in (
            (("names", Protocol.HTTP, Kind.REQUEST), self.names + names),
            (("connections", Transport.TCP, NamedBy.HTTP), self.connections + connections),
        ):
            if number:
                self._counts[key] += number
        self.names = self.connections = 0


def remember(table: Truths, key: bytes, value: bool) -> bool:
    """Keep in a table of at most ``MAX_KNOWN`` keys that something is so, or not; which of both."""
    if len(table) >= MAX_KNOWN:
        table.clear()
    table[key] = value
    return value
