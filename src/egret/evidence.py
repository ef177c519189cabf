"""What a verdict shows for itself: its score's summands, its facts about jurisdiction, the message that was seen."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from egret.value import Struct


class Raw(NamedTuple):
    """The message that said a name, as it came: with cookies and keys, so that it never leaves a worker."""

    data: bytes
    dcid: bytes = b""  # with QUIC: the connection id that its Initial keys follow from
    version: int = 0  # with QUIC: of the transport


class Form(StrEnum):
    """What the bytes of a proof are."""

    DNS = "dns"  # a message, without the length that goes before it on TCP
    HELLO = "hello"  # a handshake message, without record headers
    TEXT = "text"  # the first bytes of a client's stream
    BLANK = "blank"  # that there were bytes, and nothing of them


class Told(NamedTuple):
    """The DNS answer that named an address, blanked like every message that is kept."""

    data: bytes
    time_ns: int
    resolver: bytes  # packed address
    resolver_port: int
    client_port: int
    tcp: bool = False


class Proof(NamedTuple):
    """What may be kept of the message that said a name: blanked, bounded, and read to the same name again."""

    form: Form
    data: bytes
    notes: tuple[str, ...] = ()  # what is not as it was
    dcid: bytes = b""  # as in ``Raw``
    version: int = 0
    told: Told | None = None  # with a connection that an answer named


class ScorePart(NamedTuple):
    """One summand of a score."""

    name: str
    points: int
    why: str


class About(StrEnum):
    """Which of the two questions, never mixed, a fact speaks to."""

    OPERATOR = "operator"  # whose law reaches the operator
    HOSTING = "hosting"  # where the bytes land


class ChainLink(Struct, frozen=True, kw_only=True):
    """One fact about jurisdiction, with who says so and since when; facts are listed, never merged."""

    about: About
    fact: str  # "operator_country", "address_country", ...: the closed list is egret.judge.chain.FactName
    value: str
    source: str = ""
    date: str = ""  # ISO date of the source
    note: str = ""  # how it may be read, and how not


class Bounds(Struct, frozen=True):
    """How much is kept."""

    keep_ns: int = 30 * 86_400 * 1_000_000_000
    max_bytes: int = 64 << 20
    max_incidents: int = 5_000
    per_incident: int = 8  # observations that are kept of one incident: its first
