from __future__ import annotations

import pytest

from egret.evidence import About
from egret.judge.chain import FactName, chain
from egret.judge.hosting import UNKNOWN
from egret.model import Hosting, Match, Scope
from egret.value import replace
from tests.support.judge import CONTESTED, IN_US, PRC, match, signature

CLOUDFLARE = Hosting(country="US", asn=13335, as_org="Cloudflare", source="country 2026-05-01 + asn 2026-04-01")
SCOPE = Scope(
    storage="the region", inference="any node", includes_mainland=True, source="regions page", date="2026-11-22"
)


def facts(found: Match, hosting: Hosting = UNKNOWN, ip: bytes | None = None) -> dict[str, tuple[str, str, str]]:
    return {link.fact: (link.value, link.source, link.date) for link in chain(found, hosting, ip)}


def test_facts_of_a_name_alone() -> None:
    assert facts(match()) == {
        "operator_country": ("CN", "policy", "2026-11-22"),
        "contract_entity": ("Example Co., Ltd.", "policy", "2026-11-22"),
    }


def test_an_address_cancels_no_name() -> None:
    found = facts(match(), CLOUDFLARE, IN_US)
    assert found["operator_country"][0] == "CN"
    assert found["address_country"] == ("US", "country 2026-05-01 + asn 2026-04-01", "2026-04-01")
    assert found["network"][0] == "AS13335 Cloudflare"
    assert found["network_operator"][0] == "Cloudflare"
    notes = {link.fact: link.note for link in chain(match(), CLOUDFLARE, IN_US)}
    assert "says nothing about the operator" in notes["address_country"]
    assert "the data may end elsewhere" in notes["network_operator"]


def test_contested_is_a_value_of_its_own() -> None:
    found = facts(match(signature(operator=CONTESTED), region="SG (ap-southeast-1)"))
    assert found["operator_country"][0] == "contested"
    assert found["stated_region"][:2] == ("SG (ap-southeast-1)", "the host name (chat.example)")


def test_what_is_documented_is_the_vendors_word() -> None:
    links = {link.fact: link for link in chain(replace(match(), scope=SCOPE), UNKNOWN, None)}
    assert (links["documented_storage"].value, links["documented_inference"].value) == ("the region", "any node")
    assert "includes the Chinese mainland" in links["documented_inference"].note
    assert "not an observation" in links["documented_storage"].note


@pytest.mark.parametrize(("country", "said"), [("HK", "counted as in China"), ("CN", "of 198.51.100.1")])
def test_sars_are_shown_as_themselves(country: str, said: str) -> None:
    hosting = Hosting(country=country, source="db 2026-01-01", in_china=True)
    [link] = [link for link in chain(match(), hosting, IN_US) if link.fact == FactName.ADDRESS_COUNTRY]
    assert link.value == country
    assert said in link.note


def test_an_address_that_no_database_knows_is_said_to_be_unknown() -> None:
    assert facts(match(), UNKNOWN, IN_US)["address_country"] == ("unknown", "", "")


def test_every_fact_speaks_to_one_question() -> None:
    about = {
        link.fact: link.about
        for link in chain(replace(match(region="CN (cn-beijing)"), scope=SCOPE), CLOUDFLARE, IN_US)
    }
    operator = {fact for fact, question in about.items() if question is About.OPERATOR}
    assert operator == {"operator_country", "contract_entity"}
    assert set(about) == set(FactName)
    assert PRC.country == "CN"
