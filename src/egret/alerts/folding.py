"""One open incident while detections fold into it.

A mutable accumulator, because folding happens for every detection and a frozen copy only for every
alert. Everything in it is bounded.
"""

from __future__ import annotations

from egret.alerts.community_id import flow_of
from egret.alerts.model import Action, Alert, CloseReason, Evidence, Incident, Server, alert_id
from egret.alerts.opening import identified, lasting, opened
from egret.alerts.standing import Standing
from egret.alerts.veil import CLEAR, Veil
from egret.judge.approvals import NO_RULING, ApprovalState, Ruling
from egret.judge.identity import unknown_client
from egret.judge.points import DEFAULT_POINTS, Points
from egret.judge.score import NO_CONTEXT, Context, context_parts, raise_line
from egret.model import (
    ClientIdentity,
    Connection,
    Detection,
    Endpoint,
    Hosting,
    Kind,
    Observation,
    Protocol,
    Severity,
    Verdict,
    Volume,
)
from egret.names import address_text

MAX_HOSTS = 32  # an alert is read by people; the rest is counted
MAX_SERVERS = 16
MAX_RESOLVERS = 4
MAX_INTERFACES = 8
MAX_ADDRESSES = 32  # of one client: privacy addresses come daily and last a week (RFC 8981 section 3.8)
MAX_FLOWS = 16  # flows remembered so that a hello and its connection count as one
CLOCK_STEP_NS = 60 * 1_000_000_000  # a time so far ahead of now means that the clock was set back
_MAX_BYTES = (1 << 63) - 1  # what the store and other programs read as an integer
_LOOKUPS = frozenset({Protocol.DNS, Protocol.HTTPDNS})
_REPLIES = frozenset({Kind.ANSWER, Kind.CNAME})


