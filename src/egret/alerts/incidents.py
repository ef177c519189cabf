"""Detections fold into incidents; incidents speak through alerts.

    first detection -> opened at once -> escalated at once, when the severity rises
                                      -> updated, when ``update_every`` has passed (the wait doubles each time)
                                      -> closed, when nothing came for ``close_after``

A look-up opens an incident one step lower (the judge's work) and the connection that follows escalates
it: two alerts of one incident, never two incidents. Time is event time throughout, so a replay gives
the alerts that the live run gave; a clock that steps back closes nothing early and keeps nothing open.

What the operator approved is counted and has no incident; one that was open closes with that reason.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from egret.alerts.counters import Counters
from egret.alerts.decisions import Decisions
from egret.alerts.folding import Folding
from egret.alerts.model import Action, Alert, CloseReason, Incident
from egret.alerts.suppress import Suppression, SuppressList
from egret.alerts.timestamps import SECOND_NS
from egret.alerts.veil import CLEAR, Veil
from egret.judge.approvals import Approval, ApprovalState, Ruling, apply
from egret.judge.history import History, Use
from egret.judge.identity import is_unknown, unknown_client
from egret.judge.points import DEFAULT_POINTS, Points
from egret.model import Detection, Role, ServiceClass, Severity, Volume
from egret.value import Struct

_Key = tuple[str, str]  # who the client is (``ClientIdentity.key``), signature id
_WALK_EVERY_NS = SECOND_NS  # walking the open incidents more often would find nothing new
_WALK_NS_EACH = 1_000_000  # and longer with many: a walk takes some 5 us each, so this is half a percent of a core
_CLOSED_BY = {ApprovalState.APPROVED: CloseReason.APPROVED, ApprovalState.TOLERATED: CloseReason.TOLERATED}


class IncidentPolicy(Struct, frozen=True, kw_only=True):
    """When incidents open, speak and close."""

    alert_from: Severity = Severity.LOW  # a connection below it is counted only, a look-up one step below it
    counted: frozenset[ServiceClass] = frozenset({ServiceClass.BROAD})  # classes whose own severity is below alert_from
    update_every_ns: int = 3600 * SECOND_NS  # before the first update; doubles after each
    update_at_least_ns: int = 24 * 3600 * SECOND_NS  # the wait never grows beyond
    close_after_ns: int = 1800 * SECOND_NS
    max_open: int = 10_000  # about 5 kB each; the one that has been quiet longest is closed for a new one
    suppress: tuple[Suppression, ...] = ()
    points: Points = DEFAULT_POINTS  # of what the network adds to a score
    approvals: tuple[Approval, ...] = ()
    evidence: str | None = None  # the folder that proofs go to; None: they are not kept
    page: str | None = None  # where the status page is for people; None: incidents link to nothing


class Incidents:
    """All open incidents.

    Args:
        policy: when they open, speak and close.
        veil: what hides clients.
        only_last: of an incident only the last word is wanted: alerts of open ones are not made but by ``newest``.

    Raises:
        ValueError: an entry of the suppress list or an approval names a client that is neither an address nor a subnet.
    """

    def __init__(self, policy: IncidentPolicy | None = None, veil: Veil = CLEAR, *, only_last: bool = False) -> None:
        self._veil = veil
        self._only_last = only_last
        self.counters = Counters()
        self._open: OrderedDict[_Key, Folding] = OrderedDict()  # longest quiet first
        self._seen_at: dict[tuple[bytes, str], str] = {}  # client address, signature id: the newest key there
        self._walked_ns: int | None = None
        self._history = History()
        self.apply(policy or IncidentPolicy())

    def apply(self, policy: IncidentPolicy) -> None:
        """Use *policy* from now on; open incidents stay open, until ``review`` closes what it approves."""
        self._suppress = SuppressList(policy.suppress)
        self._decisions = Decisions(policy.approvals)
        self._policy = policy
        self._calm_ns = min(policy.update_every_ns, policy.update_at_least_ns)  # after an alert no update is due

    @property
    def open_incidents(self) -> list[Incident]:
        """All open incidents as they are now, the longest quiet first."""
        return [folding.snapshot() for folding in self._open.values()]

    def newest(self) -> list[Alert]:
        """The newest alert of every open incident, with the incident as it is now."""
        return [folding.newest() for folding in self._open.values()]

    def find(self, incident_id: str) -> Incident | None:
        """One open incident as it is now, None where none has that id."""
        found = next((folding for folding in self._open.values() if folding.id == incident_id), None)
        return None if found is None else found.snapshot()

    def open_by_severity(self) -> dict[Severity, int]:
        """How many are open, for every severity."""
        counts = dict.fromkeys(Severity, 0)
        for folding in self._open.values():
            counts[folding.severity] += 1
        return counts

    def feed(self, detection: Detection) -> list[Alert]:
        """Fold one detection in; the alerts that it causes, in order."""
        if self._suppress.matches(detection):
            self.counters.suppressed += 1
            return []
        key, alerts = self._arrive(detection)
        time_ns = detection.observation.time_ns
        ruling = self._decisions.of(detection)
        if ruling.state is ApprovalState.APPROVED:
            self.counters.approved += 1
            return alerts
        ruled, folding = apply(detection, ruling), self._open.get(key)
        if folding is not None:
            return [*alerts, *self._fold(key, folding, ruled, ruling)]
        if not (self._alerts(detection) or self._alerts(ruled)):  # tolerated: milder, and kept all the same
            self.counters.counted += 1
            return alerts
        return [*alerts, *self._make_room(time_ns), *self._begin(key, ruled, ruling)]

    def ruling(self, detection: Detection) -> Ruling:
        """What the operator decided about *detection*."""
        return self._decisions.of(detection)

    def weight(self, detection: Detection) -> Severity | None:
        """How severe *detection* is by the operator's word; None if it is approved or on the suppress list."""
        ruling = self._decisions.of(detection)
        if ruling.state is ApprovalState.APPROVED or self._suppress.matches(detection):
            return None
        return apply(detection, ruling).verdict.severity

    def review(self, time_ns: int) -> list[Alert]:
        """Close the open incidents that are approved or tolerated now: after ``apply``, and after ``restore``.

        Only here: a client with an approved and another address would otherwise open and close with every packet.
        """
        alerts: list[Alert] = []
        for key, folding in list(self._open.items()):
            ruling = self._decisions.allowed(folding.unveiled(), time_ns)
            if ruling is None or folding.approval.state is ruling.state:
                continue
            self._forget(key)
            self.counters.closed += 1
            folding.approval = ruling
            alerts.append(folding.close(time_ns, _CLOSED_BY[ruling.state]))
        return alerts

    def _arrive(self, detection: Detection) -> tuple[_Key, list[Alert]]:
        """The key of the incident that the detection belongs to, after what had to be said before it came."""
        seen, client, signature = detection.observation, detection.client, detection.match.signature.id
        if client is not None and self._seen_at.get((seen.client.ip, signature)) == client.key:
            key = (client.key, signature)  # as before: nobody is known by another name, and nothing merges
            return key, self._settle(key, seen.time_ns)
        key = self._key(detection)
        alerts = [*self._merge(detection), *self._settle(key, seen.time_ns)]
        return (self._key(detection) if alerts else key), alerts  # the incident that the address was in may be over

    def _key(self, detection: Detection) -> _Key:
        """The key of the incident that the detection belongs to, be it open or not.

        A client becomes known only after its first packets, and is unknown again when a table forgets it:
        an incident of the mere address goes over to whoever that turns out to be, and a mere address
        belongs to whoever had it last. Two known clients that share an address by turns stay two.
        """
        ip, signature = detection.observation.client.ip, detection.match.signature.id
        client = detection.client or unknown_client(ip)
        key = (client.key, signature)
        known = self._seen_at.get((ip, signature))
        if known is None or known == client.key:
            return key
        before = (known, signature)
        folding = self._open.get(before)
        if folding is None or key in self._open:
            return key
        if is_unknown(client):
            return before
        if folding.key.startswith("ip:") or (client.mac is not None and client.mac == folding.mac):
            self._rename(before, key)
        return key

    def _merge(self, detection: Detection) -> list[Alert]:
        """End the incident of a mere address whose client turns out to have one already."""
        ip, signature = detection.observation.client.ip, detection.match.signature.id
        client, known = detection.client, self._seen_at.get((ip, signature), "")
        if client is None or known == client.key or is_unknown(client) or not known.startswith("ip:"):
            return []
        if (client.key, signature) not in self._open:
            return []  # it goes over to the client as it is
        self.counters.closed += 1
        return [self._forget((known, signature)).close(detection.observation.time_ns, CloseReason.MERGED)]

    def _rename(self, before: _Key, key: _Key) -> None:
        """The incident's client is known now, or by a better name."""
        self._open[key] = folding = self._open.pop(before)
        self._note_addresses(folding, key)

    def _note_addresses(self, folding: Folding, key: _Key) -> None:
        for ip in folding.addresses:
            self._seen_at[ip, key[1]] = key[0]

    def _forget(self, key: _Key) -> Folding:
        """Take an incident out, with its addresses."""
        folding = self._open.pop(key)
        for ip in folding.addresses:
            if self._seen_at.get((ip, key[1])) == key[0]:
                del self._seen_at[ip, key[1]]
        return folding

    def _alerts(self, detection: Detection) -> bool:
        """Whether it is severe enough; a look-up is judged by what its connection would be."""
        verdict, service_class = detection.verdict, detection.match.signature.service_class
        threshold = self._policy.alert_from
        if verdict.lookup_only and service_class not in self._policy.counted:
            threshold = threshold.step_down()
        return verdict.severity.rank >= threshold.rank

    def _begin(self, key: _Key, detection: Detection, ruling: Ruling) -> list[Alert]:
        points = self._policy.points
        use = Use(key[1], key[0], detection.observation.time_ns)
        context = self._history.open(use, points.window_ns, server=_is_server(detection, points))
        folding = self._open[key] = Folding.begin(detection, points, context, ruling, self._veil, self._policy.evidence)
        folding.link(self._policy.page)
        self._note_addresses(folding, key)
        self.counters.opened += 1
        return self._say(folding, Action.OPENED, detection.observation.time_ns)

    def _fold(self, key: _Key, folding: Folding, detection: Detection, ruling: Ruling) -> list[Alert]:
        severity, evidence, time_ns = folding.severity, folding.evidence, detection.observation.time_ns
        news = ruling is not folding.approval and folding.rule(ruling)
        folding.add(detection, self._policy.evidence)
        self._open.move_to_end(key)
        at = (detection.observation.client.ip, key[1])
        if self._seen_at.get(at) != key[0] and folding.lists(at[0]):  # what it does not list, it could not take back
            self._seen_at[at] = key[0]
        self.counters.folded += 1
        if folding.severity.rank > severity.rank:
            return self._escalate(folding, time_ns, severity)
        if folding.evidence is not evidence or news:  # what was told is no longer true: say so at once
            return self._update(folding, time_ns)
        if time_ns - folding.alerted_ns >= self._calm_ns and time_ns >= self._due_ns(folding) and folding.has_news:
            folding.updates += 1
            return self._update(folding, time_ns)
        return []

    def of(self, detection: Detection) -> Incident | None:
        """The open incident that a detection was folded into, as others may see it."""
        folding = self._open.get(self._key(detection))
        return None if folding is None else folding.snapshot()

    def add_volume(self, volume: Volume) -> list[Alert]:
        """Add bytes to the open incident of their client and service; without one they are nobody's."""
        client = self._seen_at.get((volume.client, volume.signature), "")
        key = (client, volume.signature)
        alerts = self._settle(key, volume.time_ns)
        folding = self._open.get(key)
        if folding is None:
            return alerts
        severity = folding.severity
        folding.add_volume(volume)
        self._open.move_to_end(key)
        if folding.severity.rank > severity.rank:
            alerts += self._escalate(folding, volume.time_ns, severity)
        return alerts

    def _due_ns(self, folding: Folding) -> int:
        """When the next periodic update may be."""
        wait_ns = min(self._policy.update_every_ns << min(folding.updates, 16), self._policy.update_at_least_ns)
        return folding.alerted_ns + wait_ns

    def _close_ns(self, folding: Folding) -> int:
        """When it is over; after a reload that shortened it, not before what was told already."""
        return max(folding.quiet_from_ns + self._policy.close_after_ns, folding.alerted_ns)

    def _settle(self, key: _Key, time_ns: int) -> list[Alert]:
        """Say what an incident had to say before *time_ns*, dated when it was due.

        Alerts thus do not depend on how often somebody ticks: a replay, which ticks as captures allow,
        gives those of the live run.
        """
        folding = self._open.get(key)
        if folding is None:
            return []
        is_calm = time_ns - folding.alerted_ns < self._calm_ns
        if is_calm and time_ns - folding.quiet_from_ns < self._policy.close_after_ns:
            return []  # neither of the times below has come
        alerts: list[Alert] = []
        due_ns, close_ns = self._due_ns(folding), self._close_ns(folding)
        if due_ns <= time_ns and due_ns < close_ns and folding.has_news:
            folding.updates += 1
            alerts += self._update(folding, due_ns)
        if close_ns <= time_ns:
            self._forget(key)
            self.counters.closed += 1
            alerts.append(folding.close(close_ns, CloseReason.QUIET))
        return alerts

    def _escalate(self, folding: Folding, time_ns: int, previous: Severity) -> list[Alert]:
        self.counters.escalated += 1
        return self._say(folding, Action.ESCALATED, time_ns, previous)

    def _update(self, folding: Folding, time_ns: int) -> list[Alert]:
        self.counters.updated += 1
        return self._say(folding, Action.UPDATED, time_ns)

    def _say(self, folding: Folding, action: Action, time_ns: int, previous: Severity | None = None) -> list[Alert]:
        folding.speak(action, time_ns, previous)
        return [] if self._only_last else [folding.newest()]

    def _make_room(self, time_ns: int) -> list[Alert]:
        return [] if len(self._open) < self._policy.max_open else [self._evict(time_ns)]

    def _evict(self, time_ns: int) -> Alert:
        """Close the one that has been quiet longest."""
        folding = self._forget(next(iter(self._open)))
        self.counters.closed += 1
        self.counters.evicted += 1
        return folding.close(time_ns, CloseReason.EVICTED)

    def tick(self, time_ns: int) -> list[Alert]:
        """Close what has been quiet and update what is due. Cheap to call often.

        Args:
            time_ns: event time: the newest frame's, or the clock's when live.
        """
        pause_ns = _WALK_EVERY_NS + _WALK_NS_EACH * len(self._open)
        if self._walked_ns is not None and 0 <= time_ns - self._walked_ns < pause_ns:
            return []
        self._walked_ns = time_ns
        alerts: list[Alert] = []
        for key, folding in list(self._open.items()):
            folding.set_back(time_ns)
            alerts += self._settle(key, time_ns)
        return sorted(alerts, key=lambda alert: alert.time_ns)

    def take_changed(self) -> list[Incident]:
        """The open incidents that changed since the last call: what the store should save."""
        changed = [folding for folding in self._open.values() if folding.changed]
        for folding in changed:
            folding.changed = False
        return [folding.snapshot() for folding in changed]

    def recall(self, uses: Iterable[Use], *, afresh: bool = False) -> None:
        """Learn who used which service before: what is new or rare is judged by it.

        Args:
            uses: as the store tells them.
            afresh: know only these and what is open, as after a purge.
        """
        shown = ((use, self._veil.shown_key(use.client)) for use in uses)
        known = [use._replace(client=key) for use, key in shown if key is not None]
        still = [Use(signature, client, each.quiet_from_ns) for (client, signature), each in self._open.items()]
        self._history.recall([*known, *still], afresh=afresh)

    def restore(self, incidents: Iterable[Incident]) -> list[Alert]:
        """Continue open incidents after a restart, without alerting again; closed ones are left alone.

        Those whose pseudonyms another key made are left alone too: nobody can tell whose they are.

        Returns:
            The closings of those that there is no room for, and of the quieter one of two of a client and a service: a
            store that could not be read at first gives its incidents when others are open.
        """
        alerts: list[Alert] = []
        for veiled in incidents:
            incident = self._veil.show(veiled)
            if incident is not None and incident.closed_ns is None:
                alerts += self._continue(Folding.resume(incident, self._policy.points, self._veil), incident.signature)
        self._open = OrderedDict(sorted(self._open.items(), key=lambda pair: pair[1].quiet_from_ns))
        while len(self._open) > self._policy.max_open:
            alerts.append(self._evict(next(iter(self._open.values())).quiet_from_ns))
        return alerts

    def _continue(self, folding: Folding, signature: str) -> list[Alert]:
        key = (folding.key, signature)
        other, alerts = self._open.get(key), []
        if other is not None and other.id == folding.id:
            return []
        if other is not None:
            self.counters.closed += 1
            is_older = folding.quiet_from_ns <= other.quiet_from_ns
            quieter, newer = (folding, other) if is_older else (self._forget(key), folding)
            alerts, folding = [quieter.close(newer.quiet_from_ns, CloseReason.MERGED)], newer
        self._open[key] = folding
        self._note_addresses(folding, key)
        return alerts

    def forget(self, is_theirs: Callable[[Incident], bool]) -> list[Incident]:
        """Drop the open incidents of a client without an alert, and that it ever used a service; what was dropped.

        Args:
            is_theirs: says so of an incident with its client in the clear.
        """
        keys = [key for key, folding in self._open.items() if is_theirs(folding.unveiled())]
        dropped = [self._forget(key).unveiled() for key in keys]
        for incident in dropped:
            self._history.forget(incident.client_key)
        self.counters.purged += len(dropped)
        return dropped


def _is_server(detection: Detection, points: Points) -> bool:
    client = detection.client
    return client is not None and (client.role is Role.SERVER or not points.server_groups.isdisjoint(client.groups))
