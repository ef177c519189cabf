"""Approvals: what the operator decided about a service, for whom, by whose word, and until when.

An entry is narrower than another if both its service and its clients are at least as narrow and one of them is
narrower. Of the entries that hold, those that no other is narrower than are left; of these the strictest decides
(where two cross, nobody meant to loosen the other), and of equals the last. Everything goes by event time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from egret.model import Detection, ServiceClass, Severity, Signature
from egret.value import Struct, replace


class ApprovalState(StrEnum):
    """What was decided. A closed list: it is a metric label."""

    UNREVIEWED = "unreviewed"  # nobody decided yet: alerts as its severity says
    IN_REVIEW = "in_review"  # alerts all the same, and says so
    APPROVED = "approved"  # counted, no incident
    TOLERATED = "tolerated"  # kept in the history as info, unless it is critical
    UNAPPROVED = "unapproved"  # one step more severe


class Standing(StrEnum):
    """Where an entry is in its life."""

    HOLDS = "holds"
    ENDS_SOON = "ends_soon"  # and holds
    ENDED = "ended"
    NOT_BEGUN = "not_begun"


_STRICTNESS = {
    ApprovalState.APPROVED: 0,
    ApprovalState.TOLERATED: 1,
    ApprovalState.IN_REVIEW: 2,
    ApprovalState.UNREVIEWED: 3,
    ApprovalState.UNAPPROVED: 4,
}


class Terms(Struct, frozen=True, kw_only=True):
    """What an entry says; "" where it says nothing."""

    state: ApprovalState = ApprovalState.UNREVIEWED
    owner: str = ""
    ticket: str = ""
    reason: str = ""
    from_ns: int | None = None
    until_ns: int | None = None  # the first moment at which it no longer holds

    def has_begun(self, time_ns: int) -> bool:
        """Whether it holds at *time_ns*, or did before."""
        return self.from_ns is None or time_ns >= self.from_ns

    def has_ended(self, time_ns: int) -> bool:
        """Whether it no longer holds at *time_ns*."""
        return self.until_ns is not None and time_ns >= self.until_ns

    def standing(self, time_ns: int, soon_ns: int) -> Standing:
        """Where it is in its life; soon is less than *soon_ns* away."""
        if self.has_ended(time_ns):
            return Standing.ENDED
        if not self.has_begun(time_ns):
            return Standing.NOT_BEGUN
        return Standing.ENDS_SOON if self.has_ended(time_ns + soon_ns) else Standing.HOLDS


class Approval(Struct, frozen=True, kw_only=True):
    """One entry: its terms, and what and whom they are for. Exactly one of service, vendor and class is set."""

    terms: Terms
    number: int  # its place in the configuration, from 1
    service: str | None = None  # signature id
    vendor: str | None = None  # case does not matter
    service_class: ServiceClass | None = None
    clients: tuple[str, ...] = ()  # addresses and networks
    groups: tuple[str, ...] = ()  # groups of clients; with no clients and no groups it is for everybody

    @property
    def what(self) -> str:
        """What it is for, in words."""
        if self.service is not None:
            return self.service
        return f"vendor {self.vendor}" if self.vendor is not None else f"class {self.service_class}"

    @property
    def whom(self) -> str:
        """Whom it is for, in words."""
        return ", ".join([*self.clients, *(f"group {name}" for name in self.groups)]) or "everybody"


class Subject(NamedTuple):
    """What a decision is about."""

    signature: str  # its id
    vendor: str
    service_class: ServiceClass
    ip: bytes | None = None  # of the client; None, and no groups: what holds for everybody
    groups: Collection[str] = ()

    @classmethod
    def of(cls, signature: Signature, ip: bytes | None = None, groups: Collection[str] = ()) -> Subject:
        """The use of *signature* by a client, or by anybody."""
        return cls(signature.id, signature.vendor, signature.service_class, ip, groups)


class Ruling(Struct, frozen=True, kw_only=True):
    """What holds, and what held until it ended."""

    terms: Terms = Terms()
    entry: int | None = None  # the number of the entry that decided; None: no entry, so unreviewed
    ended: Terms | None = None  # what would still hold, had it not ended

    @property
    def state(self) -> ApprovalState:
        """The state."""
        return self.terms.state


NO_RULING = Ruling()


class Weighed(Struct, frozen=True):
    """Why an entry decided, or did not."""

    entry: Approval
    decides: bool
    why: str


class _Networks(Struct, frozen=True):
    version: int
    network: int
    shift: int
    prefix: int


class _Candidate(Struct, frozen=True):
    entry: Approval
    what: int  # 0 class, 1 vendor, 2 service
    whom: tuple[int, int]  # 0 everybody, 1 a group, 2 a network; and how long its prefix is

    def is_narrower_than(self, other: _Candidate) -> bool:
        return self.covers(other) and (self.what, self.whom) != (other.what, other.whom)

    def covers(self, other: _Candidate) -> bool:
        """At least as narrow in both."""
        return self.what >= other.what and self.whom >= other.whom

    @property
    def strictness(self) -> tuple[int, int]:
        return _STRICTNESS[self.entry.terms.state], self.entry.number


class Approvals:
    """All entries, made ready to decide.

    Raises:
        ValueError: a client is neither an address nor a network.
    """

    def __init__(self, entries: Iterable[Approval] = ()) -> None:
        self.entries: tuple[Approval, ...] = tuple(entries)
        self._networks = {entry.number: tuple(map(_network, entry.clients)) for entry in self.entries}
        self._by_service: dict[str, list[Approval]] = {}
        self._by_vendor: dict[str, list[Approval]] = {}
        self._by_class: dict[ServiceClass, list[Approval]] = {}
        for entry in self.entries:
            if entry.service is not None:
                self._by_service.setdefault(entry.service, []).append(entry)
            elif entry.vendor is not None:
                self._by_vendor.setdefault(entry.vendor.casefold(), []).append(entry)
            elif entry.service_class is not None:
                self._by_class.setdefault(entry.service_class, []).append(entry)

    def decide(self, subject: Subject, time_ns: int) -> Ruling:
        """What holds for *subject* at *time_ns*."""
        if not self.entries:
            return NO_RULING
        found = [candidate for candidate in self._candidates(subject) if candidate.entry.terms.has_begun(time_ns)]
        if not found:
            return NO_RULING
        best = _best([each for each in found if not each.entry.terms.has_ended(time_ns)])
        past = _best(
            [each for each in found if each.entry.terms.has_ended(time_ns) and not (best and best.covers(each))]
        )
        ended = past.entry.terms if past else None
        if best is None:
            return Ruling(ended=ended)
        return Ruling(terms=best.entry.terms, entry=best.entry.number, ended=ended)

    def weigh(self, subject: Subject, time_ns: int) -> list[Weighed]:
        """Every entry for the service of *subject*, in order, with why it decided or did not."""
        candidates = {each.entry.number: each for each in self._candidates(subject)}
        holding = [each for each in candidates.values() if _holds(each.entry.terms, time_ns)]
        best = _best(holding)
        found = []
        for entry in self._about(subject):
            candidate = candidates.get(entry.number)
            if candidate is None:
                found.append(Weighed(entry, decides=False, why="for other clients"))
            elif candidate is best:
                found.append(Weighed(entry, decides=True, why="decides"))
            else:
                found.append(Weighed(entry, decides=False, why=_why_not(candidate, best, time_ns)))
        return sorted(found, key=lambda each: each.entry.number)

    def _candidates(self, subject: Subject) -> list[_Candidate]:
        found = []
        for entry in self._about(subject):
            whom = self._whom(entry, subject)
            if whom is not None:
                found.append(_Candidate(entry, _breadth(entry), whom))
        return found

    def _about(self, subject: Subject) -> list[Approval]:
        return [
            *self._by_service.get(subject.signature, ()),
            *self._by_vendor.get(subject.vendor.casefold(), ()),
            *self._by_class.get(subject.service_class, ()),
        ]

    def _whom(self, entry: Approval, subject: Subject) -> tuple[int, int] | None:
        """How narrowly *entry* means the client; None if it does not."""
        if not entry.clients and not entry.groups:
            return 0, 0
        ip, networks = subject.ip, self._networks[entry.number]
        prefixes = [] if ip is None else [each.prefix for each in networks if _is_in(ip, each)]
        if prefixes:
            return 2, max(prefixes)
        return (1, 0) if any(name in subject.groups for name in entry.groups) else None


def apply(detection: Detection, ruling: Ruling) -> Detection:
    """The detection as severe as *ruling* makes it."""
    if ruling is NO_RULING:
        return detection
    severity = severity_under(ruling.state, detection.verdict.severity)
    if severity is detection.verdict.severity:
        return detection
    return replace(detection, verdict=replace(detection.verdict, severity=severity))


def severity_under(state: ApprovalState, severity: Severity) -> Severity:
    """What *state* makes of *severity*; approved traffic has no incident, so its severity does not matter."""
    if state is ApprovalState.UNAPPROVED:
        return severity.step_up()
    if state is ApprovalState.TOLERATED and severity is not Severity.CRITICAL:
        return Severity.INFO
    return severity


def _holds(terms: Terms, time_ns: int) -> bool:
    return terms.has_begun(time_ns) and not terms.has_ended(time_ns)


def _best(candidates: Sequence[_Candidate]) -> _Candidate | None:
    narrowest = [each for each in candidates if not any(other.is_narrower_than(each) for other in candidates)]
    return max(narrowest, key=lambda each: each.strictness, default=None)


def _why_not(candidate: _Candidate, best: _Candidate | None, time_ns: int) -> str:
    terms = candidate.entry.terms
    if not terms.has_begun(time_ns):
        return "has not begun"
    if terms.has_ended(time_ns) or best is None:
        return "has ended"
    if best.is_narrower_than(candidate):
        return f"wider than entry {best.entry.number}"
    if best.entry.terms.state is candidate.entry.terms.state:
        return f"says the same as entry {best.entry.number}, which comes later"
    if candidate.covers(best):
        return f"as narrow as entry {best.entry.number}, which is stricter"
    return f"crosses entry {best.entry.number}, which is stricter"


def _breadth(entry: Approval) -> int:
    return 2 if entry.service is not None else 1 if entry.vendor is not None else 0


def _network(text: str) -> _Networks:
    network = ipaddress.ip_network(text, strict=False)
    shift = network.max_prefixlen - network.prefixlen
    return _Networks(network.version, int(network.network_address) >> shift, shift, network.prefixlen)


def _is_in(ip: bytes, network: _Networks) -> bool:
    version = 4 if len(ip) == 4 else 6
    return version == network.version and int.from_bytes(ip) >> network.shift == network.network
