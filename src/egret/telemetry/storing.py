"""The incident store: metrics and log lines."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from egret.telemetry.series import Series


class Storing(Series):
    """The part of ``Telemetry`` that is about the incident store."""

    _unreadable = 0

    def store_failed(self, why: str) -> None:
        """A read or write of the store failed; detection goes on."""
        self._add("egret_store_errors_total", 1)
        self._set("egret_store_healthy", 0)
        self.log.repeated(logging.ERROR, "store_failed", why=why)

    def store_healthy(self) -> None:
        """The store took a write."""
        self._set("egret_store_healthy", 1)

    def store_waiting(self, number: int) -> None:
        """How many incidents, alerts and outcomes wait for the disk."""
        self._set("egret_store_waiting", number)

    def store_set_aside(self, path: Path, kept: Mapping[str, int], broken: int) -> None:
        """A store was no sound database; *kept* of its rows, by table, were read, *broken* were not."""
        self._add("egret_store_set_aside_total", 1)
        why = "it was no sound database; a new one was begun with what could be read of it, and this one kept"
        if path.name.endswith("-wal"):
            why = (
                "the store's log was damaged and its last commits are lost; a copy of it was kept, if the disk had room"
            )
        rows = {f"{table}_saved": number for table, number in kept.items()}
        self.log.event(logging.ERROR, "store_moved_aside", file=path, why=why, not_readable=broken, **rows)

    def unreadable(self, total: int) -> None:
        """How many rows of the store were no incident or alert of ours since the start, in all."""
        if total > self._unreadable:
            self._add("egret_store_unreadable_total", total - self._unreadable)
            why = "damaged on disk; they are left out"
            self.log.repeated(logging.ERROR, "store_rows_unreadable", rows=total - self._unreadable, why=why)
            self._unreadable = total
