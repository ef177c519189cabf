"""Whether a link that says nothing usually does: what it was like in the last hour, and at this hour of other days.

Bounded, and in the time that the caller gives. It learns from nothing on: for the first half hour it says nothing.
"""

from __future__ import annotations

from collections import deque

MINUTE_NS = 60 * 1_000_000_000
_RECENT, _ENOUGH = 60, 30  # minutes that are remembered, and how many there must be
_BUSY = 0.9  # a busy link has packets in so many of its minutes
_QUIET = 0.5  # and an hour of the day that is quiet in fewer than these is no time for alarm
_OTHER_DAYS = 120  # minutes of that hour: it was seen on another day
_MEMORY = 60 * 14  # of an hour of the day: two weeks count, older ones fade
_STEP = 10  # minutes: a clock that jumps further was set, or the machine slept


class Silence:
    """One link's habits.

    Args:
        after_ns: how long a usually busy link may say nothing.
    """

    def __init__(self, after_ns: int) -> None:
        self.after_ns = after_ns
        self._minute: int | None = None
        self._heard = False  # in the running minute
        self._heard_ns = 0
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._hours = [[0.0, 0.0] for _ in range(24)]  # minutes with packets, and all, by hour of the day (UTC)
        self._alarmed = False

    def look(self, now_ns: int, *, heard: bool) -> int | None:
        """Say for how long it has been silent if that is unusual; *heard*: it had packets since the last look."""
        self._advance(now_ns // MINUTE_NS, now_ns)
        if heard:
            self._heard = True
            self._heard_ns = now_ns
            self._alarmed = False
            return None
        silent_ns = now_ns - self._heard_ns
        if self._alarmed or (silent_ns >= self.after_ns and self._is_usually_busy(now_ns)):
            self._alarmed = True
            return silent_ns
        return None

    def _advance(self, minute: int, now_ns: int) -> None:
        before, self._minute = self._minute, minute
        if before is None or not 0 <= minute - before <= _STEP:
            self._recent.clear()
            self._heard, self._heard_ns, self._alarmed = False, now_ns, False
            return
        for each in range(before, minute):
            self._recent.append(self._heard)
            self._remember(each // 60 % 24)
            self._heard = False

    def _remember(self, hour: int) -> None:
        slot = self._hours[hour]
        slot[0] += self._heard
        slot[1] += 1
        if slot[1] > _MEMORY:
            slot[:] = [each / 2 for each in slot]

    def _is_usually_busy(self, now_ns: int) -> bool:
        minutes = list(self._recent)
        while minutes and not minutes[-1]:
            minutes.pop()  # the silence itself
        busy, watched = self._hours[now_ns // MINUTE_NS // 60 % 24]
        if watched >= _OTHER_DAYS and busy < _QUIET * watched:
            return False
        return len(minutes) >= _ENOUGH and sum(minutes) >= _BUSY * len(minutes)
