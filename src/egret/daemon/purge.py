"""Everything about one client, out of the running daemon and the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from egret.alerts.incidents import Incidents
from egret.alerts.veil import Veil
from egret.alerts.whose import Whose
from egret.daemon.crew import Crew
from egret.daemon.evidence import EvidenceKeeper
from egret.daemon.ledger import Ledger
from egret.judge.history import Use
from egret.judge.identity import Directory
from egret.names import address_text
from egret.sinks.outputs import Outputs
from egret.store.access import PURGED, AccessLog, Purpose
from egret.store.incidents import IncidentStore
from egret.store.purge import Removed, purge
from egret.store.uses import uses
from egret.telemetry import Telemetry

_T = TypeVar("_T")
Disk = Callable[[Callable[[], _T]], Awaitable[_T]]


class Purger:
    """Forgets clients.

    Args:
        incidents, ledger, outputs, crew, store: whatever may know a client.
        directory: the addresses of a name.
        veil: what undoes pseudonyms.
        telemetry: hears that it was done, and by whom; never of whom.
    """

    def __init__(
        self,
        parts: tuple[Incidents, Ledger, Outputs, Crew, IncidentStore],
        directory: Directory,
        veil: Veil,
        telemetry: Telemetry,
        evidence: EvidenceKeeper | None = None,
    ) -> None:
        self._incidents, self._ledger, self._outputs, self._crew, self._store = parts
        self._directory, self._veil, self._telemetry = directory, veil, telemetry
        self._evidence = evidence

    async def __call__(self, client: str, who: str) -> dict[str, int]:
        """Forget *client*, as somebody wrote it; how much of what.

        Raises:
            StoreError: something may be left in the store; the memory is clear of it. Ask again.
        """
        now_ns = time.time_ns()
        whose = Whose(client, self._veil)
        whose.addresses |= self._directory.addresses_of(self._veil.word(client) or client, now_ns)

        def is_theirs(ip: bytes) -> bool:
            return whose.any_address(address_text(ip))

        async with self._ledger.offering:  # or an alert that is being committed would be offered after this
            dropped = self._incidents.forget(whose.incident)
            for incident in dropped:
                whose.learn(incident)
            learnt = self._crew.forget(is_theirs)
            queued = self._ledger.drop(whose.incident)
            queued += self._outputs.forget(whose.message)
            removed, left = await self._ledger.on_disk_to_the_end(lambda: self._forget_stored(whose, who, now_ns))
            self._ledger.forget_granted()
            self._outputs.unfollow(incident.id for incident in dropped)
            self._incidents.recall(left, afresh=True)  # that the client ever used a service is forgotten as well
            evidence = await self._forget_evidence({*removed.ids, *(incident.id for incident in dropped)})
            learnt += self._crew.forget(is_theirs)  # by addresses that only the store knew
        self._telemetry.log.event(
            logging.WARNING, "client_purged", who=who, incidents=removed.incidents, alerts=removed.alerts
        )
        return {
            **removed.counts(),
            "evidence": evidence,
            "open_incidents": len(dropped),
            "queued_alerts": queued,
            "learnt_in_memory": learnt,
        }

    async def _forget_evidence(self, incidents: Collection[str]) -> int:
        return 0 if self._evidence is None else await self._evidence.forget(incidents)

    def _forget_stored(self, whose: Whose, who: str, now_ns: int) -> tuple[Removed, list[Use]]:
        removed = purge(self._store, whose)
        AccessLog(self._store.database).note(now_ns, who, Purpose.PURGE, PURGED)
        return removed, uses(self._store.database)
