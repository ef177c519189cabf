"""Who used which service, and when last: what makes a service new, or rare, in this network.

Fed with the incidents that open, and at the start with those of the store; in event time, so a replay, whose history
is empty, gives what a first run would have given. Bounded: a service keeps its newest clients.
"""

from __future__ import annotations

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


class History:
    """The uses of the last *window_ns*."""

    def __init__(self) -> None:
        self._services: OrderedDict[str, OrderedDict[str, int]] = OrderedDict()  # the newest used last, both

    def recall(self, uses: Iterable[Use], *, afresh: bool = False) -> None:
        """Learn what was seen before, in any order; *afresh*: and know nothing else, as after a purge."""
        if afresh:
            self._services.clear()
        for use in sorted(uses, key=lambda use: use.last_ns):
            self._note(use)

    def open(self, use: Use, window_ns: int, *, server: bool = False) -> Context:
        """What is known at the opening of an incident; from now on it is known as well."""
        known = self._services.get(use.signature)
        recent = {client for client, last_ns in known.items() if use.last_ns - last_ns <= window_ns} if known else set()
        self._note(use)
        return Context(
            first_in_network=not recent,
            first_by_client=use.client not in recent,
            clients=len(recent | {use.client}),
            server=server,
        )

    def forget(self, client: str) -> None:
        """Know nothing of *client* any more."""
        for clients in self._services.values():
            clients.pop(client, None)

    def _note(self, use: Use) -> None:
        clients = self._services.setdefault(use.signature, OrderedDict())
        self._services.move_to_end(use.signature)
        clients[use.client] = max(use.last_ns, clients.get(use.client, use.last_ns))
        clients.move_to_end(use.client)
        if len(clients) > MAX_CLIENTS:
            clients.popitem(last=False)
        if len(self._services) > MAX_SERVICES:
            self._services.popitem(last=False)
