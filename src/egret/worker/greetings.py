"""Hellos of TLS and QUIC that are counted and not told: of names that nothing is known about, to nobody's servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from struct import Struct

from egret.decode.hello_shapes import HelloShapes
from egret.decode.plain_hello import NO_ECH, Plain
from egret.model import Kind, NamedBy, Nameless, Protocol, Transport
from egret.track.ech import REAL
from egret.worker.engine import truths
from egret.worker.requested import MAX_KNOWN, Requested, remember

_PARTS = {4 + 2 * size: Struct(f"{size}s{size}s2x2s").unpack for size in (4, 16)}  # both addresses, the server's port

Judge = Callable[[str, int, bytes, bytes, int], str]


class Greetings:
    """What the streams ask before they tell a plain hello. The compiled gate looks into its tables itself.

    Args:
        named: whether a name, or one of its resolvers, is known.
        special: whether the server at an address and a port is anything whatever it is called.
        is_client: whether an address is a client of ours.
        watched: clients of whom everything matters that they do.
        judge: what an Encrypted Client Hello is, by the name beside it, its configuration, client, server and time.
        counts: where names and connections are counted, under the pipeline's keys.
        read: does what ``read_plain`` does; None: it is done in Python.
    """

    def __init__(
        self,
        named: Callable[[str], bool],
        special: Callable[[bytes, int], bool],
        is_client: Callable[[bytes], bool],
        watched: Collection[bytes],
        judge: Judge,
        counts: Counter[tuple[str, ...]],
        read: Callable[[bytes], Plain | None] | None = None,
    ) -> None:
        self._named = named
        self._special = special
        self._is_client = is_client
        self.watched = watched
        self.counts = counts
        self._judge = judge
        self.hosts = truths(MAX_KNOWN)  # whether nothing is known of it
        self._read = read or HelloShapes(self.hosts).read
        self.clients = truths(MAX_KNOWN)  # whether it is one
        self.servers = truths(MAX_KNOWN)  # address and port: whether it is special
        self.requested = Requested(self.clients, watched, named, special, is_client, counts)  # the same of requests
        self.names = self.connections = 0  # counted and not settled
        self.quic_names = self.quic_connections = 0
        # ``Relays.connects_again``
        self.connects_again: Callable[[bytes, bytes], bool] = lambda _server, _client: False
        self.elsewhere: Callable[[], tuple[int, int]] = _none  # the same of who looks into the tables
        self.quic_elsewhere: Callable[[], tuple[int, int]] = _none

    def take(self, host: bytes, ech: int, ends: bytes, time_ns: int) -> bool:
        """Count a hello that names *host* and say True; or False, and it must be told.

        Args:
            host: a plain host name, and
            ech: the id of a configuration of Encrypted Client Hello, as ``read_plain`` gives them.
            ends: of the client's direction, as in a frame.
            time_ns: when it came.
        """
        ours = self.is_ours(ends) if ech == NO_ECH and self.hosts.get(host) else self.passes(host, ech, ends, time_ns)
        if ours is None:
            return False
        self.connections += ours
        self.names += 1
        return True

    def take_quic(self, hello: bytes, ends: bytes, time_ns: int) -> bool:
        """The same of a hello in a record, that came in QUIC."""
        plain = self._read(hello)
        return plain is not None and self.take_quic_host(*plain, ends, time_ns)

    def take_quic_host(self, host: bytes, ech: int, ends: bytes, time_ns: int) -> bool:
        """As ``take``, of a hello that came in QUIC."""
        ours = self.passes(host, ech, ends, time_ns)
        if ours is None:
            return False
        self.quic_connections += ours
        self.quic_names += 1
        return True

    def passes(self, host: bytes, ech: int, ends: bytes, time_ns: int) -> bool | None:
        """Whether its client is ours; None if it must be told."""
        ours = self.is_ours(ends) if self.is_plain(host) else None
        if ours is not None and ech != NO_ECH:
            client, address, _ = _PARTS[len(ends)](ends)
            verdict = self._judge(host.decode("ascii"), ech, client, address, time_ns)
            if verdict == REAL:
                return None
            if ours:
                self.counts["ech", verdict] += 1
        return ours

    def is_plain(self, host: bytes) -> bool:
        """Whether nothing is known of a name."""
        plain = self.hosts.get(host)
        return remember(self.hosts, host, not self._named(host.decode("ascii"))) if plain is None else plain

    def is_ours(self, ends: bytes) -> bool | None:
        """Whether a client is ours; None if whatever it does must be told, or whatever is done with that server."""
        client, address, port = _PARTS[len(ends)](ends)
        if client in self.watched:
            return None
        ours = self.clients.get(client)
        if ours is None:
            ours = remember(self.clients, client, self._is_client(client))
        if ours:
            special = self.servers.get(address + port)
            if special is None:
                special = remember(self.servers, address + port, self._special(address, int.from_bytes(port)))
            if special:
                return None
        return ours

    def take_nameless(self, ends: bytes, reason: Nameless) -> bool:
        """As ``take``, of a connection that said no name, and whose server's address was not told to its client."""
        ours = self.is_ours(ends)
        if ours is None:
            return False
        if ours:
            self.counts["connections", Transport.TCP, NamedBy.NOTHING] += 1
            self.counts["nameless", reason] += 1
        return True

    def forget(self) -> None:
        """Ask anew about everything."""
        self.hosts.clear()
        self.clients.clear()
        self.servers.clear()
        self.requested.forget()

    def settle(self) -> None:
        """Add to the counts what was taken since the last time."""
        names, connections = self.elsewhere()
        quic_names, quic_connections = self.quic_elsewhere()
        for key, number in (
            (("names", Protocol.TLS, Kind.CLIENT_HELLO), self.names + names),
            (("names", Protocol.QUIC, Kind.CLIENT_HELLO), self.quic_names + quic_names),
            (("connections", Transport.TCP, NamedBy.HELLO), self.connections + connections),
            (("connections", Transport.UDP, NamedBy.HELLO), self.quic_connections + quic_connections),
        ):
            if number:
                self.counts[key] += number
        self.names = self.connections = self.quic_names = self.quic_connections = 0
        self.requested.settle()


def _none() -> tuple[int, int]:
    return 0, 0
