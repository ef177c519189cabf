"""Counts by the hour that no incident tells: allowed use, volumes by service, and how the sensor itself fared.

No client is in them. They wait here until the store has them; a kill loses those of the last seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from egret.alerts.digest import Grant
from egret.judge.approvals import ApprovalState, Ruling
from egret.model import Detection, Volume
from egret.store.digests import HOUR_S
from egret.telemetry import Telemetry
from egret.telemetry.coverage import Counts, difference, together

ALLOWED, ALLOWED_OUT, ALLOWED_IN = "allowed", "allowed_out", "allowed_in"  # by Grant.label
MOVED_OUT, MOVED_IN = "moved_out", "moved_in"  # by signature
CANARY_SENT, CANARY_MISSED, PROBLEMS, UNDELIVERED = "canary_sent", "canary_missed", "problems", "undelivered"
_FATES = ("rejected", "dropped")
_ALLOWING = frozenset({ApprovalState.APPROVED, ApprovalState.TOLERATED})
MAX_GRANTED = 10_000  # clients and services whose bytes can be told to be allowed; the longest quiet go first
_NS = 1_000_000_000


class Tally:
    """What was counted and is not in the store yet."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._hours: dict[int, dict[str, dict[str, int]]] = {}
        self._granted: OrderedDict[tuple[bytes, str], str] = OrderedDict()
        self._before: Counts = self._totals()

    def detection(self, detection: Detection, ruling: Ruling) -> None:
        """Count one detection, if it is of something that is allowed."""
        seen, signature = detection.observation, detection.match.signature.id
        place = (seen.client.ip, signature)
        self._granted.pop(place, None)
        if ruling.state not in _ALLOWING:
            return
        groups = tuple(sorted(detection.client.groups)) if detection.client else ()
        label = Grant(ruling.state, signature, groups, ruling.terms.owner, ruling.terms.ticket).label()
        self._granted[place] = label
        if len(self._granted) > MAX_GRANTED:
            self._granted.popitem(last=False)
        self._add(seen.time_ns, ALLOWED, label, 1)

    def volume(self, volume: Volume) -> None:
        """Count the bytes of a service, and of what is allowed of it."""
        rows = [(MOVED_OUT, MOVED_IN, volume.signature)]
        label = self._granted.get((volume.client, volume.signature))
        if label is not None:
            rows.append((ALLOWED_OUT, ALLOWED_IN, label))
        for out, back, name in rows:
            self._add(volume.time_ns, out, name, volume.bytes_out)
            self._add(volume.time_ns, back, name, volume.bytes_in)

    def forget(self) -> None:
        """Know no address any more: a client is to be forgotten."""
        self._granted.clear()

    def take(self, now_ns: int) -> Mapping[int, Counts]:
        """All that waits, by the first second of its hour; what befell the sensor goes into the hour of *now_ns*."""
        totals = self._totals()
        news, self._before = difference(totals, self._before), totals
        for part, labels in news.items():
            for label, number in labels.items():
                self._add(now_ns, part, label, number)
        taken, self._hours = self._hours, {}
        return taken

    def give_back(self, hours: Mapping[int, Counts]) -> None:
        """The store did not take them."""
        for start_s, counts in hours.items():
            both = together([counts, self._hours.get(start_s, {})])
            self._hours[start_s] = {part: dict(labels) for part, labels in both.items()}

    def _add(self, time_ns: int, part: str, label: str, number: int) -> None:
        if number <= 0:
            return
        second = time_ns // _NS
        labels = self._hours.setdefault(second - second % HOUR_S, {}).setdefault(part, {})
        labels[label] = labels.get(label, 0) + number

    def _totals(self) -> Counts:
        fates = self._telemetry.by_label("egret_deliveries_total", "outcome")
        found = {
            CANARY_SENT: self._telemetry.by_label("egret_canary_sent_total", "probe"),
            CANARY_MISSED: self._telemetry.by_label("egret_canary_missed_total", "probe"),
            PROBLEMS: self._telemetry.by_label("egret_sensor_alerts_total", "problem", turn="raised"),
            UNDELIVERED: {fate: fates.get(fate, 0.0) for fate in _FATES},
        }
        return {part: {label: int(number) for label, number in labels.items()} for part, labels in found.items()}
