"""No line of a verdict contradicts the verdict: the whole catalogue, in every place, by every kind of evidence.

The words looked for here are chosen apart from those that ``judge.reasons`` goes by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest

from egret.judge.hosting import GeoRecord
from egret.judge.jurisdiction import Basis, Place
from egret.judge.reasons import Evidence, quoted
from egret.judge.verdict import Judge, Policy
from egret.model import Match, Reasoning, ServiceClass, Verdict
from egret.settings.bundled import signatures_dir
from egret.settings.catalogue import load_catalog
from egret.value import replace
from tests.support.judge import SIGNATURE

PLACES = {
    b"\xcb\x00\x71\x01": GeoRecord("CN", 37963, "Alibaba", "db 2026-01-01"),
    b"\xcb\x00\x71\x02": GeoRecord("HK", 45102, "Alibaba", "db 2026-01-01"),
    b"\xcb\x00\x71\x03": GeoRecord("SG", 45102, "Alibaba", "db 2026-01-01"),
    b"\xcb\x00\x71\x04": GeoRecord("US", 13335, "Cloudflare", "db 2026-01-01"),
    b"\xcb\x00\x71\x05": None,
}
GOES_TO_THE_PRC = re.compile(
    r"PRC infrastructure|mainland API calls|(?:storage|stored|kept|processed|hosted) (?:in|on) (?:the PRC|China|the Chinese)"
    r"|(?:to|reach(?:es)?) (?:servers|data cent\w+) in (?:the PRC|China)",
    re.IGNORECASE,
)
PEOPLE = re.compile(
    r"\b(?:chinese (?:people|users?|nationals?|citizens?|persons?|engineers?)|nationality)\b", re.IGNORECASE
)
AI = frozenset({ServiceClass.AI, ServiceClass.EMBEDDED})


class Table:
    def lookup(self, ip: bytes) -> GeoRecord | None:
        return PLACES.get(ip)


POLICY = Policy()


@cache
def verdicts() -> tuple[tuple[Match, Evidence, bytes | None, Verdict], ...]:
    return tuple(_verdicts())


def _verdicts() -> Iterator[tuple[Match, Evidence, bytes | None, Verdict]]:
    judge = Judge(POLICY, Table())
    for signature in load_catalog([signatures_dir()]).signatures:
        by_region = {
            (host.region, host.scope): Match(signature, host.pattern, host.region, host.scope)
            for host in signature.hosts
        }
        for match, evidence, ip in product(by_region.values(), Evidence, (None, *PLACES)):
            yield match, evidence, ip, judge.judge(match, () if ip is None else (ip,), evidence)


def lines(verdict: Verdict) -> list[str]:
    """The lines, without what is documented (said as the vendor's words) and what is said against a line."""
    return [line.partition(" Against it:")[0] for line in verdict.reasons if not line.startswith("Documented by")]


def told(match: Match, verdict: Verdict) -> str:
    return f"{match.signature.id} {match.region} {verdict.hosting.country}"


def test_there_is_something_to_look_at() -> None:
    assert len(verdicts()) > 10_000


def test_no_data_is_said_to_go_to_the_prc_where_the_region_is_stated_elsewhere_or_contested_and_abroad() -> None:
    for match, _, _, verdict in verdicts():
        country = (match.region or "").partition(" ")[0] or (
            verdict.hosting.country if match.signature.operator.contested else None
        )
        if country not in {None, "", "CN", "HK", "MO"}:
            assert not [line for line in lines(verdict) if GOES_TO_THE_PRC.search(line)], told(match, verdict)


def test_nothing_on_the_mainland_is_said_to_be_beyond_its_law() -> None:
    for match, _, _, verdict in verdicts():
        stated = (match.region or "").partition(" ")[0]
        if (stated or verdict.hosting.country) == "CN":
            assert not [line for line in lines(verdict) if "whether PRC law reaches the data" in line], told(
                match, verdict
            )


def test_the_operator_is_contested_or_not_but_never_both() -> None:
    for match, _, _, verdict in verdicts():
        contested = match.signature.operator.contested
        said = lines(verdict)
        assert any(line.startswith("Operator contested") for line in said) is contested, told(match, verdict)
        assert not (contested and any(line.startswith("PRC-operated") for line in said)), told(match, verdict)
        link = next(link for link in verdict.jurisdiction_chain if link.fact == "operator_country")
        assert (link.value == "contested") is contested, told(match, verdict)


def test_a_look_up_is_told_as_such_and_nothing_else_is() -> None:
    for match, evidence, _, verdict in verdicts():
        assert any(line.startswith("Only a look-up") for line in lines(verdict)) is (evidence is Evidence.LOOKUP), told(
            match, verdict
        )


def test_clouds_shops_and_resolvers_are_not_called_ai() -> None:
    for match, _, _, verdict in verdicts():
        if match.signature.service_class not in AI:
            assert not [
                line
                for line in lines(verdict)
                if re.search(r"\b(?:generative AI|AI (?:service|vendor|product)\b(?! as well))", line, re.IGNORECASE)
            ], told(match, verdict)
            assert match.signature.alternatives == (), told(match, verdict)


def test_the_chain_says_what_the_verdict_says() -> None:
    for match, _, ip, verdict in verdicts():
        chain = {link.fact: link.value for link in verdict.jurisdiction_chain}
        assert chain.get("stated_region") == match.region, told(match, verdict)
        assert chain.get("address_country") == (None if ip is None else verdict.hosting.country or "unknown")


def test_the_sum_is_right_and_the_severity_is_announced() -> None:
    for match, _, _, verdict in verdicts():
        signature = match.signature
        assert verdict.score == min(100, max(0, sum(part.points for part in verdict.score_parts))), told(match, verdict)
        assert verdict.severity in POLICY.possible(signature.service_class, signature.operator), told(match, verdict)


def test_every_quoted_line_has_a_source_and_speaks_of_no_people() -> None:
    for signature in {match.signature.id: match.signature for match, *_ in verdicts()}.values():
        for reasoning in signature.reasons:
            assert reasoning.source, (signature.id, reasoning.text)
            assert not PEOPLE.search(f"{reasoning.text} {reasoning.counter}"), (signature.id, reasoning.text)


@pytest.mark.parametrize(
    "text",
    [
        "Prompts are stored in the PRC",
        "The API is hosted in China",
        "Requests go to servers in Beijing",
        "Chats are processed on the Chinese mainland",
        "Data is transferred to the PRC",
    ],
)
def test_words_like_these_are_left_out_of_a_verdict_on_singapore(text: str) -> None:
    claimed = replace(SIGNATURE, reasons=(Reasoning(text=text, source="somebody"),))
    assert quoted(claimed, Place("CN", Basis.NAME, in_china=True))
    assert not quoted(claimed, Place("SG", Basis.NAME, in_china=False))
