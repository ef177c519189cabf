"""The nouns of the domain: what one stage hands to the next.

frame -> packet -> observation -> detection -> incident -> alert. Values only: no clock, no I/O.
Addresses are packed bytes (4 or 16 long), times are integer nanoseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from egret.errors import Reason
from egret.evidence import ChainLink, Proof, Raw, ScorePart
from egret.value import Aside, Struct

NOTHING: Mapping[str, object] = MappingProxyType({})


class Frame(NamedTuple):
    """One captured frame. *data* dies at the next frame: ``bytes()`` what you keep."""

    time_ns: int
    linktype: int  # LINKTYPE_ value of the pcap registry: 1 Ethernet, 101 raw IP, ...
    data: memoryview
    wire_length: int  # bytes on the wire; more than len(data) when the snap length cut it
    interface: str | None = None
    vlan: int | None = None  # VLAN id that the ring header carried beside the frame


class Endpoint(NamedTuple):
    """One end of a flow: *ip* packed, 4 or 16 bytes."""

    ip: bytes
    port: int


class Transport(StrEnum):
    """What carries a flow."""

    TCP = "tcp"
    UDP = "udp"


class FlowKey(NamedTuple):
    """One direction of a transport flow."""

    transport: Transport
    source: Endpoint
    destination: Endpoint


class VolumeSource(StrEnum):
    """How the bytes of an incident were counted."""

    TCP = "tcp_sequence"  # by sequence and acknowledgement numbers: payload, whole from the connection's start
    UDP = "udp_datagrams"  # by the lengths of datagrams, with QUIC less an estimate of its headers
    TCP_UDP = "tcp_sequence+udp_datagrams"
    CONNTRACK = "conntrack"  # UDP by the host's own connection tracking, less headers; TCP as above

    def joined(self, other: VolumeSource | None) -> VolumeSource:
        """The source of a sum; with conntrack it is conntrack's, whose words cover the others."""
        if other is None or other is self:
            return self
        return VolumeSource.CONNTRACK if VolumeSource.CONNTRACK in {self, other} else VolumeSource.TCP_UDP


class Volume(NamedTuple):
    """What one client and one service moved since the last time somebody asked."""

    client: bytes  # packed address
    signature: str  # its id
    bytes_out: int  # payload sent by the client
    bytes_in: int  # payload received by it
    source: VolumeSource
    time_ns: int  # of the newest packet in it


class Recognition(StrEnum):
    """Is this flow that protocol?"""

    YES = "yes"
    NO = "no"
    NEED_MORE = "need_more"


class Protocol(StrEnum):
    """Where a name was read."""

    DNS = "dns"
    TLS = "tls"
    DTLS = "dtls"
    QUIC = "quic"
    HTTP = "http"
    SOCKS = "socks"
    HTTPDNS = "httpdns"


class Kind(StrEnum):
    """What kind of message said it."""

    QUERY = "query"
    ANSWER = "answer"
    CNAME = "cname"
    CLIENT_HELLO = "client_hello"
    REQUEST = "request"
    CONNECT = "connect"


class Observation(Aside, frozen=True, kw_only=True):
    """One name that one message said. *client* is always the asking side."""

    aside = ("raw",)

    time_ns: int
    protocol: Protocol
    kind: Kind
    name: str  # canonical: see egret.names
    client: Endpoint
    server: Endpoint
    interface: str | None = None
    qtype: str | None = None  # of a DNS query: "A", "HTTPS", "TYPE65400"
    addresses: tuple[bytes, ...] = ()  # of an answer
    ttl_s: int | None = None  # of an answer: the smallest TTL of its records
    target: str | None = None  # of a cname
    attributes: Mapping[str, object] = NOTHING  # version, alpn, transport ...
    raw: Raw | None = None  # the message; never leaves a worker


class NamedBy(StrEnum):
    """What gave a connection its name."""

    HELLO = "hello"
    HTTP = "http"
    SOCKS = "socks"
    ANSWER = "answer"  # an earlier DNS answer to the same client named the address
    NOTHING = "nothing"


