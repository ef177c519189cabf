"""One open incident while detections fold into it.

A mutable accumulator, because folding happens for every detection and a frozen copy only for every
alert. Everything in it is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from egret.alerts.community_id import Flow, community_id, flow_of
from egret.alerts.model import Action, Alert, CloseReason, Evidence, Incident, Server, alert_id
from egret.alerts.opening import Lasting, identified, lasting, opened
from egret.alerts.veil import CLEAR, Veil
from egret.alerts.weighing import Weighing
from egret.evidence import ChainLink
from egret.judge.approvals import NO_RULING, ApprovalState, Ruling
from egret.judge.hosting import UNKNOWN
from egret.judge.identity import unknown_client
from egret.judge.points import DEFAULT_POINTS, Points
from egret.judge.score import NO_CONTEXT, RAISED, Context, context_parts, raise_line
from egret.model import (
    ClientIdentity,
    Connection,
    Detection,
    Endpoint,
    FlowKey,
    Hosting,
    Kind,
    Observation,
    Protocol,
    Severity,
    Verdict,
    Volume,
    VolumeSource,
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
_MEGABYTE_BITS = 20
_LOOKUPS = frozenset({Protocol.DNS, Protocol.HTTPDNS})
_BY_DATAGRAMS = frozenset({VolumeSource.UDP, VolumeSource.TCP_UDP})
_NOTHING_TOLD = (0, 0, 0, 0)
_REPLIES = frozenset({Kind.ANSWER, Kind.CNAME})


@dataclass(slots=True, eq=False, repr=False)  # a quarter less memory than with a dictionary each
class Folding:
    """The state of one open incident: its newest snapshot, and what has come since."""

    _lasting: Lasting
    quiet_from_ns: int  # as last_ns, but follows the clock when it steps back
    _points: Points
    _veil: Veil
    approval: Ruling
    id: str = field(init=False)
    _community_id: str | None = field(default=None, init=False)
    _again: bool = field(default=False, init=False)  # continued after a restart
    severity: Severity = field(default=Severity.INFO, init=False)
    _judged: Severity = field(default=Severity.INFO, init=False)  # the highest of a detection by itself
    score: int = field(default=0, init=False)
    evidence: Evidence = field(default=Evidence.LOOKUP, init=False)
    sequence: int = field(default=0, init=False)
    alerted_ns: int = field(default=0, init=False)
    updates: int = field(default=0, init=False)
    _rulings: list[Ruling] = field(default_factory=list, init=False)
    changed: bool = field(default=False, init=False)  # since the last time somebody asked
    _first_ns: int = field(init=False)
    _last_ns: int = field(init=False)
    _detections: int = field(default=0, init=False)
    _lookups: int = field(default=0, init=False)
    _connections: int = field(default=0, init=False)
    _protocols: dict[str, int] = field(default_factory=dict, init=False)
    _hosts: dict[str, None] = field(default_factory=dict, init=False)
    _servers: dict[Endpoint, Server] = field(default_factory=dict, init=False)
    _resolvers: dict[str, None] = field(default_factory=dict, init=False)
    _interfaces: dict[str, None] = field(default_factory=dict, init=False)
    _addresses: dict[bytes, str] = field(default_factory=dict, init=False)
    _hosts_more: int = field(default=0, init=False)
    _servers_more: int = field(default=0, init=False)
    _addresses_more: int = field(default=0, init=False)
    _hosting: Hosting = field(default=UNKNOWN, init=False)
    _region: str | None = field(default=None, init=False)
    _chain: tuple[ChainLink, ...] = field(default=(), init=False)
    _raised: tuple[str, ...] = field(default=(), init=False)
    _reasons: tuple[str, ...] = field(default=(), init=False)
    _weighing: Weighing = field(init=False)
    _weighed: tuple[int, Severity, ApprovalState] | None = field(default=None, init=False)  # few detections change it
    bytes_out: int | None = field(default=None, init=False)
    _bytes_in: int | None = field(default=None, init=False)
    _volume_source: VolumeSource | None = field(default=None, init=False)
    _flow: Flow | None = field(default=None, init=False)  # the newest
    _flows: dict[tuple[bytes, int, bytes, int], None] = field(default_factory=dict, init=False)
    _client: ClientIdentity | None = field(default=None, init=False)  # of the newest detection, as is the verdict
    _verdict: Verdict | None = field(default=None, init=False)
    _files: tuple[str, ...] = field(default=(), init=False)
    _told: tuple[int, ...] = field(default=_NOTHING_TOLD, init=False)
    _told_source: VolumeSource | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Begin with nothing folded in."""
        self.id = self._lasting["id"]
        self._rulings.append(self.approval)
        self._first_ns = self._last_ns = self.quiet_from_ns
        self._weighing = Weighing((), 0, self._points)

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
        folding._take(incident)
        return folding

    def _take(self, incident: Incident) -> None:
        self._again = True
        self._community_id = incident.community_id
        self.severity, self.score, self.evidence = incident.severity, incident.score, incident.evidence
        self.sequence, self.alerted_ns, self.updates = incident.sequence, incident.alerted_ns, incident.updates
        self._first_ns = incident.first_ns
        self._detections, self._lookups = incident.detections, incident.lookups
        self._connections = incident.connections
        self._protocols = dict(incident.protocols)
        self._hosts = dict.fromkeys(incident.hosts)
        self._servers = {Endpoint(ip_address(server.ip).packed, server.port): server for server in incident.servers}
        self._resolvers = dict.fromkeys(incident.resolvers)
        self._interfaces = dict.fromkeys(incident.interfaces)
        self._addresses = {ip_address(text).packed: text for text in incident.client_addresses}
        self._hosts_more, self._servers_more = incident.hosts_more, incident.servers_more
        self._addresses_more = incident.client_addresses_more
        self._hosting, self._region = incident.hosting, incident.region
        self._chain = incident.jurisdiction_chain
        was_raised = incident.reasons[:1] and incident.reasons[0].startswith(RAISED)
        self._raised, self._reasons = (
            (incident.reasons[:1], incident.reasons[1:]) if was_raised else ((), incident.reasons)
        )
        self._judged = Severity.INFO if was_raised else incident.severity
        self._weighing = Weighing(incident.score_parts, incident.score, self._points)
        self.bytes_out, self._bytes_in = incident.bytes_out, incident.bytes_in
        self._volume_source = incident.volume_source
        self._files = incident.evidence_files
        self._told, self._told_source = incident.told or self._tellable(), incident.volume_source

    @property
    def has_news(self) -> bool:
        """Whether there is more to tell than the newest alert told, or that its bytes are known better now."""
        better = self._volume_source is VolumeSource.CONNTRACK and self._told_source in _BY_DATAGRAMS
        return better or self._told != self._tellable()

    def _tellable(self) -> tuple[int, ...]:
        """What an update is made for: not every packet of a flow that was told already, but each doubling of MBs."""
        doublings = ((self.bytes_out or 0) >> _MEGABYTE_BITS).bit_length()
        doublings += ((self._bytes_in or 0) >> _MEGABYTE_BITS).bit_length()
        return self._lookups, self._connections, len(self._hosts) + self._hosts_more, doublings

    def link(self, page: str | None) -> None:
        """Say where people read about it: on the status page at *page*, if that is known."""
        if page is not None:
            self._lasting["page"] = f"{page}/incidents/{self.id}"

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
        self.quiet_from_ns = in_order(time_ns, self.quiet_from_ns)
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

    @property
    def key(self) -> str:
        """Who the client is."""
        return self._lasting["client_key"]

    @property
    def mac(self) -> str | None:
        """The client's hardware address."""
        return self._lasting["client_mac"]

    @property
    def addresses(self) -> list[bytes]:
        """The client's addresses, packed."""
        return list(self._addresses)

    def lists(self, ip: bytes) -> bool:
        """Whether the packed address is among ``addresses``."""
        return ip in self._addresses

    def _weigh(self) -> None:
        weighed = (self._weighing.total, self._judged, self.approval.state)
        if weighed == self._weighed:
            return
        self._weighed = weighed
        self.score = self._weighing.total
        self.severity = max(self.severity, self._judged, key=lambda severity: severity.rank)
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

    def alert(
        self, action: Action, time_ns: int, previous: Severity | None = None, reason: CloseReason | None = None
    ) -> Alert:
        """Make the next alert of this incident; with a *reason* it is closed."""
        self.sequence += 1
        self.alerted_ns = time_ns = in_order(time_ns, self.alerted_ns)
        self._told, self._told_source = self._tellable(), self._volume_source
        self.changed = True
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
        return self.alert(Action.CLOSED, time_ns, reason=reason)

    def snapshot(self, closed: CloseReason | None = None) -> Incident:
        """The incident as it is now, as others may see it; *closed* by its newest alert."""
        return self._veil.hide(self.unveiled(closed))

    def unveiled(self, closed: CloseReason | None = None) -> Incident:
        """The incident as it is now, its client in the clear: never to leave memory."""
        return Incident(
            **self._lasting,
            severity=self.severity,
            score=self.score,
            evidence=self.evidence,
            hosting=self._hosting,
            region=self._region,
            reasons=(*self._raised, *self._reasons),
            score_parts=self._weighing.parts,
            jurisdiction_chain=self._chain,
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            detections=self._detections,
            lookups=self._lookups,
            connections=self._connections,
            protocols={str(label): number for label, number in self._protocols.items()},
            hosts=tuple(self._hosts),
            hosts_more=self._hosts_more,
            servers=tuple(self._servers.values()),
            servers_more=self._servers_more,
            resolvers=tuple(self._resolvers),
            interfaces=tuple(self._interfaces),
            community_id=community_id(FlowKey(*self._flow)) if self._flow else self._community_id,
            bytes_out=self.bytes_out,
            bytes_in=self._bytes_in,
            volume_source=self._volume_source,
            client_addresses=tuple(self._addresses.values()),
            client_addresses_more=self._addresses_more,
            sequence=self.sequence,
            alerted_ns=self.alerted_ns,
            updates=self.updates,
            told=self._told,
            approval=self.approval,
            evidence_files=self._files,
            closed_ns=None if closed is None else self.alerted_ns,
            close_reason=closed,
        )


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
