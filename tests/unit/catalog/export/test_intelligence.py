from __future__ import annotations

import json
import re
import uuid

import yaml

from egret.catalog.export.intelligence import sigma, stix
from egret.value import replace
from tests.support.catalog import bundled
from tests.support.exports import CLOUD, NESTED, PLAIN, selection

REVIEWED = replace(PLAIN[0], last_reviewed="2026-11-01", service='a": [b]\n- c', references=("https://a.example/ #x",))
WHOLE = selection(*bundled().signatures)
COMPARISON = r"domain-name:value (?:= '[a-z0-9._-]+'|MATCHES '(?:[^'\\]|\\\\)+')"  # STIX 2.1 section 9


def documents(text: str) -> list[dict[str, object]]:
    return [each for each in yaml.load_all(text, yaml.SafeLoader) if each]


def test_stix_has_a_pattern_for_each_signature() -> None:
    bundle = json.loads(stix(selection(REVIEWED)).text)
    identity, indicator = bundle["objects"]
    assert indicator["created_by_ref"] == identity["id"]
    assert indicator["pattern"] == (
        r"[domain-name:value MATCHES '^(.*\\.)?chat\\.example$' OR domain-name:value = 'api.other.example'"
        r" OR domain-name:value MATCHES '^ark\\.[^.]+\\.vol\\.example$']"
    )
    assert indicator["valid_from"] == "2026-11-01T00:00:00.000Z"


def test_stix_follows_the_specification() -> None:
    bundle = json.loads(stix(WHOLE).text)
    ids = [each["id"] for each in (bundle, *bundle["objects"])]
    assert len(set(ids)) == len(ids)
    assert {uuid.UUID(each.rpartition("--")[2]).version for each in ids} == {5}
    for each in bundle["objects"][1:]:
        assert re.fullmatch(rf"\[{COMPARISON}(?: OR {COMPARISON})*\]", each["pattern"])
        assert {"type", "spec_version", "created", "modified", "pattern_type", "valid_from"} <= set(each)
    assert stix(WHOLE) == stix(WHOLE)


def test_sigma_has_a_rule_for_dns_and_one_for_proxies() -> None:
    dns, proxy = documents(sigma(selection(REVIEWED)).text)
    assert dns["logsource"] == {"category": "dns"}
    assert dns["detection"] == {
        "exact": {"query": ["chat.example", "api.other.example"]},
        "below": {"query|endswith": [".chat.example"]},
        "like": {"query|re": [r"^ark\.[^.]+\.vol\.example$"]},
        "condition": "exact or below or like",
    }
    assert proxy["title"] == 'Example: a": [b]\\x0a- c (proxy)'
    assert proxy["references"] == ["https://a.example/ #x"]
    assert dns["id"] != proxy["id"]


def test_sigma_of_the_whole_catalogue_is_yaml_with_known_levels() -> None:
    found = documents(sigma(WHOLE).text)
    assert len(found) == 2 * len(WHOLE.signatures)
    assert {each["level"] for each in found} <= {"informational", "low", "medium", "high", "critical"}
    assert len({each["id"] for each in found}) == len(found)


def test_what_a_tree_covers_as_well_is_said() -> None:
    nested = [replace(each, last_reviewed="2026-11-01") for each in NESTED]
    assert "cloud.example covers one.cloud.example as well" in sigma(selection(*nested, wanted=CLOUD)).left_out
