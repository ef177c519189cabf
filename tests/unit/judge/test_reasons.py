from __future__ import annotations

import pytest

from egret.judge.hosting import UNKNOWN
from egret.judge.jurisdiction import place
from egret.judge.reasons import Evidence, attributed, facts, operator_line, quoted
from egret.model import Hosting, Match, Operator, Reasoning, ServiceClass
from egret.value import replace
from tests.support.catalog import bundled
from tests.support.judge import CONTESTED, IN_SG, IN_US, LAW, PRC, SIGNATURE, STORED, match, signature

CDN = Hosting(country="US", asn=13335, as_org="Cloudflare, Inc.", source="db 2026-06-17")
SG = Hosting(country="SG", asn=45102, as_org="Alibaba (US)", source="db 2026-06-17")


def said(
    found: Match,
    hosting: Hosting = UNKNOWN,
    ip: bytes | None = None,
    evidence: Evidence = Evidence.NAME,
    stepped_down: bool = False,
) -> tuple[str, ...]:
    return facts(found, hosting, place(found.region, hosting, count_sars=True), ip, evidence, stepped_down=stepped_down)


def claim(text: str, region: str | None) -> bool:
    sig = replace(SIGNATURE, reasons=(Reasoning(text=text, source="s"),))
    return bool(quoted(sig, place(region, UNKNOWN, count_sars=True)))


def test_a_line_says_who_says_so_and_what_is_said_against_it() -> None:
    assert (
        attributed(STORED)
        == "The policy states storage in the PRC (policy, 2026-01-01). Against it: Not for open weights"
    )
    assert attributed(LAW) == "Organisations must support state intelligence work (a law)"


@pytest.mark.parametrize(
    ("operator", "line"),
    [
        (PRC, "PRC-operated: Example Co., Ltd. (policy, 2026-11-22)"),
        (
            CONTESTED,
            "Operator contested: Example (Singapore) Pte. Ltd.; whether PRC law reaches it is not settled (terms, 2026-11-22)",
        ),
        (Operator(country="SG", contested=False), "Operated from SG"),
        (Operator(country=None, contested=False), "Operated from an unknown country"),
    ],
)
def test_operator(operator: Operator, line: str) -> None:
    assert operator_line(operator) == line


def test_an_address_abroad_says_nothing_about_the_operator() -> None:
    assert said(match(), CDN, IN_US)[1] == (
        "198.51.100.1 is in US, AS13335 Cloudflare, Inc. (db 2026-06-17); a content network, so the data may end elsewhere"
    )
    assert said(match(), SG, IN_SG)[1].endswith("(db 2026-06-17); this says nothing about the operator")
    foreign = signature(operator=Operator(country="US", contested=False))
    assert said(match(foreign), SG, IN_SG)[1].endswith("(db 2026-06-17)")


def test_what_is_not_known_is_said() -> None:
    assert said(match())[1] == "The address of the service was not seen"
    assert said(match(), ip=IN_US)[1] == "No database knows where 198.51.100.1 is"
    assert "in an unknown country, network unknown" in said(match(), Hosting(source="db"), IN_US)[1]


def test_a_region_abroad_says_what_cannot_be_seen() -> None:
    lines = said(match(signature(operator=CONTESTED), region="SG (ap-southeast-1)"))
    assert lines[1] == "The host name states the region SG (ap-southeast-1)"
    assert "cannot be seen on the wire" in lines[2]
    assert not any("cannot be seen" in line for line in said(match(region="CN (cn-beijing)")))
    assert not any("cannot be seen" in line for line in said(match(signature(ServiceClass.CLOUD), region="SG (x)")))


def test_evidence() -> None:
    assert said(match(), evidence=Evidence.LOOKUP)[-1] == "Only a look-up, no connection seen"
    assert said(match(), evidence=Evidence.LOOKUP, stepped_down=True)[-1].endswith("; one step lower for that")
    assert "earlier DNS answer" in said(match(), evidence=Evidence.ANSWER)[-1]
    assert said(match(pattern="203.0.113.0/24"), evidence=Evidence.ADDRESS)[-1].endswith("alone (203.0.113.0/24)")


@pytest.mark.parametrize(
    "text",
    [
        "The policy states storage in the PRC",
        "Consumer chat and direct mainland API calls route to PRC infrastructure",
        "Data goes to China",
        "Inputs are processed on the Chinese mainland",
        "Prompts are sent to Beijing",
    ],
)
def test_no_line_puts_data_in_china_beside_a_region_abroad(text: str) -> None:
    assert not claim(text, "SG (ap-southeast-1)")
    assert claim(text, "CN (cn-beijing)")
    assert claim(text, None)


def test_an_address_abroad_speaks_for_contested_operators_only() -> None:
    abroad = place(None, SG, count_sars=True)
    assert STORED in quoted(SIGNATURE, abroad)
    assert STORED not in quoted(replace(SIGNATURE, operator=CONTESTED), abroad)
    assert STORED in quoted(replace(SIGNATURE, operator=CONTESTED), place(None, UNKNOWN, count_sars=True))


@pytest.mark.parametrize(
    "text",
    [
        "The contract entity is outside the PRC and its parent or developer inside",
        "Data is processed outside the PRC",
        "Storage is in Singapore; the developer is in Beijing",
        "Generative AI offered to the public in the PRC must uphold core socialist values",
    ],
)
def test_other_lines_stay(text: str) -> None:
    assert claim(text, "SG (ap-southeast-1)")


def test_the_bundled_catalogue_never_contradicts_a_region_abroad() -> None:
    for sig in bundled().signatures:
        for host in sig.hosts:
            where = place(host.region, UNKNOWN, count_sars=True)
            for each in quoted(sig, where):
                assert where.in_china or host.region is None or "PRC infrastructure" not in each.text
