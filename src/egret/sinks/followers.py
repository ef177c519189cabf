"""Which outputs heard of which open incident: they hear of its escalations and of its end too, whatever the hour.

Else a route's hours would leave somebody with an incident that never closes. Exact after a restart as well: routing
goes by the alerts alone, so those on record say again who heard of what.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from egret.alerts.model import Action, Alert

MAX_THREADS = 50_000  # several times the incidents that can be open
_FOLLOWED = frozenset({Action.ESCALATED, Action.CLOSED})


class Followers:
    """Of all open incidents."""

    def __init__(self) -> None:
        self._heard: dict[str, set[str]] = {}

    def route(self, alert: Alert, outputs: Collection[str], wants: Callable[[str], bool]) -> tuple[str, ...]:
        """Those of *outputs* that *alert* is for: who wants it, and who must hear it. Asked once of each alert."""
        heard = self._heard.get(alert.incident.id, set())
        follows = heard if alert.action in _FOLLOWED else set()
        names = tuple(name for name in outputs if name in follows or wants(name))
        if alert.action is Action.CLOSED:
            self._heard.pop(alert.incident.id, None)
        elif not heard.issuperset(names):
            self._heard.setdefault(alert.incident.id, set()).update(names)
            if len(self._heard) > MAX_THREADS:
                del self._heard[next(iter(self._heard))]
        return names

    def forget(self, incident: str) -> None:
        """The incident is dropped without an end."""
        self._heard.pop(incident, None)
