"""TCP connections that are not decided yet, and which ones were: tables that are bounded in entries and in bytes."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from egret.model import Endpoint
from egret.track.direction import key_of
from egret.track.flow import Flow, other_key
from egret.track.late import LateStarts
from egret.track.limits import SECOND_NS, Counters, Limits
from egret.track.tables import LruTable, for_both, set_back

SERVER_SIDE = -1  # remembered for the server's direction, where a client's has its sequence number
TakePlain = Callable[[bytes, int, bytes, int], bool]  # host and ECH as ``read_plain`` has them, ends, time
DNS = -2  # remembered for both directions of DNS on another port than its own
FLOW_COST = 400  # bytes that a flow takes of which nothing has come, roughly
_DISORDER_NS = SECOND_NS  # the table is in order of last use, but for what was held back before it came


class YoungFlows:
    """Flows in order of last use; ``decided`` holds what is known of the others, ``late`` what may yet come of them."""

    def __init__(self, limits: Limits, counters: Counters) -> None:
        self._table: LruTable[int, Flow] = LruTable("flows", limits.flows, counters.evictions)
        self.decided = limits.memory("decided", limits.decided, counters.evictions)
        self.knows_either, self._decide_both = for_both(self.decided)
        self.late = LateStarts(limits.memory("late_hellos", limits.late_hellos, counters.evictions))
        self._expect = self.late.table.put
        self.followed = self._table.keys
        self.held = 0  # bytes of all assemblies
        self._bytes_limit = limits.stream_bytes
        self._wait_ns = limits.wait_s * SECOND_NS
        self._silent_ns = limits.silent_s * SECOND_NS
        self.get = self._table.get
        self.put = self._table.put
        self.touch = self._table.touch

    def __len__(self) -> int:
        return len(self._table)

    def has(self, flow: Flow) -> bool:
        """Whether *flow* itself is still here."""
        return self._table.get(flow.key) is flow

    def drop(self, flow: Flow) -> None:
        """Forget a flow, and what it held."""
        self._table.pop(flow.key)
        self.held -= flow.cost
        flow.cost = 0

    def decide(self, flow: Flow) -> None:
        """Remember both directions as needing no second look."""
        self.drop(flow)
        flow.settled = True
        key = other_key(flow)
        other = self._table.get(key)
        if other is not None:
            self.drop(other)
        self.decided.put(flow.key, flow.first_seq())
        self.decided.put(key, SERVER_SIDE)

    def knows(self, key: int) -> bool:
        """Whether there is a flow in direction *key*, or something was decided of it."""
        return self._table.get(key) is not None or self.decided.get(key) is not None

    def pass_over(self, key: int, other: int, first_seq: int, end_seq: int) -> None:
        """Remember as decided what never came here: its client said a hello, *first_seq* to *end_seq*."""
        self._expect(key, end_seq)  # ``LateStarts.expect``
        if other in self.followed:
            self.decide_ends(key, other, first_seq)
        else:
            self._decide_both(key, first_seq, other, SERVER_SIDE)

    def decide_ends(self, key: int, other: int, first_seq: int) -> None:
        """As ``decide``, of what never came here: its client's stream began with *first_seq*."""
        flow = self.get(other)
        if flow is not None:
            self.drop(flow)
        self._decide_both(key, first_seq, other, SERVER_SIDE)

    def charge(self, flow: Flow) -> None:
        """Count what *flow* holds now."""
        self.held += flow.charge()

    def overdrawn(self) -> Flow | None:
        """The oldest flow, out of the table, while all hold more than they may; what it held is still counted."""
        held = self.held + FLOW_COST * len(self._table)
        return self._table.evict() if held > self._bytes_limit else None

    def due(self, time_ns: int) -> list[tuple[Flow, bool]]:
        """Flows that have waited long enough at *time_ns*, and whether they were silent for long as well."""
        due: list[tuple[Flow, bool]] = []
        for _, flow in self._table.oldest_first():
            age = time_ns - flow.last_ns
            if age < self._wait_ns - _DISORDER_NS:
                break
            if age < self._wait_ns:
                continue
            silent = age >= self._silent_ns
            if (silent or flow.spoke) and not (flow.said and not silent and flow.patient):
                due.append((flow, silent))
        return sorted(due, key=_by_last_use)

    def all(self) -> list[Flow]:
        """Every flow, oldest first."""
        return sorted((flow for _, flow in self._table.oldest_first()), key=attrgetter("last_ns"))

    def began_at(self, client: Endpoint, server: Endpoint) -> int | None:
        """The sequence number where the client's stream began, as far as is known."""
        flow = self._table.get(key := key_of(client, server))
        began = flow.first_seq() if flow is not None else self.decided.get(key)
        return began if began is not None and began >= 0 else None

    def rebase(self, time_ns: int) -> None:
        """Time was set back: nothing was last seen later than now."""
        set_back(self._table, time_ns)


def _by_last_use(due: tuple[Flow, bool]) -> int:
    return due[0].last_ns
