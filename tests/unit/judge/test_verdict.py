from __future__ import annotations

import pytest

from egret.judge import verdict
from egret.judge.hosting import UNKNOWN
from egret.judge.networks import NetworkClass
from egret.judge.points import Points
from egret.judge.verdict import Judge, Policy, severity_of_class
from egret.model import Connection, Hosting, Kind, NamedBy, Observation, Operator, Protocol, ServiceClass, Severity
from egret.value import replace
from tests.support.judge import (
    CONTESTED,
    IN_CN,
    IN_HK,
    IN_SG,
    IN_US,
    NOWHERE,
    PRC,
    STORED,
    Table,
    connection,
    dns,
    hello,
    match,
    signature,
)

AI, EMBEDDED, CLOUD, BROAD, RESOLVER = (
    ServiceClass.AI,
    ServiceClass.EMBEDDED,
    ServiceClass.CLOUD,
    ServiceClass.BROAD,
    ServiceClass.RESOLVER,
)
CN = Hosting(country="CN", source="db", in_china=True)


@pytest.fixture
def judge() -> Judge:
    return Judge(Policy(), Table())


@pytest.mark.parametrize(
    ("service_class", "operator", "region", "hosting", "severity"),
    [
        (AI, PRC, None, UNKNOWN, "high"),
        (AI, PRC, "SG (ap-southeast-1)", UNKNOWN, "high"),  # nothing contested: the place does not matter
        (AI, CONTESTED, None, UNKNOWN, "medium"),
        (AI, CONTESTED, "SG (ap-southeast-1)", UNKNOWN, "medium"),
        (AI, CONTESTED, "SG (ap-southeast-1)", CN, "medium"),  # the name goes first
        (AI, CONTESTED, "CN (cn-beijing)", UNKNOWN, "high"),
        (AI, CONTESTED, "HK (cn-hongkong)", UNKNOWN, "high"),
        (AI, CONTESTED, None, CN, "high"),
        (EMBEDDED, PRC, None, CN, "medium"),
        (EMBEDDED, CONTESTED, None, UNKNOWN, "medium"),
        (CLOUD, PRC, None, CN, "low"),
        (RESOLVER, PRC, None, CN, "low"),
        (BROAD, PRC, None, CN, "info"),
    ],
)
def test_severity(
    service_class: ServiceClass, operator: Operator, region: str | None, hosting: Hosting, severity: str
) -> None:
    assert severity_of_class(signature(service_class, operator), region, hosting=hosting) is Severity(severity)


def test_severities_are_settings() -> None:
    policy = Policy(ai=Severity.CRITICAL, ai_contested=Severity.LOW, cloud=Severity.INFO, count_sars=False)
    assert severity_of_class(signature(), None, policy) is Severity.CRITICAL
    assert severity_of_class(signature(operator=CONTESTED), "HK (cn-hongkong)", policy) is Severity.LOW
    assert severity_of_class(signature(CLOUD), None, policy) is Severity.INFO


def test_operator_and_hosting_stay_apart(judge: Judge) -> None:
    detection = judge.detect(hello(IN_US), match())
    found = detection.verdict
    assert found.severity is Severity.HIGH
    assert found.operator == PRC
    assert (found.hosting.country, found.hosting.asn, found.hosting.in_china) == ("US", 13335, False)
    assert found.hosting.source == "test 2026-01-01"
    assert found.score == sum(part.points for part in found.score_parts) == 60
    assert not found.lookup_only
    assert any(STORED.text in line for line in found.reasons)  # the address cancels no name evidence


@pytest.mark.parametrize(
    ("event", "severity", "lookup_only"),
    [
        (dns(), "medium", True),
        (dns(Kind.ANSWER, IN_CN), "medium", True),
        (dns(Kind.CNAME), "medium", True),
        (hello(), "high", False),
        (hello(protocol=Protocol.QUIC), "high", False),
        (hello(protocol=Protocol.HTTP, kind=Kind.REQUEST), "high", False),
        (connection(), "high", False),
        (connection(named_by=NamedBy.HELLO), "high", False),
    ],
)
def test_a_look_up_alone_is_one_step_lower(
    judge: Judge, event: Observation | Connection, severity: str, lookup_only: bool
) -> None:
    found = judge.detect(event, match()).verdict
    assert (found.severity, found.lookup_only) == (Severity(severity), lookup_only)
    assert any("one step lower" in line for line in found.reasons) is lookup_only


def test_the_step_is_a_setting_and_info_has_none() -> None:
    found = Judge(Policy(lookup_step_down=False), None).detect(dns(), match()).verdict
    assert found.severity is Severity.HIGH
    assert "Only a look-up, no connection seen" in found.reasons
    found = Judge(Policy(), None).detect(dns(), match(signature(BROAD))).verdict
    assert found.severity is Severity.INFO
    assert not any("one step lower" in line for line in found.reasons)


@pytest.mark.parametrize(
    ("event", "country"),
    [
        (dns(), None),  # the resolver is not where the bytes land
        (dns(Kind.ANSWER, NOWHERE, IN_US, IN_CN), "CN"),
        (dns(Kind.ANSWER, NOWHERE, IN_US, IN_SG), "US"),
        (dns(Kind.ANSWER, NOWHERE), None),
        (hello(protocol=Protocol.HTTP, kind=Kind.CONNECT), None),  # nor is a proxy
        (hello(protocol=Protocol.SOCKS, kind=Kind.CONNECT), None),
        (hello(IN_SG), "SG"),
        (connection(IN_HK), "HK"),
    ],
)
def test_where_the_bytes_land(judge: Judge, event: Observation | Connection, country: str | None) -> None:
    assert judge.detect(event, match()).verdict.hosting.country == country


