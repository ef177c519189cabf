"""Clients that speak for others: told by what they do, and what they only pass on is no doing of theirs.

Told conservatively. A resolver answers the DNS questions of another client and asks questions itself; a proxy takes
another client's CONNECT (HTTP or SOCKS) and goes out itself. Such a client is marked, never silenced: what nobody was
seen to ask it for is its own incident. What another client was seen to ask it for, for the same service and just
before, is that client's incident, and not a second one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from enum import StrEnum

from egret.model import Connection, Kind, Observation, Protocol, Role
from egret.value import Struct

MAX_SERVERS = 1_024  # machines that answer others; a network has some tens
MAX_ASKED = 4_096
ECHO_NS = 10 * 1_000_000_000  # a resolver that takes longer has timed out on its client; a proxy connects at once
MARK_AGAIN_NS = 600 * 1_000_000_000  # so that a mark that is still true does not grow old
_ANSWER, _CONNECT = Kind.ANSWER, Kind.CONNECT  # an enum's attribute costs a look-up each time
_LOOKUPS = frozenset({Protocol.DNS, Protocol.HTTPDNS})
_Asked = tuple[bytes, str, bool]  # who was asked, for which service, for a look-up only


class Sign(StrEnum):
    """What was seen. A closed list: it is said to people."""

    ANSWERS = "it answers the DNS questions of other clients, and asks others itself"
    CONNECTS = "other clients ask it to connect for them, and it goes out itself"


SIGNS = {Role.RESOLVER: Sign.ANSWERS, Role.PROXY: Sign.CONNECTS}


class _Server(Struct):
    """What a machine that others use was seen to do."""

    answers: bool = False
    connects: bool = False
    told: Role | None = None
    told_ns: int = 0


class Relays:
    """Watches all events of one worker, in order.

    Args:
        is_inside: whether an address is a client of ours.
    """

    def __init__(self, is_inside: Callable[[bytes], bool]) -> None:
        self._is_inside = is_inside
        self.on_change: Callable[[], object] | None = None  # called when ``learns_from`` may say something else
        self._servers: OrderedDict[bytes, _Server] = OrderedDict()
        self._asked: OrderedDict[_Asked, int] = OrderedDict()
        self.fresh: list[tuple[bytes, Role, int]] = []  # who was recognised since the last ``take_marks``

    def see(self, event: Observation | Connection) -> None:
        """Take one event of a client of ours."""
        if isinstance(event, Observation) and (event.kind is _ANSWER or event.kind is _CONNECT):
            self._serves(event)
        server = self._servers.get(event.client.ip) if self._servers else None
        if server is None or event.server.ip == event.client.ip:
            return
        if server.connects and event.protocol not in _LOOKUPS:
            self._mark(server, event, Role.PROXY)
        elif server.answers and event.protocol in _LOOKUPS:
            self._mark(server, event, Role.RESOLVER)

    def overhear(self, client: bytes, server: bytes, *, answer: bool) -> bool:
        """Do what ``see`` does with a look-up, of its two ends alone; False: it must be seen whole."""
        if client in self._servers:
            return False
        if answer and server != client and self._is_inside(server):
            known = self._servers.get(server)
            if known is None or not known.answers:
                return False
            self._servers.move_to_end(server)
        return True

    @property
    def watched(self) -> Collection[bytes]:
        """Who serves others, now and later: whatever they do themselves matters."""
        return self._servers.keys()

    def learns_from(self, client: bytes, answerer: bytes | None) -> bool:
        """Whether a DNS message may say something new of who speaks for others; *answerer* is None for a question."""
        if client in self._servers:
            return True
        if answerer is None or answerer == client or not self._is_inside(answerer):
            return False
        known = self._servers.get(answerer)
        return known is None or not known.answers

    def connects_again(self, server: bytes, client: bytes) -> bool:
        """Whether another CONNECT of *client* to *server* says nothing new of that one; if so, it was seen."""
        if server == client or not self._is_inside(server):
            return True
        known = self._servers.get(server)
        if known is None or not known.connects:
            return False
        self._servers.move_to_end(server)
        return True

    def _serves(self, event: Observation) -> None:
        ip = event.server.ip
        if ip == event.client.ip or not self._is_inside(ip):
            return
        before = None if (known := self._servers.get(ip)) is None else (known.connects, known.answers)
        server = self._servers.setdefault(ip, _Server())
        self._servers.move_to_end(ip)
        if len(self._servers) > MAX_SERVERS:
            self._servers.popitem(last=False)
        if event.kind is _CONNECT:
            server.connects = True
        elif event.protocol is Protocol.DNS:
            server.answers = True
        if self.on_change is not None and before != (server.connects, server.answers):
            self.on_change()

    def _mark(self, server: _Server, event: Observation | Connection, role: Role) -> None:
        age_ns = event.time_ns - server.told_ns
        if server.told is role and 0 <= age_ns < MARK_AGAIN_NS:
            return
        server.told, server.told_ns = role, event.time_ns
        self.fresh.append((event.client.ip, role, event.time_ns))

    def take_marks(self) -> list[tuple[bytes, Role, int]]:
        """Who was recognised since the last call: packed address, as what, when."""
        fresh, self.fresh = self.fresh, []
        return fresh

    def is_echo(self, event: Observation | Connection, signature: str) -> bool:
        """Whether another client was just seen to ask this one for that service; to be asked for flagged events only.

        A question excuses a question; only what asks for a connection excuses one: a packet to port 53 of an
        accomplice must not hide what that one does. The event itself is noted, as asking whoever it goes to.
        """
        lookup = event.protocol in _LOOKUPS
        echo = self._was_asked((event.client.ip, signature, False), event.time_ns)
        echo = echo or (lookup and self._was_asked((event.client.ip, signature, True), event.time_ns))
        if isinstance(event, Observation) and event.server.ip != event.client.ip and self._is_inside(event.server.ip):
            self._note((event.server.ip, signature, lookup), event.time_ns)
        return echo

    def _was_asked(self, key: _Asked, time_ns: int) -> bool:
        asked_ns = self._asked.get(key)
        return asked_ns is not None and 0 <= time_ns - asked_ns <= ECHO_NS

    def _note(self, key: _Asked, time_ns: int) -> None:
        self._asked[key] = time_ns
        self._asked.move_to_end(key)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)
