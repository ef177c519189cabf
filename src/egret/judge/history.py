"""Who used which service, and when last: what makes a service new, or rare, in this network.

Fed with the incidents that open, and at the start with those of the store; in event time, so a replay, whose history
is empty, gives what a first run would have given. Bounded: a service keeps its newest clients.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from egret.judge.score import Context

MAX_SERVICES = 1024  # several times the catalogue
MAX_CLIENTS = 256  # of a service: "rare" is decided far below; all of it full is some 30 MB


class Use(NamedTuple):
    """A client used a service, at *last_ns* for the last time."""

    signature: str
    client: str
    last_ns: int


class _Clients:
    """The clients of one service, and their times in order: how many are recent is asked for every incident."""

    def __init__(self) -> None:
        self._last_ns: OrderedDict[str, int] = OrderedDict()  # the one that was noted last at the end
        self._times: list[int] = []  # the same times, sorted

    def since(self, time_ns: int) -> int:
        """How many used it at *time_ns* or later."""
        return len(self._times) - bisect_left(self._times, time_ns)

    def used_since(self, client: str, time_ns: int) -> bool:
        """Whether *client* did."""
        last_ns = self._last_ns.get(client)
        return last_ns is not None and last_ns >= time_ns

    def note(self, client: str, time_ns: int) -> None:
        """A use; one that is older than what is known changes no time."""
        known_ns = self.forget(client)
        self._last_ns[client] = last_ns = time_ns if known_ns is None else max(time_ns, known_ns)
        insort(self._times, last_ns)
        if len(self._last_ns) > MAX_CLIENTS:
            self.forget(next(iter(self._last_ns)))

    def forget(self, client: str) -> int | None:
        """Know nothing of *client* any more; what was known."""
        last_ns = self._last_ns.pop(client, None)
        if last_ns is not None:
            del self._times[bisect_left(self._times, last_ns)]
        return last_ns


class History:
    """The uses of the last *window_ns*."""

    def __init__(self) -> None:
        self._services: OrderedDict[str, _Clients] = OrderedDict()  # the newest used last

    def recall(self, uses: Iterable[Use], *, afresh: bool = False) -> None:
        """Learn what was seen before, in any order; *afresh*: and know nothing else, as after a purge."""
        if afresh:
            self._services.clear()
        for use in sorted(uses, key=lambda use: use.last_ns):
            self._note(use)

    def open(self, use: Use, window_ns: int, *, server: bool = False) -> Context:
        """What is known at the opening of an incident; from now on it is known as well."""
        clients, since_ns = self._services.get(use.signature) or _Clients(), use.last_ns - window_ns
        recent, again = clients.since(since_ns), clients.used_since(use.client, since_ns)
        self._note(use)
        return Context(
            first_in_network=not recent, first_by_client=not again, clients=recent + (not again), server=server
        )

    def forget(self, client: str) -> None:
        """Know nothing of *client* any more."""
        for clients in self._services.values():
            clients.forget(client)

    def _note(self, use: Use) -> None:
        clients = self._services.setdefault(use.signature, _Clients())
        self._services.move_to_end(use.signature)
        clients.note(use.client, use.last_ns)
        if len(self._services) > MAX_SERVICES:
            self._services.popitem(last=False)
