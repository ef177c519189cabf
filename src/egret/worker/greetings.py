"""TLS hellos that are counted and not told: of names that nothing is known about, to servers that are nobody's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container

from egret.model import Kind, NamedBy, Protocol, Transport

MAX_KNOWN = 1 << 16  # names, and servers


class Greetings:
    """What the streams ask before they tell a plain hello.

    Args:
        named: whether a name, or one of its resolvers, is known.
        special: whether the server at an address and a port is anything whatever it is called.
        is_client: whether an address is a client of ours.
        watched: clients of whom everything matters that they do.
        counts: where names and connections are counted, under the pipeline's keys.
    """

    def __init__(
        self,
        named: Callable[[str], bool],
        special: Callable[[bytes, int], bool],
        is_client: Callable[[bytes], bool],
        watched: Container[bytes],
        counts: Counter[tuple[str, ...]],
    ) -> None:
        self._named = named
        self._special = special
        self._is_client = is_client
        self._watched = watched
        self._counts = counts
        self._plain: dict[bytes, bool] = {}
        self._clients: dict[bytes, bool] = {}
        self._servers: dict[bytes, bool] = {}
        self.hosts: Container[bytes] = self._plain.keys()  # those that were asked about
        self._names = self._connections = 0

    def take(self, host: bytes, ends: bytes) -> bool:
        """Count a hello that names *host* and say True; or False, and it must be told.

        Args:
            host: a plain host name, as ``plain_server_name`` gives it.
            ends: of the client's direction, as in a frame.
        """
        plain = self._plain.get(host)
        if plain is None:
            plain = _remember(self._plain, host, not self._named(host.decode("ascii")))
        size = (len(ends) - 4) // 2
        client = ends[:size]
        if not plain or client in self._watched:
            return False
        ours = self._clients.get(client)
        if ours is None:
            ours = _remember(self._clients, client, self._is_client(client))
        if ours:
            if self._is_special(ends[size:-4] + ends[-2:]):
                return False
            self._connections += 1
        self._names += 1
        return True

    def _is_special(self, server: bytes) -> bool:
        special = self._servers.get(server)
        if special is None:
            special = _remember(self._servers, server, self._special(server[:-2], int.from_bytes(server[-2:])))
        return special

    def forget(self) -> None:
        """Ask anew about everything."""
        self._plain.clear()
        self._clients.clear()
        self._servers.clear()

    def settle(self) -> None:
        """Add to the counts what was taken since the last time."""
        if self._names:
            self._counts["names", Protocol.TLS, Kind.CLIENT_HELLO] += self._names
        if self._connections:
            self._counts["connections", Transport.TCP, NamedBy.HELLO] += self._connections
        self._names = self._connections = 0


def _remember(table: dict[bytes, bool], key: bytes, value: bool) -> bool:
    if len(table) >= MAX_KNOWN:
        table.clear()
    table[key] = value
    return value
