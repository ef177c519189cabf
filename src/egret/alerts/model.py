"""Incidents and alerts: what the store keeps and the sinks send.

Unlike the nouns of ``egret.model``, these leave the process: addresses are text here, and every value
has one JSON form (``codec``). Times are integer nanoseconds of event time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from egret.evidence import ChainLink, ScorePart
from egret.judge.approvals import NO_RULING, Ruling
from egret.model import Category, Hosting, IdentitySource, Operator, Role, ServiceClass, Severity, VolumeSource
from egret.value import Aside, Struct

SCHEMA_VERSION = 1  # of the JSON form; rises only when a reader of the old form would misread the new one
_NAMESPACE = bytes.fromhex("6f1d1c7e6a0b5a7c9d0e65677265742e")  # ours alone; any fixed value does
_VARIANT = "89ab"  # the first two bits are 10
_NO_COUNTS: Mapping[str, int] = MappingProxyType({})


class Action(StrEnum):
    """What happened to the incident. A closed list: it is a metric label."""

    OPENED = "opened"
    ESCALATED = "escalated"
    UPDATED = "updated"
    CLOSED = "closed"


class Evidence(StrEnum):
    """The strongest thing seen."""

    LOOKUP = "lookup"  # somebody asked for the name; no connection seen
    CONNECTION = "connection"


class CloseReason(StrEnum):
    """Why an incident ended."""

    QUIET = "quiet"  # nothing for ``close_after``
    MERGED = "merged"  # its client, known by its address alone, has an incident of this service already
    EVICTED = "evicted"  # the bound on open incidents came first
    APPROVED = "approved"  # the operator approved it while it was open
    TOLERATED = "tolerated"  # as above; what follows is another incident, of severity info


class Sensor(Struct, frozen=True):
    """Who says it."""

    version: str  # of Egret
    hostname: str | None = None


class Server(Struct, frozen=True, kw_only=True):
    """One outside party of an incident, and where its bytes land."""

    ip: str
    port: int
    host: str | None  # the name that the newest connection to it carried
    hosting: Hosting


class Incident(Aside, frozen=True, kw_only=True):
    """Detections of one client and one service, over time. Lists are bounded; ``*_more`` counts what they left out."""

    aside = ("told",)

    id: str
    client: str  # address text: the one that began it
    signature: str
    vendor: str
    service: str
    category: Category
    service_class: ServiceClass
    severity: Severity  # the highest so far: an incident never gets milder
    score: int  # 0 to 100: its gravest detection's parts, and what the network adds
    evidence: Evidence
    operator: Operator
    hosting: Hosting  # of the newest server; of the look-up's verdict while there is none
    region: str | None  # what the host name states
    reasons: tuple[str, ...]
    alternatives: tuple[str, ...]
    references: tuple[str, ...]
    first_ns: int
    last_ns: int
    detections: int  # everything folded in
    lookups: int  # DNS and HTTPDNS questions; replies where the question was not seen: one
    connections: int  # distinct flows
    protocols: Mapping[str, int] = _NO_COUNTS  # detections by protocol
    hosts: tuple[str, ...] = ()  # oldest first
    hosts_more: int = 0  # detections that named a host which is not listed
    servers: tuple[Server, ...] = ()  # the newest last; never resolvers
    servers_more: int = 0  # servers that made room for newer ones
    resolvers: tuple[str, ...] = ()  # who was asked for the name
    interfaces: tuple[str, ...] = ()
    bytes_out: int | None = None  # payload sent by the client since detection; None: nothing was measured
    bytes_in: int | None = None  # payload received by the client
    volume_source: VolumeSource | None = None  # None where nothing was measured
    sequence: int = 0  # of its newest alert
    alerted_ns: int = 0  # when that alert was made
    updates: int = 0  # periodic updates so far: each doubles the wait for the next
    told: tuple[int, ...] = ()  # what the newest alert told (``Folding``): for a restart
    closed_ns: int | None = None
    close_reason: CloseReason | None = None
    client_key: str = ""  # who the client is, whatever its address: ``ClientIdentity.key``
    client_name: str | None = None
    client_name_source: IdentitySource = IdentitySource.ADDRESS
    client_groups: tuple[str, ...] = ()
    client_mac: str | None = None
    client_addresses: tuple[str, ...] = ()  # all that were seen, oldest first; *client* began the incident
    client_addresses_more: int = 0  # detections from an address that is not listed
    client_role: Role | None = None
    client_role_reason: str = ""
    score_parts: tuple[ScorePart, ...] = ()  # what *score* is the sum of
    jurisdiction_chain: tuple[ChainLink, ...] = ()  # of the newest connection; of the look-up while there is none
    community_id: str | None = None  # of the newest flow; None under pseudonyms, which it would undo
    approval: Ruling = NO_RULING  # what the operator decided about it, as of the newest detection
    page: str | None = None  # where people read all about it; None: nobody said where that is
    evidence_files: tuple[str, ...] = ()  # a capture and its record, where messages were kept; they expire


class Alert(Struct, frozen=True, kw_only=True):
    """A message about an incident, with the incident as it was then."""

    id: str  # idempotency key: the same alert always has the same
    action: Action
    sequence: int  # 1 for the first alert of an incident
    time_ns: int
    severity: Severity
    incident: Incident
    previous_severity: Severity | None = None  # of an escalation


def incident_id(client: str, signature: str, time_ns: int) -> str:
    """Name an incident by what began it: the same traffic replayed gives the same id.

    A UUID of version 5 (RFC 9562 section 5.5), spelt without the class, at a third of its cost.
    """
    named = f"{client}|{signature}|{time_ns}".encode()
    text = hashlib.sha1(_NAMESPACE + named, usedforsecurity=False).hexdigest()
    variant = _VARIANT[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def alert_id(incident: str, sequence: int, again_ns: int | None = None) -> str:
    """The idempotency key of one alert.

    Args:
        incident: the incident's id.
        sequence: the alert's number in it.
        again_ns: the alert's time, if the incident was continued after a restart: what was told before a kill and could
            not be committed may have had that number.
    """
    return f"{incident}-{sequence}" if again_ns is None else f"{incident}-{sequence}.{again_ns:x}"
