"""What an open incident is at a time: its fields, taken from a kept Incident and given as one.

What detections do to them is ``folding``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from egret.alerts.community_id import Flow, community_id
from egret.alerts.model import Action, CloseReason, Evidence, Incident, Server
from egret.alerts.opening import Lasting
from egret.alerts.veil import Veil
from egret.alerts.weighing import Weighing
from egret.evidence import ChainLink
from egret.frozen import open_class
from egret.judge.approvals import ApprovalState, Ruling
from egret.judge.hosting import UNKNOWN
from egret.judge.points import Points
from egret.judge.score import RAISED
from egret.model import ClientIdentity, Endpoint, FlowKey, Hosting, Severity, Verdict, VolumeSource

_MEGABYTE_BITS = 20
_BY_DATAGRAMS = frozenset({VolumeSource.UDP, VolumeSource.TCP_UDP})
_NOTHING_TOLD = (0, 0, 0, 0)
_Said = tuple[Action, Severity | None, int]  # the newest alert: what it says, the severity before, when
_NOTHING_SAID: _Said = (Action.OPENED, None, 0)
_OpenIncident = open_class(Incident)
_new = object.__new__


@dataclass(slots=True, eq=False, repr=False)  # a quarter less memory than with a dictionary each
class Standing:
    """All that is known of one open incident."""

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
    _said: _Said = field(default=_NOTHING_SAID, init=False)

    def __post_init__(self) -> None:
        """Begin with nothing folded in."""
        self.id = self._lasting["id"]
        self._rulings.append(self.approval)
        self._first_ns = self._last_ns = self.quiet_from_ns
        self._weighing = Weighing((), 0, self._points)

    def take(self, incident: Incident) -> None:
        """Be what *incident* was."""
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

    def snapshot(self, closed: CloseReason | None = None) -> Incident:
        """The incident as it is now, as others may see it; *closed* by its newest alert."""
        return self._veil.hide(self.unveiled(closed))

    def unveiled(self, closed: CloseReason | None = None) -> Incident:
        """The incident as it is now, its client in the clear: never to leave memory."""
        made = _new(_OpenIncident)
        for name, value in self._lasting.items():
            setattr(made, name, value)
        made.severity = self.severity
        made.score = self.score
        made.evidence = self.evidence
        made.hosting = self._hosting
        made.region = self._region
        made.reasons = (*self._raised, *self._reasons)
        made.score_parts = self._weighing.parts
        made.jurisdiction_chain = self._chain
        made.first_ns = self._first_ns
        made.last_ns = self._last_ns
        made.detections = self._detections
        made.lookups = self._lookups
        made.connections = self._connections
        made.protocols = {str(label): number for label, number in self._protocols.items()}
        made.hosts = tuple(self._hosts)
        made.hosts_more = self._hosts_more
        made.servers = tuple(self._servers.values())
        made.servers_more = self._servers_more
        made.resolvers = tuple(self._resolvers)
        made.interfaces = tuple(self._interfaces)
        made.community_id = community_id(FlowKey(*self._flow)) if self._flow else self._community_id
        made.bytes_out = self.bytes_out
        made.bytes_in = self._bytes_in
        made.volume_source = self._volume_source
        made.client_addresses = tuple(self._addresses.values())
        made.client_addresses_more = self._addresses_more
        made.sequence = self.sequence
        made.alerted_ns = self.alerted_ns
        made.updates = self.updates
        made.told = self._told
        made.approval = self.approval
        made.evidence_files = self._files
        made.closed_ns = None if closed is None else self.alerted_ns
        made.close_reason = closed
        made.__class__ = Incident
        return made  # type: ignore[no-any-return]
