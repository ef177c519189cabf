from __future__ import annotations

import re

from egret.catalog.export.selection import Wanted
from egret.catalog.export.sensors import suricata, zeek_intel
from egret.model import ServiceClass
from egret.value import replace
from tests.support.catalog import bundled, signature
from tests.support.exports import CLOUD, NESTED, PLAIN, selection

OPTION = r'[a-z_.]+(?::!?(?:"(?:\\.|[^"\\;])*"|[^";]*))?;'  # suricata.yaml's rule grammar: keyword[:value];
RULE = re.compile(rf"alert (tls|quic|dns|http) any any -> any any \(({OPTION}(?: {OPTION})*)\)")
WHOLE = selection(*bundled().signatures)


def rules(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_each_kind_has_its_condition() -> None:
    made = rules(suricata(selection(*PLAIN)).text)
    assert 'tls.sni; dotprefix; content:".chat.example"; nocase; endswith;' in made[0]
    assert 'http.host; dotprefix; content:".chat.example"; endswith;' in made[3]
    assert 'dns.query; content:"api.other.example"; nocase; startswith; endswith;' in made[6]
    expected = r'content:".vol.example"; nocase; endswith; pcre:"/^ark\.[^.]+\.vol\.example$/i";'
    assert expected in made[8]


def test_every_rule_follows_the_grammar_and_has_a_sid_of_its_own() -> None:
    made = rules(suricata(WHOLE).text)
    assert [line for line in made if not RULE.fullmatch(line)] == []
    sids = [int(number) for line in made for number in re.findall(r"sid:(\d+);", line)]
    assert len(set(sids)) == len(made) == 4 * len(WHOLE.targets)
    assert min(sids) >= 1_000_000
    assert max(sids) < 2**31


def test_a_sid_stays_whatever_else_is_there() -> None:
    one = suricata(selection(*PLAIN)).text
    both = suricata(selection(signature("a.b", "exact:a.example"), *PLAIN)).text
    assert set(rules(one)) < set(rules(both))


def test_a_title_cannot_leave_its_quotes() -> None:
    bad = replace(signature("x.y", "exact:a.example"), service='a"; sid:1; \\ drop\n\u901a')
    (line,) = {
        re.sub(r"alert \w+ |\(\w+\)|\w+\.\w+; |nocase; |sid:\d+", "", r)
        for r in rules(suricata(selection(bad)).text)[:1]
    }
    assert r"a\"\; sid\:1\; \\ drop\\x0a\\u901a" in line
    assert RULE.fullmatch(rules(suricata(selection(bad)).text)[0])


def test_what_a_tree_alerts_for_as_well_is_said() -> None:
    made = suricata(selection(*NESTED, wanted=CLOUD))
    assert "rules for cloud.example alert for ai.cloud.example as well" in made.left_out
    assert "# not said here: rules for cloud.example alert for one.cloud.example as well" in made.text


def test_zeek_gets_names_and_addresses() -> None:
    chat = replace(PLAIN[0], examples=("www.chat.example",), service="a\tb")
    lines = zeek_intel(selection(chat)).text.splitlines()
    assert lines[3] == "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc"
    assert [line.split("\t")[0] for line in lines[4:]] == ["api.other.example", "chat.example", "www.chat.example"]
    assert {line.count("\t") for line in lines[4:]} == {3}
    dns = signature(
        "x.dns", networks=("192.0.2.1/32", "198.51.100.0/24", "2001:db8::1/128"), service_class=ServiceClass.RESOLVER
    )
    found = zeek_intel(selection(dns, wanted=Wanted(classes={ServiceClass.RESOLVER}))).text.splitlines()[4:]
    assert [tuple(line.split("\t")[:2]) for line in found] == [
        ("192.0.2.1", "Intel::ADDR"),
        ("198.51.100.0/24", "Intel::SUBNET"),
        ("2001:db8::1", "Intel::ADDR"),
    ]
    whole = zeek_intel(WHOLE).text.splitlines()[4:]
    assert len({line.split("\t")[0] for line in whole}) == len(whole)