class Nameless(StrEnum):
    """Why a connection has no name. A closed list: it is a metric label."""

    NO_SNI = "no_sni"  # a hello without server_name
    NOT_RECOGNISED = "not_recognised"  # bytes seen, none of the protocols we read
    NO_PAYLOAD = "no_payload"  # a handshake, then nothing
    MID_FLOW = "mid_flow"  # capture began after the hello
    INCOMPLETE = "incomplete"  # the hello never became whole
    UNREADABLE = "unreadable"  # recognised, broken
    EVICTED = "evicted"  # a memory bound came first


class Connection(Aside, frozen=True, kw_only=True):
    """One connection from a client, said once, when it is settled whether it has a name."""

    aside = ("raw",)

    time_ns: int
    transport: Transport
    client: Endpoint
    server: Endpoint
    named_by: NamedBy
    name: str | None = None  # None when named_by is NOTHING
    reason: Nameless | None = None  # set when named_by is NOTHING
    protocol: Protocol | None = None
    interface: str | None = None
    raw: Raw | None = None  # a message without a name


class Anomaly(Struct, frozen=True):
    """Bad input is data: what could not be read, and why."""

    time_ns: int
    protocol: str  # "link", "ip", "tcp" or a Protocol value
    reason: Reason
    flow: FlowKey | None = None
    interface: str | None = None


Event = Observation | Connection | Anomaly


class ServiceClass(StrEnum):
    """What a signature's hosts are: a judgement made row by row."""

    AI = "ai"
    EMBEDDED = "embedded"
    CLOUD = "cloud"
    BROAD = "broad"
    RESOLVER = "resolver"


class Category(StrEnum):
    """What the service is for."""

    CHAT = "chat"
    API = "api"
    CODING_ASSISTANT = "coding-assistant"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    ENTERPRISE_CHAT = "enterprise-chat"
    BROWSER = "browser"
    MODEL_HUB = "model-hub"
    CLOUD_PLATFORM = "cloud-platform"
    CONSUMER = "consumer"
    TELEMETRY = "telemetry"
    RESOLVER = "resolver"


class Severity(StrEnum):
    """How much it matters; compare by ``rank``, 0 (info) to 4 (critical)."""

    rank: int

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def __init__(self, _value: str) -> None:
        """Take the place behind those before it."""
        self.rank = len(type(self).__members__)

    def step_down(self) -> Severity:
        """One step down; info stays info."""
        return _ORDER[max(0, self.rank - 1)]

    def step_up(self) -> Severity:
        """One step up; critical stays critical."""
        return _ORDER[min(self.rank + 1, len(_ORDER) - 1)]


