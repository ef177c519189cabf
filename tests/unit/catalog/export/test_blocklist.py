from __future__ import annotations

import pytest

from egret.catalog.export.blocklist import Blocklist, Names, beside, blocklist, inherited
from egret.catalog.export.selection import Wanted
from egret.catalog.match import Catalog
from egret.model import ServiceClass
from egret.value import replace
from tests.support.catalog import bundled, signature
from tests.support.exports import CLOUD, NESTED, PLAIN, selection


def test_only_what_differs_from_above_is_said() -> None:
    rules = blocklist(selection(*NESTED, wanted=CLOUD))
    assert rules.block == Names(["free.ai.cloud.example"], ["cloud.example"], [])
    assert rules.allow == Names(["one.cloud.example"], ["ai.cloud.example"], ["v-*.r.cloud.example"])
    assert rules.again == {"free.ai.cloud.example"}
    assert rules.unsaid(wildcards=True) == ["exception v-*.r.cloud.example"]


def test_without_anything_above_nothing_is_allowed() -> None:
    rules = blocklist(selection(*NESTED))
    assert rules.allow == Names(["free.ai.cloud.example"], [], [])
    assert blocklist(selection(*PLAIN)).unsaid(wildcards=False) == ["what else pattern ark.*.vol.example covers"]


def test_a_host_of_another_below_a_chosen_wildcard_is_left_alone() -> None:
    other = signature("y.z", "exact:ark.web.vol.example", service_class=ServiceClass.BROAD)
    assert blocklist(selection(*PLAIN, other)).allow.exact == ["ark.web.vol.example"]


def test_beside() -> None:
    assert beside(selection(*NESTED, wanted=CLOUD).others, "cloud.example") == [
        "ai.cloud.example",
        "one.cloud.example",
        "v-*.r.cloud.example",
    ]


def decide(rules: Blocklist, name: str) -> bool:
    """What a program with longest match does with *name*; patterns left out."""
    if name in rules.block.exact or name in rules.allow.exact:
        return name in rules.block.exact
    return bool(inherited(name, rules.suffixes()))


@pytest.mark.parametrize("classes", [{ServiceClass.AI, ServiceClass.EMBEDDED}, {ServiceClass.CLOUD}, set(ServiceClass)])
def test_the_rules_decide_as_the_catalogue_does(classes: set[ServiceClass]) -> None:
    catalog = bundled()
    names = {each for s in catalog.signatures for each in (*s.examples, *s.counter_examples)}
    names |= {f"www.{h.pattern}" for s in catalog.signatures for h in s.hosts if h.kind != "wildcard"}
    literal = [name for name in names if not by_wildcard(catalog, name)]
    rules = blocklist(selection(*catalog.signatures, wanted=Wanted(classes=classes)))
    wrong = [name for name in literal if decide(rules, name) is not wanted(catalog, name, classes)]
    assert wrong == []
    assert len(literal) > 1000


def by_wildcard(catalog: Catalog, name: str) -> bool:
    found = catalog.match_name(name)
    return bool(found and "*" in found.pattern)


def wanted(catalog: Catalog, name: str, classes: set[ServiceClass]) -> bool:
    found = catalog.match_name(name)
    return bool(found and found.signature.service_class in classes)


def test_wildcards_are_spelled_out_for_who_has_none() -> None:
    chat = replace(PLAIN[0], examples=("ark.cn.vol.example", "ark.us.vol.example"))
    other = signature("y.z", "exact:ark.us.vol.example", service_class=ServiceClass.BROAD)
    rules = blocklist(selection(chat, other), spell_out=True)
    assert rules.block.exact == ["api.other.example", "ark.cn.vol.example"]
