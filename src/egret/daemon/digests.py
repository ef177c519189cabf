"""Makes the digest of each day, once, whenever Egret runs after its time: committed first, then offered.

A day is done when the store says so; so a restart, a kill between commit and delivery, and a clock that steps make no
second one. Days that ended while Egret did not run are made up for, unless they are more than ``CATCH_UP`` back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from functools import partial

from egret.alerts.digest import MAX_ROWS, Digest, FirstUse, Grant, Moved, Sight, Use, digest_id, due, span
from egret.alerts.model import Incident, Sensor
from egret.daemon.ledger import STORE_PATIENCE_S, Ledger
from egret.daemon.tally import (
    ALLOWED,
    ALLOWED_IN,
    ALLOWED_OUT,
    CANARY_MISSED,
    CANARY_SENT,
    MOVED_IN,
    MOVED_OUT,
    PROBLEMS,
    UNDELIVERED,
    Tally,
)
from egret.errors import StoreError
from egret.settings.digest_section import DigestSettings
from egret.settings.routing_section import zone
from egret.sinks.outputs import Outputs
from egret.store.coverage import CoverageStore
from egret.store.database import Database
from egret.store.digests import DigestStore
from egret.telemetry import Telemetry
from egret.telemetry.coverage import LINK_DOWN, LINK_SILENT, Counts, Interval, together
from egret.telemetry.table import Stage

CATCH_UP = 7  # days
SAVE_EVERY_S = 10.0
PURGE_EVERY_NS = 3600 * 1_000_000_000
_HOURS = 24 * 31  # that coverage is kept
KEEP_COUNTS_NS = _HOURS * 3600 * 1_000_000_000
_NS = 1_000_000_000


def compose(database: Database, day: date, zone_name: str, sensor: Sensor, now_ns: int) -> Digest:
    """The digest of *day*, from the store as it is now.

    Raises:
        StoreError: the store cannot be read.
    """
    start_ns, end_ns = span(day, zone(zone_name))
    store = DigestStore(database)
    counts = store.counts(start_ns, end_ns)
    incidents, number = store.first_uses(start_ns, end_ns, MAX_ROWS)
    hours = CoverageStore(database).hours(_HOURS)
    whole = Digest(
        id=digest_id(sensor.hostname or "", day),
        day=day,
        zone=zone_name,
        start_ns=start_ns,
        end_ns=end_ns,
        time_ns=now_ns,
        opened=store.opened(start_ns, end_ns),
        first_uses=tuple(map(_first_use, incidents)),
        first_uses_more=max(0, number - MAX_ROWS),
        uses=tuple(_uses(counts)),
        moved=tuple(_moved(counts)),
        sight=_sight([hour for hour in hours if start_ns <= hour.start_s * _NS < end_ns], counts),
    )
    return whole.shortened(MAX_ROWS)


def _first_use(incident: Incident) -> FirstUse:
    return FirstUse(
        time_ns=incident.first_ns,
        client=incident.client,
        client_key=incident.client_key,
        client_name=incident.client_name,
        groups=incident.client_groups,
        signature=incident.signature,
        vendor=incident.vendor,
        service=incident.service,
        service_class=incident.service_class,
        severity=incident.severity,
        approval=incident.approval.state,
        incident=incident.id,
    )


def _uses(counts: Counts) -> list[Use]:
    """What was allowed, the most used first."""
    seen, out, back = (counts.get(part, {}) for part in (ALLOWED, ALLOWED_OUT, ALLOWED_IN))
    labels = sorted({*seen, *out, *back}, key=lambda label: (-seen.get(label, 0), label))
    return [Use(Grant.of_label(label), seen.get(label, 0), out.get(label, 0), back.get(label, 0)) for label in labels]


def _moved(counts: Counts) -> list[Moved]:
    """Bytes by service, the most that was sent first."""
    out, back = counts.get(MOVED_OUT, {}), counts.get(MOVED_IN, {})
    rows = [Moved(name, out.get(name, 0), back.get(name, 0)) for name in {*out, *back}]
    return sorted(rows, key=lambda row: (-row.bytes_out, row.signature))


def _sight(hours: Iterable[Interval], counts: Counts) -> Sight:
    rows = list(hours)
    whole = Interval(start_s=0, seconds=sum(row.seconds for row in rows), counts=together(row.counts for row in rows))
    return Sight(
        watched_s=whole.seconds,
        connections=whole.connections,
        named_share=whole.share,
        lost=whole.lost,
        link_down_s=dict(whole.part(LINK_DOWN)),
        link_silent_s=dict(whole.part(LINK_SILENT)),
        canary_sent=sum(counts.get(CANARY_SENT, {}).values()),
        canary_missed=sum(counts.get(CANARY_MISSED, {}).values()),
        problems=dict(counts.get(PROBLEMS, {})),
        undelivered=dict(counts.get(UNDELIVERED, {})),
    )


class Digester:
    """Makes digests when they are due, and keeps the counts that they are made of."""

    def __init__(
        self,
        database: Database,
        path: tuple[Ledger, Outputs, Tally],
        sensor: Sensor,
        settings: DigestSettings,
        telemetry: Telemetry,
    ) -> None:
        self._database = database
        self._store = DigestStore(database)
        self._ledger, self._outputs, self._tally = path
        self._sensor = sensor
        self._telemetry = telemetry
        self.settings = settings  # replaced on reload
        self._purged_ns: int | None = None

    async def run(self) -> None:
        """Until cancelled. A task of its own: it may wait for the disk, and holds up nothing."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            try:
                await self.step(time.time_ns())
            except StoreError as error:
                self._telemetry.store_failed(str(error))
            except Exception as error:  # noqa: BLE001 - a bug here must not end the capture
                self._telemetry.internal_error(Stage.DAEMON, error)

    async def step(self, now_ns: int) -> None:
        """Save what was counted, make what is due, delete what is old.

        Raises:
            StoreError: not all of it; the next step does.
        """
        await self.save(now_ns)
        if self.settings.to:
            await self._make_due(now_ns)
        if self._purged_ns is None or not 0 <= now_ns - self._purged_ns < PURGE_EVERY_NS:
            self._purged_ns = now_ns
            oldest_ns = now_ns - int(self._ledger.keep_s * _NS)
            counts_ns = now_ns - KEEP_COUNTS_NS
            await self._ledger.on_disk_to_the_end(partial(self._store.purge_before, oldest_ns, counts_ns))

    async def save(self, now_ns: int) -> None:
        """Keep what was counted.

        Raises:
            StoreError: it waits for the next time.
        """
        hours = self._tally.take(now_ns)
        if not hours:
            return
        try:
            await self._ledger.on_disk_to_the_end(partial(self._store.add, hours))
        except StoreError:
            self._tally.give_back(hours)
            raise

    async def _make_due(self, now_ns: int) -> None:
        settings = self.settings
        newest_due = due(now_ns, settings.at, zone(settings.timezone))
        if await asyncio.to_thread(self._store.is_made, newest_due):
            return
        ends = await asyncio.to_thread(self._store.ends)
        if ends is None or newest_due < ends[0]:  # the first start, or a clock set back behind it: nothing to tell
            await self._ledger.on_disk_to_the_end(partial(self._store.record, newest_due, now_ns, None))
            return
        missing = (newest_due - ends[1]).days
        for back in reversed(range(missing if 1 < missing <= CATCH_UP else 1)):
            await self._make(newest_due - timedelta(days=back), now_ns)

    async def _make(self, day: date, now_ns: int) -> None:
        settings = self.settings
        made = partial(compose, self._database, day, settings.timezone, self._sensor, now_ns)
        digest = await asyncio.to_thread(made)  # in short transactions: alerts are committed in between
        wanted = settings.quiet_days or not digest.is_quiet
        sinks = [name for name in settings.to if name in self._outputs.names] if wanted else []
        record = partial(self._store.record, day, now_ns, digest if wanted else None, sinks)
        if await self._ledger.on_disk_to_the_end(record):
            self._outputs.tell(digest, sinks)
            self._telemetry.log.event(logging.INFO, "digest_made", day=day, quiet=digest.is_quiet, outputs=len(sinks))

    async def close(self, now_ns: int) -> None:
        """The daemon stops: keep what was counted, unless the disk makes that long."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(STORE_PATIENCE_S):
                await self.save(now_ns)