_ORDER = (Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


class Operator(Struct, frozen=True, kw_only=True):
    """Whose law reaches the service; says nothing about where bytes land."""

    country: str | None  # ISO 3166-1 alpha-2
    contested: bool
    entity: str | None = None  # the contract entity, where it is known
    source: str = ""
    date: str = ""  # ISO date of the source


class Hosting(Struct, frozen=True, kw_only=True):
    """Where the bytes land; says nothing about whose law reaches the operator."""

    country: str | None = None
    asn: int | None = None
    as_org: str | None = None
    source: str | None = None  # database name and build date; None: no database knows the address
    in_china: bool = False  # CN, and HK and MO while count_sars is on


class Reasoning(Struct, frozen=True, kw_only=True):
    """One attributed line: who says so, since when, and what is said against it."""

    text: str
    source: str
    date: str = ""
    counter: str | None = None


class HostKind(StrEnum):
    """How a host pattern matches a name; always at label boundaries."""

    EXACT = "exact"
    SUFFIX = "suffix"  # the host itself and everything below it
    WILDCARD = "wildcard"  # ``*`` is one or more characters inside one label


class Scope(Struct, frozen=True, kw_only=True):
    """Where the vendor's documentation says that data is stored and inference runs: its words, not an observation."""

    storage: str | None  # "the region that the host name states"; None: not documented
    inference: str | None  # "any node, including the Chinese mainland"; None: not documented
    includes_mainland: bool | None  # whether storage or inference may be on the mainland; None: not documented
    source: str
    date: str  # ISO date when the source was read


class HostPattern(Struct, frozen=True, kw_only=True):
    """One host pattern, the region that it states and the scope documented for it, where there are any."""

    kind: HostKind
    pattern: str
    region: str | None = None  # as the vendor writes it, with its country: "CN (cn-beijing)"
    source: str = ""  # where the host was seen
    scope: Scope | None = None  # its own, or its signature's


class Signature(Struct, frozen=True, kw_only=True):
    """One service: its hosts, its operator and its facts."""

    id: str  # stable slug: "alibaba.qwen-chat"
    vendor: str
    service: str
    category: Category
    service_class: ServiceClass
    operator: Operator
    hosts: tuple[HostPattern, ...] = ()
    networks: tuple[str, ...] = ()  # CIDR; a single address is /32 or /128
    ports: tuple[int, ...] = ()  # with networks: only these; empty: any
    reasons: tuple[Reasoning, ...] = ()
    alternatives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()
    last_reviewed: str = ""
    note: str = ""
    scope: Scope | None = None  # of the hosts that have none of their own, and of the networks

    def scope_of(self, pattern: str, region: str | None) -> Scope | None:
        """The documented scope of one of its host patterns or networks, told apart by *region* where kinds share it."""
        return next((h.scope for h in self.hosts if (h.pattern, h.region) == (pattern, region)), self.scope)


class Match(Struct, frozen=True):
    """What the catalogue says about one name or address."""

    signature: Signature
    pattern: str  # the pattern or network that decided
    region: str | None  # the region the host name states
    scope: Scope | None = None  # what is documented of storage and inference there


class Verdict(Struct, frozen=True, kw_only=True):
    """What Egret concludes about one observation, and why."""

    severity: Severity
    score: int  # 0 to 100
    reasons: tuple[str, ...]  # short attributed lines, most important first
    operator: Operator
    hosting: Hosting
    lookup_only: bool  # no connection seen, only a look-up
    score_parts: tuple[ScorePart, ...] = ()  # what *score* is the sum of
    jurisdiction_chain: tuple[ChainLink, ...] = ()  # what is known of operator and hosting, fact by fact


class Role(StrEnum):
    """What a client is in the network. The first three speak for others and are never blamed."""

    RESOLVER = "resolver"
    PROXY = "proxy"
    NAT = "nat"
    SERVER = "server"

    @property
    def speaks_for_others(self) -> bool:
        """Whether what it does may be somebody else's doing."""
        return self is not Role.SERVER


class IdentitySource(StrEnum):
    """Where a client's name is from; without a name, what told the device."""

    STATIC = "static"  # the operator's own word: the only one that may be trusted
    LEASE = "lease"  # DHCP: the name is the client's own choice
    HOSTS = "hosts"
    NEIGHBOUR = "neighbour"  # ARP or NDP
    EUI64 = "eui64"  # the hardware address in an IPv6 address
    ADDRESS = "address"  # nothing is known but the address


class ClientIdentity(Struct, frozen=True, kw_only=True):
    """Who a client is: one device with many addresses has one *key*."""

    key: str  # "name:printer", "mac:02:00:5e:10:00:01", "duid:0001...", else "ip:192.0.2.1"
    ip: bytes  # the address that was asked about
    name: str | None = None
    groups: tuple[str, ...] = ()  # from the configuration alone, sorted
    mac: str | None = None
    role: Role | None = None
    role_reason: str = ""  # "declared", or what was seen
    source: IdentitySource = IdentitySource.ADDRESS

    @property
    def is_declared(self) -> bool:
        """Whether *name* is the operator's own word; a lease's name is chosen by the client."""
        return self.source is IdentitySource.STATIC


class Detection(Aside, frozen=True, kw_only=True):
    """An observation that the catalogue or the jurisdiction says something about."""

    aside = ("proof",)

    observation: Observation | Connection
    match: Match
    verdict: Verdict
    client: ClientIdentity | None = None  # None: nobody was asked who it is
    proof: Proof | None = None  # what of the message may be kept
