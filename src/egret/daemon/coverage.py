"""Keeps the coverage ledger: minutes of the last hour, hours of the last month, the hours on disk as well.

A stretch of time without a row is one in which Egret did not run; a row's ``seconds`` say how long it watched.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from egret.store.coverage import CoverageStore
from egret.telemetry import Telemetry
from egret.telemetry.coverage import LINK_DOWN, LINK_SILENT, Counts, Interval, Length, difference, together, totals

MINUTES, HOURS = 60, 24 * 31
RECEIVED = "received"


Links = Callable[[], Mapping[str, bool]]  # which interfaces are up
Disk = Callable[[Callable[[], object]], Awaitable[object]]  # does work in the disk's thread


class CoverageLedger:
    """The ledger.

    Args:
        telemetry: where the counts are read, and where the last minute's share goes.
        interfaces: those that are watched.
        links: says which of them are up.
        store: keeps the hours.
        disk: does the store's work.
    """

    def __init__(
        self, telemetry: Telemetry, interfaces: tuple[str, ...], links: Links, store: CoverageStore, disk: Disk
    ) -> None:
        self._telemetry = telemetry
        self._interfaces = interfaces
        self._links = links
        self._store = store
        self._disk = disk
        self._minutes: OrderedDict[int, Interval] = OrderedDict()
        self._hours: OrderedDict[int, Interval] = OrderedDict()
        self._restored = False
        self._unsaved: set[int] = set()  # hours that the disk did not take yet
        self._began_s: int | None = None  # the second that the running minute began to be watched
        self._before: Counts = {}
        self._down: Counter[str] = Counter()
        self._received: dict[str, int] = {}

    async def restore(self) -> None:
        """Begin with the hours of earlier runs; where the disk does not answer it is tried again each minute."""
        found = await self._disk(partial(self._store.hours, HOURS))
        self._restored = isinstance(found, list)
        for hour in found if isinstance(found, list) else []:
            _add(self._hours, hour, HOURS, Length.HOUR)
        self._hours = OrderedDict(sorted(self._hours.items()))

    def rows(self, length: Length) -> list[Interval]:
        """Whole intervals and, of hours, the running one; the oldest first."""
        rows = self._minutes if length is Length.MINUTE else self._hours
        return sorted(rows.values(), key=lambda row: row.start_s)

    async def tick(self, now_ns: int) -> None:
        """Once a second: look after the links, and close the minute when it is over."""
        now_s = now_ns // 1_000_000_000
        self._look_at_links(now_s)
        if self._began_s is None:
            self._began_s, self._before = now_s, totals(self._telemetry)
        elif now_s // Length.MINUTE != self._began_s // Length.MINUTE:
            await self._close(self._began_s, now_s)

    async def close(self, now_ns: int) -> None:
        """The daemon stops: keep what the running minute has."""
        if self._began_s is not None:
            await self._close(self._began_s, now_ns // 1_000_000_000)

    def _look_at_links(self, now_s: int) -> None:
        up = self._links()
        received = self._telemetry.by_label("egret_packets_received_total", "interface")
        for name in self._interfaces:
            if not up.get(name, False):
                self._down[name] += 1
            if (total := int(received.get(name, 0))) != self._received.get(name, 0):
                self._received[name] = total
                self._telemetry.link_heard(name, now_s)

    async def _close(self, began_s: int, now_s: int) -> None:
        now = totals(self._telemetry)
        seconds = min(max(now_s - began_s, 1), Length.MINUTE)  # a clock that was set makes no long minute
        found = {**difference(now, self._before), **self._links_of(now, seconds)}
        counts = {part: dict(numbers) for part, numbers in found.items() if numbers}
        minute = Interval(start_s=began_s - began_s % Length.MINUTE, seconds=seconds, counts=counts)
        self._began_s, self._before = now_s, now
        self._down.clear()
        self._telemetry.named_share(minute.share)
        _add(self._minutes, minute, MINUTES, Length.MINUTE)
        hour = _add(self._hours, minute, HOURS, Length.HOUR)
        self._unsaved = (self._unsaved | {hour.start_s}) & self._hours.keys()
        if not self._restored:
            await self.restore()
        if self._restored:  # or what could not be read yet would be written over
            await self._save(hour.start_s - HOURS * Length.HOUR)

    async def _save(self, oldest_s: int) -> None:
        for start_s in sorted(self._unsaved):
            if await self._disk(partial(self._store.record, self._hours[start_s], oldest_s)) is not None:
                self._unsaved.discard(start_s)

    def _links_of(self, now: Counts, seconds: int) -> Counts:
        """Per interface: how long it was down, and how long it was up and said nothing at all."""
        down = {name: min(number, seconds) for name, number in self._down.items()}
        before = self._before.get(RECEIVED, {})
        quiet = (name for name in self._interfaces if now[RECEIVED].get(name, 0) == before.get(name, 0))
        silent = {name: seconds - down.get(name, 0) for name in quiet}
        return {LINK_DOWN: down, LINK_SILENT: {name: number for name, number in silent.items() if number > 0}}


def _add(rows: OrderedDict[int, Interval], minute: Interval, most: int, length: Length) -> Interval:
    """Fold *minute*, or more, into the row that it belongs to; that row."""
    start_s = minute.start_s - minute.start_s % length
    row = rows.pop(start_s, None) or Interval(start_s=start_s, seconds=0)
    seconds = min(row.seconds + minute.seconds, length)
    rows[start_s] = Interval(start_s=start_s, seconds=seconds, counts=together((row.counts, minute.counts)))
    while len(rows) > most:
        rows.popitem(last=False)
    return rows[start_s]