def test_answers_are_looked_at_up_to_a_bound(judge: Judge) -> None:
    assert judge.detect(dns(Kind.ANSWER, *[NOWHERE] * 8, IN_CN), match()).verdict.hosting == UNKNOWN


def test_address_alone(judge: Judge) -> None:
    event = connection(IN_CN, NamedBy.NOTHING)
    found = judge.detect(event, match(signature(RESOLVER), pattern="203.0.113.1/32")).verdict
    assert found.severity is Severity.LOW
    assert "Recognised by its address alone (203.0.113.1/32)" in found.reasons


def test_without_a_database() -> None:
    judge = Judge(Policy(), None)
    found = judge.detect(hello(), match()).verdict
    assert (found.severity, found.hosting) == (Severity.HIGH, UNKNOWN)
    assert judge.prc_network(IN_CN) is None


def test_prc_network(judge: Judge) -> None:
    assert judge.prc_network(IN_CN) == ("CN", NetworkClass.PRC_AI_CLOUD)
    assert judge.prc_network(IN_HK) == ("HK", NetworkClass.OTHER)
    assert judge.prc_network(IN_SG) is None
    assert judge.prc_network(NOWHERE) is None
    assert Judge(Policy(count_sars=False), Table()).prc_network(IN_HK) is None


def test_verdicts_are_cached_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "MAX_CACHED", 3)
    table = Table()
    judge = Judge(Policy(), table)
    first = judge.detect(hello(IN_CN), match())
    assert judge.detect(replace(hello(IN_CN), time_ns=2), match()).verdict is first.verdict
    assert len(table.asked) == 1
    for ip in (IN_US, IN_SG):
        judge.detect(hello(ip), match())
    judge.detect(hello(IN_CN), match())  # used last, so it stays
    judge.detect(hello(IN_HK), match())
    assert judge.detect(hello(IN_CN), match()).verdict is first.verdict
    assert len(judge._cache) == 3


def test_what_differs_is_judged_apart(judge: Judge) -> None:
    a = judge.detect(hello(), match(region="CN (cn-beijing)")).verdict
    b = judge.detect(hello(), match(region="SG (ap-southeast-1)")).verdict
    c = judge.detect(connection(), match(region="CN (cn-beijing)")).verdict
    assert len({a.reasons, b.reasons, c.reasons}) == 3


def test_claims_can_be_left_out_and_facts_stay() -> None:
    judged = [
        Judge(Policy(claims=claims), Table()).detect(hello(), match()).verdict.reasons for claims in (True, False)
    ]
    assert len(judged[0]) > len(judged[1]) >= 1
    assert set(judged[1]) <= set(judged[0])


def test_the_severities_a_class_can_have() -> None:
    policy = Policy()
    assert policy.possible(AI, PRC) == {Severity.HIGH, Severity.MEDIUM}
    assert policy.possible(AI, CONTESTED) == {Severity.HIGH, Severity.MEDIUM, Severity.LOW}
    assert policy.possible(BROAD, PRC) == {Severity.INFO}
    assert Policy(lookup_step_down=False).possible(CLOUD, CONTESTED) == {Severity.LOW}
    sharp = Policy(points=Points(raise_to_high=None, raise_to_critical=60))
    assert sharp.possible(AI, PRC) == {Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM}
    assert sharp.possible(CLOUD, PRC) == {Severity.LOW, Severity.INFO}


def test_a_score_raises_and_says_so_and_never_lowers() -> None:
    judge = Judge(Policy(points=Points(raise_to_critical=70)), Table())
    found = judge.detect(hello(IN_CN), match()).verdict
    assert found.severity is Severity.CRITICAL
    assert found.reasons[0] == "Raised to critical: the score of 70 reaches 70 (score.raise_to_critical)"
    assert judge.detect(hello(IN_US), match()).verdict.severity is Severity.HIGH
    assert Judge(Policy(ai=Severity.CRITICAL), None).detect(hello(), match()).verdict.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("confidence", "score", "said"), [("high", 70, "only this name fits"), ("low", 60, "low conf")]
)
def test_a_name_behind_ech_says_how_sure_it_is(judge: Judge, confidence: str, score: int, said: str) -> None:
    inner = replace(hello(), attributes={"via": "ech-lookup", "inner_confidence": confidence})
    found = judge.detect(inner, match()).verdict
    assert (found.severity, found.score) == (Severity.HIGH, score)
    assert any("inferred from the client's own look-up" in line and said in line for line in found.reasons)


@pytest.mark.parametrize(("ip", "asn"), [(IN_CN, 37963), (IN_SG, 45102)])
def test_a_connection_without_a_name_to_a_prc_cloud_is_cloud_and_no_ai(judge: Judge, ip: bytes, asn: int) -> None:
    found = judge.unnamed(ip)
    assert found is not None
    seen = judge.detect(connection(ip, NamedBy.NOTHING), found).verdict
    assert (seen.severity, seen.lookup_only) == (Severity.LOW, False)
    assert f"Recognised by its address alone (AS{asn})" in seen.reasons
    assert any("whether it has to do with AI, cannot be seen" in line for line in seen.reasons)
    assert judge.unnamed(IN_US) is None
    assert (
        Judge(Policy(cloud_unnamed=Severity.INFO), Table())
        .detect(connection(ip, NamedBy.NOTHING), found)
        .verdict.severity
        is Severity.INFO
    )
    assert Severity.CRITICAL in Policy(cloud_unnamed=Severity.CRITICAL).possible(CLOUD, PRC)
