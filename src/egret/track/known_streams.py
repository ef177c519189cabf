"""What is known of TCP connections, for those who ask: what is awaited of them, where they began, how many they are."""

from __future__ import annotations

from collections.abc import Callable

from egret.decode.packet import Packet
from egret.model import Endpoint
from egret.track.conversations import ConversationTable
from egret.track.direction import key_of
from egret.track.dns_streams import DnsStreams
from egret.track.hellos import Hellos
from egret.track.httpdns import HttpDns
from egret.track.late import LATE_START
from egret.track.limits import Counters, Limits
from egret.track.naming import Namer
from egret.track.requests import Conversation, Requests
from egret.track.young import DNS, YoungFlows

MAX_BESIDE = 1 << 16  # more than there are flows
_OPEN = frozenset({None, DNS})  # what may be remembered of a connection whose every byte is awaited


class KnownStreams:
    """The tables of ``Streams``, which fills them."""

    def __init__(self, limits: Limits, namer: Namer, counters: Counters, dns: DnsStreams, httpdns: HttpDns) -> None:
        self._limits = self.limits = limits
        self._namer = namer
        self._dns = dns
        self._httpdns = httpdns
        self._requests = Requests(limits, namer, httpdns, counters)
        self.young = self._flows = YoungFlows(limits, counters)
        self.requested, self.replied = self._requests.followed, httpdns.followed  # as ``watched`` asks them
        self.decided, self._late = self._flows.decided, self._flows.late
        self.hellos = Hellos(namer, self._flows)
        self._beside: set[int] = set()  # directions of which ``watched`` said so while the one back was followed
        self._changed: Callable[[], object] = lambda: None

    def on_change(self, call: Callable[[], object]) -> None:
        """Have *call* called before what ``watched`` said may be true no more."""
        self.decided.on_forgetting = self._late.on_forgetting = self._changed = call
        self._httpdns.on_asking = self._await_replies

    @property
    def requests(self) -> Requests:
        """What follows HTTP behind its first request."""
        return self._requests

    def follow_in(self, table: ConversationTable[Conversation]) -> None:
        """Have *table*, in which nothing is yet, hold what is known of HTTP connections."""
        self._requests.table = table
        self.requested = self._requests.followed

    def watched(self, key: int, other: int) -> frozenset[int] | None:
        """The first bytes of a segment that still matter in direction *key*, until one such comes; None: all do."""
        decided, followed, requested = self.decided.get, self._flows.followed, self.requested
        if key in followed or key in requested or key in self.replied:
            return None
        if other in followed:
            return self._watched_beside(key, other)
        return None if decided(key) in _OPEN or decided(other) in _OPEN else self._late.starts(key)

    def _watched_beside(self, key: int, other: int) -> frozenset[int] | None:
        """The same while nothing is decided of the direction back, perhaps for long: its beginning may have been lost.

        A server's bytes then say no more than that it speaks, which is known, but for a hello. What else may be awaited
        once the connection is decided is in ``LATE_START``, or ``_await_all`` is called.
        """
        known, flow = self.decided.get(key), self._flows.get(other)
        if known == DNS or (known is None and (flow is None or not (flow.oriented and flow.answered))):
            return None
        if len(self._beside) >= MAX_BESIDE:
            self._await_all(*self._beside)
        self._beside.add(key)
        return LATE_START

    def repeats(self, key: int, seq: int, time_ns: int) -> bool:
        """Take a lone byte, at *seq*, where it lies before what a followed direction begins with; True: it did.

        So keep-alive bytes come of whom nothing was heard: the streams note no more than when (``Flow.add``).
        """
        flow = self._flows.get(key)
        if flow is None or not flow.sure or flow.sieve is not None or self.decided.get(key) == DNS:
            return False
        if not -flow.limit <= flow.offset_of(seq) < 0:
            return False
        flow.last_ns, flow.answered = time_ns, True
        self._flows.touch(key)
        return True

    def _await_all(self, *keys: int) -> None:
        """More is awaited in some directions than ``_watched_beside`` said, if it was asked."""
        if not self._beside.isdisjoint(keys):
            self._beside.clear()
            self._changed()

    def _await_replies(self, key: int, young: bool) -> None:
        """Replies are awaited in a direction; that little is, ``watched`` said only where it was decided before."""
        if young:
            self._await_all(key)
        else:
            self._changed()

    def _forget(self, key: int, packet: Packet) -> None:
        """The ends of a decided connection are used again."""
        self.decided.forget(key)
        self.decided.forget(key_of(packet.destination, packet.source))
        self._requests.forget(key)
        self._late.forget(key)

    def began_at(self, client: Endpoint, server: Endpoint) -> int | None:
        """The sequence number where the client's stream began, as far as is known."""
        return self._flows.began_at(client, server)

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        self._flows.rebase(time_ns)
        self._requests.rebase(time_ns)

    def tracked(self) -> dict[str, int]:
        """Entries now, by table."""
        return {
            "flows": len(self._flows),
            "decided": len(self.decided),
            "http_flows": len(self._requests),
            "late_hellos": len(self._late),
        }
