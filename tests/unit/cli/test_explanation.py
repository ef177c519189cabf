from __future__ import annotations

import pytest

from egret.catalog.match import Catalog
from egret.cli.explanation import explain_address, explain_name, similar
from egret.daemon.setup import Knowledge, load_knowledge
from egret.judge.reasons import Evidence
from egret.judge.verdict import Judge, Policy
from egret.model import HostKind, HostPattern, ServiceClass, Severity
from egret.settings.config import Config
from egret.value import replace
from tests.support.judge import CONTESTED, IN_CN, IN_SG, IN_US, NOWHERE, SIGNATURE, STORED, Table


@pytest.fixture(scope="module")
def bundled() -> Knowledge:
    return load_knowledge(Config())


CHAT = replace(
    SIGNATURE,
    hosts=(
        HostPattern(kind=HostKind.SUFFIX, pattern="chat.example"),
        HostPattern(kind=HostKind.EXACT, pattern="sg.chat.example", region="SG (ap-southeast-1)"),
    ),
    alternatives=("Other Chat",),
    references=("a list",),
    last_reviewed="2026-11-22",
)
INTERNATIONAL = replace(
    SIGNATURE, id="example.intl", operator=CONTESTED, hosts=(HostPattern(kind=HostKind.SUFFIX, pattern="intl.example"),)
)
DNS = replace(SIGNATURE, id="example.dns", service_class=ServiceClass.RESOLVER, hosts=(), networks=("203.0.113.1/32",))
CATALOG = Catalog([CHAT, INTERNATIONAL, DNS], "2026.11.22")
JUDGE = Judge(Policy(), Table())


def test_a_known_name() -> None:
    found = explain_name("www.chat.example", CATALOG, JUDGE)
    assert (found["known"], found["signature"], found["pattern"]) == (True, "example.chat", "chat.example")
    assert (found["severity"], found["severity_of_a_lookup"]) == (Severity.HIGH, Severity.MEDIUM)
    assert found["severity_in_china"] is None
    assert found["score"] == sum(part["points"] for part in found["score_parts"])
    assert found["operator"]["entity"] == "Example Co., Ltd."
    assert found["regions"] == ["SG (ap-southeast-1)"]
    assert found["reasons"][0]["counter"] == STORED.counter
    assert found["hosting"] is None
    assert (found["alternatives"], found["references"]) == (["Other Chat"], ["a list"])


def test_a_stated_region_leaves_out_what_would_contradict_it() -> None:
    found = explain_name("sg.chat.example", CATALOG, JUDGE)
    assert found["region"] == "SG (ap-southeast-1)"
    assert STORED.text not in [each["text"] for each in found["reasons"]]
    assert "The host name states the region SG (ap-southeast-1)" in found["facts"]


def test_a_contested_name_says_what_an_address_would_change() -> None:
    found = explain_name("intl.example", CATALOG, JUDGE)
    assert (found["severity"], found["severity_in_china"]) == (Severity.MEDIUM, Severity.HIGH)


def test_an_unknown_name_has_no_verdict() -> None:
    found = explain_name("char.example", CATALOG, JUDGE)
    assert found == {
        "name": "char.example",
        "address": None,
        "known": False,
        "similar": ["chat.example", "sg.chat.example"],
        "catalogue": "2026.11.22",
    }


def test_similar_is_sparing() -> None:
    assert similar("www.debian.org", CATALOG) == []
    assert similar("x" * 253, CATALOG) == []
    assert similar("login.intl.exampl", CATALOG) == ["intl.example"]


def test_an_address_that_the_catalogue_names() -> None:
    found = explain_address(IN_CN, CATALOG, JUDGE)
    assert (found["known"], found["signature"], found["severity"]) == (True, "example.dns", Severity.LOW)
    assert found["hosting"]["country"] == "CN"
    assert (found["hosting"]["network"], found["hosting"]["network_operator"]) == ("prc-ai-cloud", "Alibaba")
    assert found["facts"][-1] == "Recognised by its address alone (203.0.113.1/32)"


def test_other_addresses_have_hosting_only() -> None:
    found = explain_address(IN_US, CATALOG, JUDGE)
    assert (found["known"], found["hosting"]["country"], "signature" in found) == (False, "US", False)
    assert explain_address(NOWHERE, CATALOG, JUDGE)["hosting"]["network"] == "unknown"


@pytest.mark.parametrize("second", range(129, 148))
def test_with_the_bundled_database_the_operator_beats_whois(second: int, bundled: Knowledge) -> None:
    found = explain_address(bytes([8, second, 64, 1]), bundled.catalog, bundled.judge)
    assert found["hosting"]["country"] == "CN"
    assert found["unnamed"]["signature"] == "network.alibaba"
    assert (found["unnamed"]["class"], found["unnamed"]["severity"]) == (ServiceClass.CLOUD, Severity.LOW)


def test_deepseek_behind_cloudflare_is_deepseek(bundled: Knowledge) -> None:
    match = bundled.catalog.match_name("api.deepseek.com")
    assert match is not None
    found = bundled.judge.judge(match, (bytes([104, 16, 0, 1]),), Evidence.NAME)
    assert (found.severity, found.operator.country, found.hosting.country) == (Severity.HIGH, "CN", "US")
    chain = {link.fact: (link.value, link.note) for link in found.jurisdiction_chain}
    assert chain["operator_country"][0] == "CN"
    assert chain["network_operator"][0] == "Cloudflare"
    assert "the data may end elsewhere" in chain["network_operator"][1]
    assert "says nothing about the operator" in chain["address_country"][1]


def test_an_address_of_a_prc_cloud_is_explained_without_calling_it_ai() -> None:
    found = explain_address(IN_US, CATALOG, JUDGE)
    assert "unnamed" not in found
    cloud = explain_address(IN_SG, CATALOG, JUDGE)
    assert (cloud["known"], cloud["unnamed"]["service"]) == (False, "PRC cloud network, international")
