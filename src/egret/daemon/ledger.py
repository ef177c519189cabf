"""Hits become detections, incidents and alerts; an alert is committed before it is offered to any output.

Everything here runs in one event loop. The disk is touched in an executor of one thread; a disk that
hangs or is full is counted and shown, and holds alerts up for ``STORE_PATIENCE_S`` at most.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from egret.alerts.incidents import Incidents
from egret.alerts.messages import Message
from egret.alerts.model import Action, Alert, Incident
from egret.daemon.routed import follow, record
from egret.daemon.spool import Spool
from egret.daemon.tally import Tally
from egret.errors import StoreError
from egret.judge.directory import ClientDirectory
from egret.judge.identity import Directory
from egret.judge.relays import Relays
from egret.judge.verdict import Judge
from egret.model import Detection, Observation, Volume
from egret.sinks.base import Outcome
from egret.sinks.outputs import Outputs
from egret.store import outbox
from egret.store.access import AccessLog
from egret.store.incidents import IncidentStore
from egret.store.uses import uses
from egret.telemetry import Telemetry
from egret.telemetry.table import Stage, Suppressed
from egret.track.answers import Learnt
from egret.value import replace
from egret.worker.pipeline import Hit

START_PATIENCE_S = 10.0  # a large store is checked when it is opened, and nothing waits for an answer yet
STORE_PATIENCE_S = 1.0  # a commit takes milliseconds; alerts are told within two seconds whatever the disk does
SAVE_EVERY_S = 10.0  # counts of open incidents that made no alert
PURGE_EVERY_S = 3600.0
MAX_DEAD = 10_000  # dead letters of an output; replaced on reload
_NS = 1_000_000_000
_T = TypeVar("_T")


class Evidence(Protocol):
    """What ``daemon.evidence.EvidenceKeeper`` is to the ledger."""

    def __call__(self, detection: Detection, incident: Incident) -> None:
        """Have a proof written down."""
        ...

    async def there(self, incidents: Collection[str]) -> set[str]:
        """Of which incidents there is evidence by now."""
        ...


class Ledger:
    """The path from a hit to the outputs.

    Args:
        judge: reaches the verdicts; replaced on reload.
        incidents: folds detections.
        store: keeps incidents and alerts.
        outputs: where alerts go.
        telemetry: hears of everything.
        keep_s: how long closed incidents are kept; replaced on reload.
        directory: knows who the clients are; None: they are their addresses.
        evidence: takes the proofs of open incidents.
    """

    def __init__(
        self,
        judge: Judge,
        incidents: Incidents,
        store: IncidentStore,
        outputs: Outputs,
        telemetry: Telemetry,
        keep_s: float,
        directory: Directory | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        self.judge = judge
        self.incidents = incidents
        self._store = store
        self._outputs = outputs
        self._telemetry = telemetry
        self.keep_s = keep_s
        self._directory = directory or ClientDirectory()
        self.relays: Relays | None = None  # of all workers, where there are several
        self._evidence = evidence
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[Alert] = []
        self._prompt: set[str] = set()  # those of them that a packet's name made
        self._spool = Spool(store, outputs, self._on_disk)
        self.offering = self._spool.offering
        self._wake = asyncio.Event()
        self._told_broken = 0
        self._unrestored = False  # what was open could not be read yet
        telemetry.refresh = self._measure_outputs
        self.max_dead = MAX_DEAD
        self.tally: Tally | None = None  # counts for the digest
        self._saved_at_s = self._purged_at_s = 0.0

    async def restore(self, patience_s: float | None = None) -> int:
        """Continue the incidents that were open when Egret stopped; how many. Learn who used what before.

        Where the disk does not answer it is tried again by ``tick``.
        """
        async with self.offering:  # what is closed while the disk is read waits where ``_closing`` sees it
            patience_s = START_PATIENCE_S if patience_s is None else patience_s
            self.incidents.recall(await self._on_disk(partial(uses, self._store.database), patience_s) or [])
            found = await self._on_disk(self._store.still_open, patience_s)
            self._unrestored = found is None
            over = self._closing()
            left = [incident for incident in found or () if incident.id not in over]
            with suppress(StoreError):
                await self.on_disk_to_the_end(partial(follow, self._store, self._outputs, left))
            self._queue(self.incidents.restore(left))
            self.review(time.time_ns())
            return len(left)

    def _closing(self) -> set[str]:
        return {alert.incident.id for alert in self._waiting if alert.incident.closed_ns is not None}

    def review(self, now_ns: int) -> None:
        """Close the open incidents that are approved by now; after a start, and after the policy changed."""
        self._queue(self.incidents.review(now_ns))

    async def resume(self) -> int:
        """Offer what waits in the spool and is not in a queue, page by page, in ``run``; how many.

        Where the disk does not answer it is tried again by ``tick``.
        """
        number = await self._spool.list()
        self._wake.set()
        return number

    async def resend(self, _nothing: str, who: str) -> dict[str, int]:
        """Somebody put alerts back into the spool (``egret alerts resend``): offer them now."""
        number = await self.resume()
        self._telemetry.log.event(logging.INFO, "alerts_resent", who=who, alerts=number)
        return {"offered": number}

    async def recall(self, now_ns: int) -> list[Learnt] | None:
        """The flagged names of addresses that were known before Egret stopped; None: the disk does not answer."""
        return await self._on_disk(partial(self._store.remembered, now_ns))

    async def remember(self, learnt: Sequence[Learnt]) -> None:
        """Keep the flagged names of addresses for the next start."""
        await self._on_disk(partial(self._store.remember, learnt))

    def settled(self, sink: str, outcome: Outcome, alerts: Sequence[Message], detail: str) -> None:
        """Hear what became of alerts (``sinks.base.Watcher``); their places in the outbox are freed by ``run``."""
        self._spool.hear(sink, outcome, alerts, detail)
        self._wake.set()

    def hit(self, hit: Hit) -> None:
        """Judge and fold one hit; alerts wait for ``run`` to commit them."""
        if self.relays is not None and self.relays.is_echo(hit.event, hit.match.signature.id):
            self._telemetry.relayed()
            return
        try:
            client = self._directory.identify(hit.event.client.ip, hit.event.time_ns)
            detection = self.judge.detect(hit.event, hit.match, client, hit.proof)
        except Exception as error:  # noqa: BLE001 - a bug in one verdict must not stop the others
            self._telemetry.internal_error(Stage.JUDGE, error)
            return
        self._fold(detection)

    def volume(self, volume: Volume) -> None:
        """Add bytes to their incident; whatever became of its alerts, they are counted."""
        self._telemetry.volume(volume)
        try:
            if self.tally is not None:
                self.tally.volume(volume)
            alerts = self.incidents.add_volume(volume)
        except Exception as error:  # noqa: BLE001 - as above
            self._telemetry.internal_error(Stage.INCIDENTS, error)
            return
        self._queue(alerts)

    def _fold(self, detection: Detection) -> None:
        latency_s = (time.time_ns() - detection.observation.time_ns) / _NS
        self._telemetry.detection(detection, latency_s)
        before = self.incidents.counters.fates
        try:
            if (severity := self.incidents.weight(detection)) is not None:
                self._telemetry.not_allowed(detection.match.signature, severity)
            alerts = self.incidents.feed(detection)
        except Exception as error:  # noqa: BLE001 - as above
            self._telemetry.internal_error(Stage.INCIDENTS, error)
            self._telemetry.suppressed(Suppressed.ERROR)
            return
        after = self.incidents.counters.fates
        if after.folded > before.folded:
            self._telemetry.folded()
        if after.suppressed > before.suppressed:
            self._telemetry.suppressed(Suppressed.SUPPRESS_LIST)
        elif self.tally is not None:
            self.tally.detection(detection, self.incidents.ruling(detection))
        if after.approved > before.approved:
            self._telemetry.suppressed(Suppressed.APPROVED)
        if after.counted > before.counted:
            self._telemetry.suppressed(Suppressed.BELOW_ALERT_FROM)
        if isinstance(detection.observation, Observation):  # a connection's time is when it began, not when it told
            self._prompt |= {alert.id for alert in alerts if alert.action in {Action.OPENED, Action.ESCALATED}}
        self._queue(alerts)
        self._keep(detection)

    def _keep(self, detection: Detection) -> None:
        """Have the proof written down, where there is one and its incident is open."""
        if self._evidence is None or detection.proof is None:
            return
        try:
            incident = self.incidents.of(detection)
            if incident is not None:
                self._evidence(detection, incident)
        except Exception as error:  # noqa: BLE001 - as above
            self._telemetry.internal_error(Stage.EVIDENCE, error)

    def _queue(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self._telemetry.alert(alert.action, alert.severity)
        self._waiting += alerts
        if alerts:
            self._wake.set()

    async def run(self) -> None:
        """Commit and offer alerts as they come, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._commit_and_offer()
            await self._spool.settle()
            if await self._spool.read_on():
                self._wake.set()

    async def _commit_and_offer(self) -> None:
        async with self.offering:
            alerts, self._waiting = self._waiting, []
            if not alerts:
                return
            try:
                alerts = await self._with_evidence(alerts)
            except BaseException:  # a stop: they are for ``flush``
                self._waiting = [*alerts, *self._waiting]
                raise
            prompt, self._prompt = self._prompt, set()
            routed = [(alert, self._outputs.route(alert)) for alert in alerts]
            committed = None
            try:
                committed = await self._on_disk(partial(record, self._store, routed))
            finally:  # a stop amid the commit cancels this: they are told all the same
                self._spool.tell(routed, committed=committed is not None)
                self._telemetry.prompt(time.time_ns() - alert.time_ns for alert in alerts if alert.id in prompt)

    async def _with_evidence(self, alerts: list[Alert]) -> list[Alert]:
        """*alerts*, naming no file that is not there: one that is late is named by the next alert."""
        named = {alert.incident.id for alert in alerts if alert.incident.evidence_files}
        if not named or self._evidence is None:
            return alerts
        missing = named - await self._evidence.there(named)
        return [_without_files(alert) if alert.incident.id in missing else alert for alert in alerts]

    def drop(self, is_theirs: Callable[[Incident], bool]) -> int:
        """Forget the alerts about a client that wait to be committed; how many. Under ``offering``."""
        before = len(self._waiting)
        self._waiting = [alert for alert in self._waiting if not is_theirs(alert.incident)]
        return before - len(self._waiting)

    def forget_granted(self) -> None:
        """Know no client's address by what it may use."""
        if self.tally is not None:
            self.tally.forget()

    async def tick(self, now_ns: int) -> None:
        """Once a second: updates and closings that are due, and now and then the store."""
        self._queue(self.incidents.tick(now_ns))
        self._telemetry.incidents_open(self.incidents.open_by_severity())
        self._watch_outputs()
        now_s = time.monotonic()
        if now_s - self._saved_at_s >= SAVE_EVERY_S:
            self._saved_at_s = now_s
            await self._save()
            await self._count_dead()
            if self._unrestored:
                await self.restore(STORE_PATIENCE_S)
            if self._spool.unlisted:
                await self.resume()
            self._spool.retry()
            self._wake.set()
        if now_s - self._purged_at_s >= PURGE_EVERY_S:
            self._purged_at_s = now_s
            oldest_ns = now_ns - int(self.keep_s * _NS)
            await self._on_disk(lambda: self._store.purge_before(oldest_ns))
            await self._on_disk(partial(AccessLog(self._store.database).purge_before, oldest_ns))
            dropped = await self._on_disk(partial(outbox.trim_dead, self._store.database, self.max_dead)) or {}
            for sink, number in dropped.items():
                self._telemetry.dead_dropped(sink, number)

    def _watch_outputs(self) -> None:
        self._outputs.expire()
        self._measure_outputs()
        for name, circuit in self._outputs.circuits.items():
            self._telemetry.circuit(name, circuit.value)
        self._telemetry.unrecorded(self._store.lost)
        self._telemetry.unreadable(self._store.unreadable)

    def _measure_outputs(self) -> None:
        """What waits is as of now whenever somebody asks, or the account would not balance."""
        for name, length in self._outputs.queue_lengths.items():
            self._telemetry.queue_length(name, length)
        for name, number in self._spool.unread.items():
            self._telemetry.unread(name, number)
        self._telemetry.store_waiting(self._store.pending)

    async def _count_dead(self) -> None:
        found = await self._on_disk(partial(outbox.counts, self._store.database))
        if found is not None:
            for sink in self._outputs.names:
                self._telemetry.dead_letters(sink, found.get((sink, outbox.State.DEAD), 0))

    async def _save(self) -> None:
        changed: Iterable[Incident] = self.incidents.take_changed()
        await self._on_disk(lambda: self._store.record(changed))

    async def flush(self) -> None:
        """Commit what waits and offer it."""
        await self._commit_and_offer()

    async def close(self) -> None:
        """After the outputs are closed: note what they got, and close the store."""
        await self._spool.settle()
        await self._save()
        await self._on_disk(self._store.close)
        self._disk.shutdown(wait=False, cancel_futures=True)

    async def on_disk_to_the_end(self, work: Callable[[], _T]) -> _T:
        """Do what somebody waits for, however long it takes.

        Raises:
            StoreError: it failed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    async def on_disk(self, work: Callable[[], object]) -> object:
        """Do other work with the store, under the same rules: None if it failed or takes too long."""
        return await self._on_disk(work)

    async def _on_disk(self, work: Callable[[], _T], patience_s: float | None = None) -> _T | None:
        """Do *work* in the disk's thread; None if it failed or takes too long (then it goes on behind)."""
        future = asyncio.get_running_loop().run_in_executor(self._disk, work)
        done, _ = await asyncio.wait([future], timeout=STORE_PATIENCE_S if patience_s is None else patience_s)
        if not done:
            future.add_done_callback(_forget)
            self._telemetry.store_failed("the disk does not answer")
            return None
        try:
            result = future.result()
        except StoreError as error:
            self._telemetry.store_failed(str(error))
            return None
        self._telemetry.store_healthy()
        self._tell_of_broken_files()
        return result

    def _tell_of_broken_files(self) -> None:
        for path, salvaged in self._store.moved_aside[self._told_broken :]:
            self._telemetry.store_set_aside(path, salvaged.kept, salvaged.broken)
        self._told_broken = len(self._store.moved_aside)


def _without_files(alert: Alert) -> Alert:
    return replace(alert, incident=replace(alert.incident, evidence_files=()))


def _forget(future: asyncio.Future[Any]) -> None:
    """Take the outcome of work nobody waits for any more, or asyncio would complain of it."""
    if not future.cancelled():
        future.exception()