class Folding(Standing):
    """One open incident, and what detections do to it."""

    __slots__ = ()

    @classmethod
    def begin(
        cls,
        detection: Detection,
        points: Points = DEFAULT_POINTS,
        context: Context = NO_CONTEXT,
        approval: Ruling = NO_RULING,
        veil: Veil = CLEAR,
        evidence: str | None = None,
    ) -> Folding:
        """Start an incident with its first detection."""
        folding = cls(opened(detection, veil), detection.observation.time_ns, points, veil, approval)
        folding._hosting = detection.verdict.hosting
        folding._weighing.network(context_parts(detection.match.signature.category, context, points))
        folding.add(detection, evidence)
        return folding

    @classmethod
    def resume(cls, incident: Incident, points: Points = DEFAULT_POINTS, veil: Veil = CLEAR) -> Folding:
        """Go on with an incident, as ``unveiled`` gave it."""
        folding = cls(lasting(incident), incident.last_ns, points, veil, incident.approval)
        folding.take(incident)
        return folding

    def add(self, detection: Detection, evidence: str | None = None) -> None:
        """Fold one detection in; *evidence* is the folder that its proof goes to."""
        if detection.proof is not None and evidence is not None and not self._files:
            self._files = (f"{evidence}/{self.id}.pcapng", f"{evidence}/{self.id}.json")
        seen, time_ns = detection.observation, detection.observation.time_ns
        self.changed = True
        self._detections += 1
        if detection.client is None or detection.client is not self._client:
            self._know(detection.client or unknown_client(seen.client.ip))
        if time_ns >= self._last_ns:
            self._last_ns = time_ns
        elif time_ns < self._first_ns:
            self._first_ns = time_ns
        self.quiet_from_ns = time_ns if time_ns >= self.quiet_from_ns else in_order(time_ns, self.quiet_from_ns)
        label = seen.protocol or (seen.transport if isinstance(seen, Connection) else "")
        self._protocols[label] = self._protocols.get(label, 0) + 1
        if seen.name and seen.name not in self._hosts:
            self._hosts_more += _keep(self._hosts, seen.name, MAX_HOSTS)
        if seen.interface and seen.interface not in self._interfaces:
            _keep(self._interfaces, seen.interface, MAX_INTERFACES)
        self._judge(detection.verdict, time_ns)
        self._region = detection.match.region or self._region
        if seen.protocol in _LOOKUPS:
            self._add_lookup(detection)
        else:
            self._add_flow(detection)
        if not detection.verdict.lookup_only:
            self.evidence = Evidence.CONNECTION

    def _know(self, client: ClientIdentity) -> None:
        """Note what is known of the client now; what was known and is not any more stays."""
        if client != self._client:
            self._lasting = identified(self._lasting, client)
            self._keep_address(client.ip)
        self._client = client

    def _keep_address(self, ip: bytes) -> None:
        if ip not in self._addresses:
            if len(self._addresses) < MAX_ADDRESSES:
                self._addresses[ip] = address_text(ip)
            else:
                self._addresses_more += 1

    def _judge(self, verdict: Verdict, time_ns: int) -> None:
        """Take a detection's verdict; of several the gravest counts, and of those the newest."""
        if verdict is self._verdict and self._weighed is not None and not self._points.odd_hours:
            return  # it was taken, and weighed under this ruling: once more, with none between, changes nothing
        self._verdict = verdict
        if verdict.severity.rank >= self._judged.rank:
            self._judged, self._reasons = verdict.severity, verdict.reasons
        if not verdict.lookup_only or self.evidence is Evidence.LOOKUP:
            self._chain = verdict.jurisdiction_chain
        self._weighing.detection(verdict.score_parts)
        self._weighing.hour(time_ns)
        self._weigh()

    def _weigh(self) -> None:
        weighed = (self._weighing.total, self._judged, self.approval.state)
        if weighed == self._weighed:
            return
        self._weighed = weighed
        self.score = self._weighing.total
        if self._judged.rank > self.severity.rank:
            self.severity = self._judged
        raised = self._points.raised(self.severity, self.score)
        if self.approval.state is ApprovalState.TOLERATED and raised is not Severity.CRITICAL:
            return
        if raised is not self.severity:
            self.severity, self._raised = raised, (raise_line(raised, self.score, self._points),)
            self.changed = True

    def rule(self, ruling: Ruling) -> bool:
        """Take what the operator decided; whether this incident never told it before.

        Two addresses of one client may come under two entries in turn: each is news once.
        """
        known = ruling in self._rulings
        if not known:
            self._rulings.append(ruling)
        self.approval, self._weighed = ruling, None
        return not known

    def _add_lookup(self, detection: Detection) -> None:
        seen = detection.observation
        if not self._lookups or not (isinstance(seen, Observation) and seen.kind in _REPLIES):
            self._lookups += 1  # a reply tells of a look-up only where the question was not seen
        if self._connections or self._flow is None or self._flow[2].ip != seen.server.ip:  # else it was kept with that
            _keep(self._resolvers, address_text(seen.server.ip), MAX_RESOLVERS)
        if not self._connections:
            self._flow = flow_of(seen)
        if not self._servers and detection.verdict.hosting.source is not None:  # else a lookup's place is not known
            self._hosting = detection.verdict.hosting

    def _add_flow(self, detection: Detection) -> None:
        seen, hosting = detection.observation, detection.verdict.hosting
        flow = (*seen.client, *seen.server)
        if flow not in self._flows:
            self._connections += 1
            if len(self._flows) >= MAX_FLOWS:
                del self._flows[next(iter(self._flows))]
            self._flows[flow] = None
        self._flow = flow_of(seen)
        self._hosting = hosting
        self._keep_server(seen.server, seen.name, hosting)

    def _keep_server(self, end: Endpoint, host: str | None, hosting: Hosting) -> None:
        """List a server as the newest; the oldest makes room."""
        known = self._servers.pop(end, None)
        if known is None and len(self._servers) >= MAX_SERVERS:
            del self._servers[next(iter(self._servers))]
            self._servers_more += 1
        if known is None or known.host != host or known.hosting is not hosting:
            known = Server(ip=address_text(end.ip), port=end.port, host=host, hosting=hosting)
        self._servers[end] = known

    def add_volume(self, volume: Volume) -> None:
        """Add bytes; they keep the incident as lively as a detection does, and weigh in its score."""
        self.changed = True
        self.bytes_out = min(_MAX_BYTES, (self.bytes_out or 0) + volume.bytes_out)
        self._bytes_in = min(_MAX_BYTES, (self._bytes_in or 0) + volume.bytes_in)
        self._volume_source = volume.source.joined(self._volume_source)
        self._last_ns = max(self._last_ns, volume.time_ns)
        self.quiet_from_ns = max(self.quiet_from_ns, volume.time_ns)
        self._weighing.volume(self.bytes_out)
        self._weigh()

    def set_back(self, now_ns: int) -> None:
        """Follow a clock that was set back, so that nothing waits for a time that will not come soon."""
        if self.quiet_from_ns > now_ns + CLOCK_STEP_NS:
            self.quiet_from_ns = now_ns
        if self.alerted_ns > now_ns + CLOCK_STEP_NS:
            self.alerted_ns = now_ns

    def speak(self, action: Action, time_ns: int, previous: Severity | None = None) -> None:
        """Have something to say: what ``newest`` then makes."""
        self.sequence += 1
        self.alerted_ns = in_order(time_ns, self.alerted_ns)
        self._told, self._told_source = self._tellable(), self._volume_source
        self._said = action, previous, self.alerted_ns
        self.changed = True

    def newest(self, reason: CloseReason | None = None) -> Alert:
        """The newest alert of this incident, which is in it as it is now; with a *reason* it is closed."""
        action, previous, time_ns = self._said
        return Alert(
            id=alert_id(self.id, self.sequence, time_ns if self._again else None),
            action=action,
            sequence=self.sequence,
            time_ns=time_ns,
            severity=self.severity,
            previous_severity=previous,
            incident=self.snapshot(reason),
        )

    def close(self, time_ns: int, reason: CloseReason) -> Alert:
        """Make the last alert of this incident."""
        self.speak(Action.CLOSED, time_ns)
        return self.newest(reason)


def in_order(time_ns: int, before_ns: int) -> int:
    """*time_ns*, or *before_ns* where it is a little later: two interfaces hand over a little out of order."""
    return before_ns if 0 < before_ns - time_ns <= CLOCK_STEP_NS else time_ns


def _keep(listed: dict[str, None], value: str, limit: int) -> int:
    """List *value* if there is room; 1 if there is not."""
    if value in listed:
        return 0
    if len(listed) >= limit:
        return 1
    listed[value] = None
    return 0
