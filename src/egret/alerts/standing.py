"""What an open incident is at a time: its fields, taken from a kept Incident and given as one.

What detections do to them is ``folding``'s.
"""

from __future__ import annotations

from ipaddress import ip_address

from egret.alerts.community_id import Flow, community_id
from egret.alerts.model import Action, CloseReason, Evidence, Incident, Server
from egret.alerts.opening import Lasting
from egret.alerts.veil import Veil
from egret.alerts.weighing import Weighing
from egret.evidence import ChainLink
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


class Standing:
    """All that is known of one open incident.

    Args:
        lasting: what no detection changes.
        first_ns: when it began; for one that goes on, when it was last seen.
        points: what its score is made of.
        veil: how others may see it.
        approval: what the operator decided about it.
    """

    __slots__ = (  # a quarter less memory than with a dictionary each
        "_addresses",
        "_addresses_more",
        "_again",
        "_bytes_in",
        "_chain",
        "_client",
        "_community_id",
        "_connections",
        "_detections",
        "_files",
        "_first_ns",
        "_flow",
        "_flows",
        "_hosting",
        "_hosts",
        "_hosts_more",
        "_interfaces",
        "_judged",
        "_last_ns",
        "_lasting",
        "_lookups",
        "_points",
        "_protocols",
        "_raised",
        "_reasons",
        "_region",
        "_resolvers",
        "_rulings",
        "_said",
        "_servers",
        "_servers_more",
        "_told",
        "_told_source",
        "_veil",
        "_verdict",
        "_volume_source",
        "_weighed",
        "_weighing",
        "alerted_ns",
        "approval",
        "bytes_out",
        "changed",
        "evidence",
        "id",
        "quiet_from_ns",
        "score",
        "sequence",
        "severity",
        "updates",
    )

    def __init__(self, lasting: Lasting, first_ns: int, points: Points, veil: Veil, approval: Ruling) -> None:
        self._lasting = lasting
        self.quiet_from_ns = first_ns  # as last_ns, but follows the clock when it steps back
        self._points = points
        self._veil = veil
        self.approval = approval
        self.id = lasting["id"]
        self._community_id: str | None = None
        self._again = False  # continued after a restart
        self.severity: Severity = Severity.INFO
        self._judged: Severity = Severity.INFO  # the highest of a detection by itself
        self.score = 0
        self.evidence: Evidence = Evidence.LOOKUP
        self.sequence = 0
        self.alerted_ns = 0
        self.updates = 0
        self._rulings = [approval]
        self.changed = False  # since the last time somebody asked
        self._first_ns = first_ns
        self._last_ns = first_ns
        self._detections = 0
        self._lookups = 0
        self._connections = 0
        self._protocols: dict[str, int] = {}
        self._hosts: dict[str, None] = {}
        self._servers: dict[Endpoint, Server] = {}
        self._resolvers: dict[str, None] = {}
        self._interfaces: dict[str, None] = {}
        self._addresses: dict[bytes, str] = {}
        self._hosts_more = 0
        self._servers_more = 0
        self._addresses_more = 0
        self._hosting: Hosting = UNKNOWN
        self._region: str | None = None
        self._chain: tuple[ChainLink, ...] = ()
        self._raised: tuple[str, ...] = ()
        self._reasons: tuple[str, ...] = ()
        self._weighing = Weighing((), 0, points)
        self._weighed: tuple[int, Severity, ApprovalState] | None = None  # few detections change it
        self.bytes_out: int | None = None
        self._bytes_in: int | None = None
        self._volume_source: VolumeSource | None = None
        self._flow: Flow | None = None  # the newest
        self._flows: dict[tuple[bytes, int, bytes, int], None] = {}
        self._client: ClientIdentity | None = None  # of the newest detection, as is the verdict
        self._verdict: Verdict | None = None
        self._files: tuple[str, ...] = ()
        self._told: tuple[int, ...] = _NOTHING_TOLD
        self._told_source: VolumeSource | None = None
        self._said: _Said = _NOTHING_SAID

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
