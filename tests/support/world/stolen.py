"""Time that the host of a virtual machine took from it: what is late by that is not late by Egret.

A host that gives the processors to others for seconds stops clients, sensor and clock of the test alike, and wall time
goes on. Where nothing is stolen, a bound that adds it is the bound.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

_STEP_S = 0.2
_STOLEN = 8  # the field of the first line of /proc/stat (proc_stat(5)), of all processors together


class Stolen:
    """Notes while the block runs how much was taken until when."""

    def __init__(self) -> None:
        self._times_ns: list[int] = []
        self._taken_s: list[float] = []
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._note()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(5)
        self._note()

    def between_s(self, begin_ns: int, end_ns: int) -> float:
        """Seconds of all processors that were taken between two times, up to the next note."""
        return self._until(end_ns, 1) - self._until(begin_ns, 0)

    def _until(self, time_ns: int, ahead: int) -> float:
        place = bisect_right(self._times_ns, time_ns) - 1 + ahead
        return self._taken_s[min(max(place, 0), len(self._taken_s) - 1)]

    def _watch(self) -> None:
        while not self._over.wait(_STEP_S):
            self._note()

    def _note(self) -> None:
        fields = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=_STOLEN + 1)
        self._taken_s.append(int(fields[_STOLEN]) / os.sysconf("SC_CLK_TCK"))
        self._times_ns.append(time.time_ns())
