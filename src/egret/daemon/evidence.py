"""Keeps the proofs of incidents, in a thread of its own: a slow disk costs evidence, never an alert."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from egret.alerts.model import Incident, Sensor
from egret.alerts.veil import Veil
from egret.daemon.describer import Describer, folder
from egret.daemon.rules import bounds
from egret.daemon.setup import Knowledge
from egret.errors import StoreError
from egret.model import Detection
from egret.store.evidence import Kept
from egret.telemetry.table import Proven, Stage

if TYPE_CHECKING:  # a replay needs this module, and none of its metrics
    from egret.telemetry import Telemetry

MAX_PENDING = 256  # of some 10 KB each; more wait for a disk that does not keep up
PATIENCE_S = 0.5  # that an alert waits for its evidence: it takes milliseconds
PRUNE_EVERY_NS = 60 * 1_000_000_000
_T = TypeVar("_T")


class EvidenceKeeper:
    """Writes evidence down as it comes.

    Args:
        knowledge: what the verdicts rest on; replaced on reload.
        sensor: who says it.
        veil: what incidents are said through.
        telemetry: hears what became of each proof.
    """

    def __init__(self, knowledge: Knowledge, sensor: Sensor, veil: Veil, telemetry: Telemetry) -> None:
        self._folder = folder(knowledge.config)
        self._describe = Describer(knowledge, sensor, veil)
        self._telemetry = telemetry
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="evidence")
        self._pending = 0
        self._pruned_ns: int | None = None
        self._asked: asyncio.Future[set[str]] | None = None

    def apply(self, knowledge: Knowledge) -> None:
        """Describe by other knowledge, and keep within other bounds, from now on."""
        self._folder.bounds = bounds(knowledge.config)
        self._describe.apply(knowledge)

    def __call__(self, detection: Detection, incident: Incident) -> None:
        """Keep the proof of *detection*, which *incident* was told of. Returns at once."""
        if detection.proof is None or not incident.evidence_files:
            return
        if self._pending >= MAX_PENDING:
            self._telemetry.proven(Proven.DROPPED, "the disk does not keep up")
            return
        piece = self._describe(detection, detection.proof, incident)
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._disk, self._folder.add, piece)
        future.add_done_callback(self._written)

    async def there(self, incidents: Collection[str]) -> set[str]:
        """Those of *incidents* of which there is evidence, once what came is written; none if that takes long.

        A disk that hung is not waited for again before it has answered.
        """
        if self._asked is not None and not self._asked.done():
            return set()
        ids = set(incidents)
        self._asked = asyncio.get_running_loop().run_in_executor(
            self._disk, lambda: {each for each in ids if self._folder.has(each)}
        )
        done, _ = await asyncio.wait([self._asked], timeout=PATIENCE_S)
        return self._asked.result() if done else set()

    def _written(self, future: asyncio.Future[bool]) -> None:
        self._pending -= 1
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._telemetry.proven(Proven.KEPT if future.result() else Proven.LEFT_OUT)
        elif isinstance(error, StoreError):
            self._telemetry.proven(Proven.FAILED, str(error))
        elif isinstance(error, Exception):
            self._telemetry.internal_error(Stage.EVIDENCE, error)

    async def tick(self, now_ns: int) -> None:
        """Once a second: now and then delete what is over a bound."""
        if self._pruned_ns is not None and 0 <= now_ns - self._pruned_ns < PRUNE_EVERY_NS:
            return
        self._pruned_ns = now_ns
        try:
            gone, size, number = await self._run(lambda: self._prune(now_ns))
        except StoreError as error:
            self._telemetry.log.repeated(logging.WARNING, "evidence_not_deleted", why=str(error))
            return
        self._telemetry.evidence(size=size, incidents=number, expired=gone)

    def _prune(self, now_ns: int) -> tuple[dict[str, int], int, int]:
        gone = {bound.value: number for bound, number in self._folder.prune(now_ns).items()}
        return gone, self._folder.size, self._folder.number

    async def forget(self, incidents: Iterable[str]) -> int:
        """Delete the evidence of these incidents, what still waits to be written included; of how many.

        Raises:
            StoreError: some may be left.
        """
        ids = list(incidents)
        return await self._run(lambda: self._folder.remove(ids))

    def read(self, incident: str) -> Kept | None:
        """The evidence of one incident; None where there is none. Reads the disk."""
        return self._folder.read(incident)

    async def close(self) -> None:
        """Write down what waits."""
        await self._run(lambda: None)
        self._disk.shutdown(wait=False)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)
