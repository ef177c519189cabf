"""Tunnels that clients ask proxies for, with a hello inside, of which nothing need be told: HTTP's CONNECT, and SOCKS.

Where clients reach the world through a proxy, nearly all of their connections begin so. What the streams make of one
is two names and a connection; where nothing is known of those names and ends, that is counted, and no more is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from egret.model import Kind, NamedBy, Protocol, Recognition, Transport
from egret.track.direction import opposite
from egret.track.recognise import recognise
from egret.worker.greetings import Greetings

MAX_REQUEST = 1_460  # bytes, in one segment or, of SOCKS, in few
MAX_KNOWN = 4_096

Asked = tuple[Protocol | None, bytes]  # by which protocol for which name; no protocol: as much as comes before that

_NAMED_BY = {Protocol.HTTP: NamedBy.HTTP, Protocol.SOCKS: NamedBy.SOCKS}
_BEGINS = re.compile(rb"CONNECT .*\r\n\r\n|[\x04\x05].+", re.DOTALL).fullmatch


def may_ask(data: bytes) -> bool:
    """Whether ``Proxied.waits`` is worth asking about a client's first bytes."""
    return len(data) <= MAX_REQUEST and _BEGINS(data) is not None


class Proxied:
    """Says which of them may be held, and counts those whose hello is whole.

    Args:
        greetings: know what is known of names and ends.
        pass_over: remembers a connection as decided (``YoungFlows``).
    """

    def __init__(self, greetings: Greetings, pass_over: Callable[[int, int, int, int], None]) -> None:
        self._greetings = greetings
        self._pass_over = pass_over
        self._known: dict[int, Asked | None] = {}  # by the hash of the request: there may be passwords in it

    def waits(self, data: bytes, ends: bytes) -> bool:
        """Whether nothing need be told of a client's first bytes: a request that is whole, or as SOCKS begins."""
        asked = self._asked(data)
        return asked is not None and (asked[0] is None or self._passes(asked[1], ends))

    def is_told(self, request: bytes, host: bytes, ech: int, ends: bytes, first: int, end: int, time_ns: int) -> bool:
        """Whether nothing need be told of a *request* with a hello behind it; then both are counted.

        Args:
            request: a client's first bytes.
            host: that the hello names.
            ech: the id of a configuration of its Encrypted Client Hello, or ``NO_ECH``.
            ends: of its direction.
            first: its first sequence number.
            end: the one behind the hello.
            time_ns: when that was whole.
        """
        protocol, name = self._asked(request) or (None, b"")
        if protocol is None or not self._passes(name, ends):
            return False
        ours = self._greetings.passes(host, ech, ends, time_ns)
        if ours is None:
            return False
        counts = self._greetings.counts
        counts["names", protocol, Kind.CONNECT] += 1
        counts["names", Protocol.TLS, Kind.CLIENT_HELLO] += 1
        if ours:
            counts["connections", Transport.TCP, _NAMED_BY[protocol]] += 1
        self._pass_over(hash(ends), hash(opposite(ends)), first, end)
        return True

    def _passes(self, name: bytes, ends: bytes) -> bool:
        greetings, size = self._greetings, (len(ends) - 4) // 2
        ours = greetings.is_ours(ends) if greetings.is_plain(name) else None
        return ours is not None and (not ours or greetings.connects_again(ends[size:-4], ends[:size]))

    def _asked(self, data: bytes) -> Asked | None:
        key = hash(data)
        if key not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = _read(data)
        return self._known[key]


def _read(data: bytes) -> Asked | None:
    """What the streams find, where that is one name and the hello's place is behind it, or that more must come."""
    found = recognise(data)
    if found.recognition is Recognition.NEED_MORE:
        return (None, b"") if found.prelude and found.needed == len(data) + 1 else None
    said = found.said
    if said is None or said.kind is not Kind.CONNECT or said.name is None or said.also or said.anomaly is not None:
        return None
    return (said.protocol, said.name.encode()) if said.consumed == len(data) else None
