from __future__ import annotations

import csv
import json

from egret.catalog.export.selection import Wanted
from egret.catalog.export.tables import by_signature, csv_table, json_table, rows
from egret.model import ServiceClass
from egret.value import replace
from tests.support.catalog import signature
from tests.support.exports import PLAIN, selection


def test_csv_has_a_row_for_each_host_and_no_formula() -> None:
    bad = replace(PLAIN[0], service='=HYPERLINK("x")', vendor="a,\nb")
    table = list(csv.DictReader(csv_table(selection(bad)).text.splitlines()))
    assert [row["pattern"] for row in table] == ["chat.example", "api.other.example", "ark.*.vol.example"]
    assert table[0]["service"] == '\'=HYPERLINK("x")'
    assert table[0]["vendor"] == "a,\\x0ab"
    assert table[0]["contested"] == "false"
    assert {row["catalogue"] for row in table} == {"2026.11.22+test"}


def test_json_has_the_networks_too() -> None:
    dns = signature("x.dns", networks=("192.0.2.1/32",), ports=(443, 853), service_class=ServiceClass.RESOLVER)
    chosen = selection(dns, wanted=Wanted(classes={ServiceClass.RESOLVER}))
    whole = json.loads(json_table(chosen).text)
    assert whole["catalogue"] == "2026.11.22+test"
    assert whole["hosts"] == rows(chosen)
    assert (whole["hosts"][0]["kind"], whole["hosts"][0]["ports"]) == ("network", [443, 853])
    assert "443 853" in csv_table(chosen).text


def test_by_signature() -> None:
    assert {key: len(targets) for key, targets in by_signature(selection(*PLAIN)).items()} == {"x.chat": 3}
