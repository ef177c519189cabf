"""The verdict on one observation: how severe, why, and the two facts that are never mixed.

The operator's jurisdiction comes from the signature, the hosting from the address. An address abroad never lowers what
is known of the operator; only where the operator is contested does the place decide between two severities.
"""

from __future__ import annotations

from collections import OrderedDict

from egret.evidence import Proof
from egret.judge import reasons, score
from egret.judge.chain import chain
from egret.judge.hosting import UNKNOWN, GeoLookup, hosting_of
from egret.judge.jurisdiction import place
from egret.judge.networks import NetworkClass, network_class
from egret.judge.points import DEFAULT_POINTS, Points
from egret.judge.reasons import Evidence
from egret.judge.unnamed import UNNAMED, unnamed_match
from egret.model import (
    ClientIdentity,
    Connection,
    Detection,
    Hosting,
    Kind,
    Match,
    NamedBy,
    Observation,
    Operator,
    Protocol,
    ServiceClass,
    Severity,
    Signature,
    Verdict,
)
from egret.value import Struct

MAX_CACHED = 8192  # verdicts of about 2 KB; a network talks to fewer flagged addresses at a time
MAX_ANSWER = 8  # addresses of one answer that are looked at; real ones rarely have more
_LOOKUPS = frozenset({Protocol.DNS, Protocol.HTTPDNS})
_Key = tuple[str, str, str | None, tuple[bytes, ...], Evidence]


class Policy(Struct, frozen=True, kw_only=True):
    """What the operator set: ``severities`` and ``score`` of the configuration, and ``geoip.count_sars``."""

    ai: Severity = Severity.HIGH
    ai_contested: Severity = Severity.MEDIUM  # contested operator, and not known to be in China
    embedded: Severity = Severity.MEDIUM
    cloud: Severity = Severity.LOW
    cloud_unnamed: Severity = Severity.LOW  # no name at all, by the network alone
    resolver: Severity = Severity.LOW
    broad: Severity = Severity.INFO
    lookup_step_down: bool = True
    count_sars: bool = True
    claims: bool = True  # the signatures' attributed lines, beside the facts
    points: Points = DEFAULT_POINTS

    def of_class(self, service_class: ServiceClass) -> Severity:
        """The severity of a class, operator and place apart."""
        return Severity(getattr(self, service_class.value))

    def possible(self, service_class: ServiceClass, operator: Operator) -> frozenset[Severity]:
        """Every severity that a detection of that class can have; what the metrics must have at zero."""
        full = {self.of_class(service_class)}
        if service_class is ServiceClass.AI and operator.contested:
            full.add(self.ai_contested)
        if service_class is ServiceClass.CLOUD:
            full.add(self.cloud_unnamed)
        if self.lookup_step_down:
            full |= {severity.step_down() for severity in full}
        most = self.points.most(service_class)
        reached = {each for each in Severity if (at := self.points.threshold(each)) is not None and at <= most}
        return frozenset(full | {each for each in reached if any(each.rank > lower.rank for lower in full)})


DEFAULT = Policy()


def severity_of_class(
    signature: Signature, region: str | None, policy: Policy = DEFAULT, hosting: Hosting = UNKNOWN
) -> Severity:
    """The severity of a connection to *signature*; without *hosting* what the name alone says.

    Where nothing says that a contested service is in China, it counts as elsewhere.
    """
    if signature.id in UNNAMED:
        return policy.cloud_unnamed
    if signature.service_class is ServiceClass.AI and signature.operator.contested:
        where = place(region, hosting, count_sars=policy.count_sars)
        return policy.ai if where.in_china else policy.ai_contested
    return policy.of_class(signature.service_class)


