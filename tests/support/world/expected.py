"""What Egret must say about visits: derived from what the clients did and from the plan, never from Egret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.support.world.clients import Done
from tests.support.world.plan import BY_NAME, Says, device


@dataclass
class Expected:
    """What one client did with one flagged name."""

    client: str  # as ``plan.device`` says it
    name: str
    says: Says
    servers: set[tuple[str, int]] = field(default_factory=set)  # empty: only looked up
    ended_ns: int = 0  # when the first visit that reveals it was over


def expected(done: Iterable[Done]) -> dict[tuple[str, str], Expected]:
    """By client and name; names of class ``broad`` are left out: those are counted, never alerted."""
    found: dict[tuple[str, str], Expected] = {}
    for visit in done:
        for seen in visit.visit.seen:
            says = BY_NAME[seen.name].says
            if says is None or says.service_class == "broad":
                continue
            client = device(seen.client)
            row = found.setdefault((client, seen.name), Expected(client, seen.name, says, ended_ns=visit.ended_ns))
            if seen.protocol != "dns":
                row.servers.add((seen.server, seen.port))
    return found


def incidents(wanted: dict[tuple[str, str], Expected]) -> set[tuple[str, str]]:
    """The client and signature of every incident that must open."""
    return {(row.client, row.says.signature) for row in wanted.values()}