class Judge:
    """Turns matches into detections.

    Verdicts are cached by signature, addresses and evidence: after the catalogue, the databases or the policy changed,
    make a new one.
    """

    def __init__(self, policy: Policy, geo: GeoLookup | None) -> None:
        self.policy = policy
        self._geo = geo
        self._cache: OrderedDict[_Key, Verdict] = OrderedDict()

    def detect(
        self,
        event: Observation | Connection,
        match: Match,
        client: ClientIdentity | None = None,
        proof: Proof | None = None,
    ) -> Detection:
        """Judge what the catalogue said about *event*; who the client is, and the proof, are passed on."""
        evidence = _evidence(event, match)
        addresses = _addresses(event)
        key = (match.signature.id, match.pattern, match.region, addresses, evidence)
        verdict = self._cache.get(key)
        if verdict is None:
            verdict = self.judge(match, addresses, evidence)
            self._cache[key] = verdict
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(key)
        return Detection(observation=event, match=match, verdict=verdict, client=client, proof=proof)

    def judge(self, match: Match, addresses: tuple[bytes, ...], evidence: Evidence) -> Verdict:
        """The verdict on a match, for the addresses it was seen at (none: not seen); not cached."""
        ip, hosting = self._where(addresses)
        points, where = self.policy.points, place(match.region, hosting, count_sars=self.policy.count_sars)
        lookup_only, unsure = evidence is Evidence.LOOKUP, evidence is Evidence.INNER_UNSURE
        full = severity_of_class(match.signature, match.region, self.policy, hosting)
        stepped = full.step_down() if lookup_only and self.policy.lookup_step_down else full
        parts = score.parts(match, where, lookup_only=lookup_only, unsure_name=unsure, points=points)
        final = points.raised(stepped, score.total(parts))
        facts = reasons.facts(match, hosting, where, ip, evidence, stepped_down=final.rank < full.rank)
        claims = reasons.quoted(match.signature, where) if self.policy.claims else ()
        raised = () if final is stepped else (score.raise_line(final, score.total(parts), points),)
        return Verdict(
            severity=final,
            score=score.total(parts),
            reasons=raised + facts + tuple(map(reasons.attributed, claims)),
            operator=match.signature.operator,
            hosting=hosting,
            lookup_only=lookup_only,
            score_parts=parts,
            jurisdiction_chain=chain(match, hosting, ip),
        )

    def hosting(self, ip: bytes) -> Hosting:
        """Where *ip* is; everything None where nothing knows it."""
        return UNKNOWN if self._geo is None else hosting_of(self._geo.lookup(ip), count_sars=self.policy.count_sars)

    def prc_network(self, ip: bytes) -> tuple[str, NetworkClass] | None:
        """Country (CN, HK, MO) and network class of an address in China; for counting what no signature names."""
        hosting = self.hosting(ip)
        if not hosting.in_china or hosting.country is None:
            return None
        return hosting.country, network_class(hosting.asn)

    def unnamed(self, ip: bytes) -> Match | None:
        """What a connection to *ip* is that nothing named; None where its network is no PRC AI cloud's."""
        return unnamed_match(self.hosting(ip).asn)

    def _where(self, addresses: tuple[bytes, ...]) -> tuple[bytes | None, Hosting]:
        """One address for the verdict: one in China if there is any, else the first that is known, else the first."""
        found = [(ip, self.hosting(ip)) for ip in addresses]
        ranked = sorted(found, key=lambda each: (not each[1].in_china, each[1].source is None))  # stable
        return ranked[0] if ranked else (None, UNKNOWN)


def _evidence(event: Observation | Connection, match: Match) -> Evidence:
    if "/" in match.pattern or match.signature.id in UNNAMED:  # a network; no host pattern has a slash
        return Evidence.ADDRESS
    if isinstance(event, Observation):
        if event.attributes.get("via") == "ech-lookup":
            return Evidence.INNER_UNSURE if event.attributes.get("inner_confidence") == "low" else Evidence.INNER
        return Evidence.LOOKUP if event.protocol in _LOOKUPS else Evidence.NAME
    if event.named_by is NamedBy.ANSWER:
        return Evidence.ANSWER
    return Evidence.NAME


def _addresses(event: Observation | Connection) -> tuple[bytes, ...]:
    """Where the bytes go; the server of a look-up is a resolver and that of a CONNECT a proxy, neither the service."""
    if isinstance(event, Connection):
        return (event.server.ip,)
    if event.protocol in _LOOKUPS:
        return event.addresses[:MAX_ANSWER]
    if event.kind is Kind.CONNECT or event.protocol is Protocol.SOCKS:
        return ()
    return (event.server.ip,)
