"""The shipped capture of the world's clients, through the commands.

``expected.jsonl`` beside it was written from what the clients were told to do.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from scripts.make_demo_capture import CAPTURE as DEMO
from scripts.make_demo_capture import EXPECTED as EXPECTED_FILE
from scripts.make_demo_capture import expected_lines
from tests.support.world import plan

EXPECTED = [json.loads(line) for line in EXPECTED_FILE.read_text().splitlines()]
FIELDS = {"time", "protocol", "kind", "name", "client", "server", "file", "interface"}
MORE = {"query": {"qtype"}, "answer": {"addresses"}, "cname": {"target"}}
ALIASES = {site.via for site in plan.SITES if site.via}


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "egret", *arguments, str(DEMO)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def observed() -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("observe").splitlines()]


@pytest.fixture(scope="module")
def detections() -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("replay", "--detections").splitlines()]


def key(line: dict[str, Any]) -> tuple[str, ...]:
    client, server = line["client"]["ip"], line["server"]
    return client, line["name"], line["protocol"], line["kind"], server["ip"], str(server["port"])


def wanted() -> list[tuple[str, ...]]:
    names = ["client", "name", "protocol", "kind", "server", "port"]
    return [tuple(str(row[name]) for name in names) for row in EXPECTED]


def test_the_capture_is_of_todays_visits() -> None:
    """Else it must be recorded anew: ``python -m scripts.make_demo_capture`` as root."""
    assert EXPECTED_FILE.read_text().splitlines() == expected_lines()


@pytest.mark.integration
def test_the_capture_has_the_hard_cases() -> None:
    """A browser's post-quantum hello in two segments, and one spread shuffled over two QUIC packets."""
    fields = ("tcp.segment.count", "tls.handshake.length", "quic.crypto.offset")
    names = [argument for field in fields for argument in ("-e", field)]
    wanted = f"ip.src == {plan.BROWSER.v4} && (tcp.segment.count || quic.crypto.offset) && !icmp"
    command = ["tshark", "-r", str(DEMO), "-Y", wanted, "-T", "fields", *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    in_two = [int(length) for segments, length, _ in rows if segments == "2" and length]
    assert len(in_two) >= 4
    assert min(in_two) > 1460
    offsets = [[int(offset) for offset in crypto.split(",")] for _, _, crypto in rows if crypto]
    assert len(offsets) >= 4  # two names, two packets each
    assert any(row != sorted(row) for row in offsets)


def test_every_name_that_the_clients_showed_is_observed(observed: list[dict[str, Any]]) -> None:
    assert set(wanted()) - {key(line) for line in observed} == set()


def test_each_hello_and_request_is_observed_once(observed: list[dict[str, Any]]) -> None:
    seen = Counter(key(line) for line in observed if line["protocol"] != "dns")
    assert {k: n for k, n in seen.items() if n != wanted().count(k) and k[1] != "www.example.com"} == {}


def test_nothing_else_is_observed(observed: list[dict[str, Any]]) -> None:
    assert {line["name"] for line in observed} - {site.name for site in plan.SITES} - ALIASES == set()


def test_every_line_has_the_fields_of_the_contract(observed: list[dict[str, Any]]) -> None:
    for line in observed:
        assert FIELDS | MORE.get(line["kind"], set()) <= set(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", line["time"])
        assert set(line["client"]) == set(line["server"]) == {"ip", "port"}
        assert line["file"] == str(DEMO)
        assert line["interface"] == "lan0"
        assert line["name"] == line["name"].lower().rstrip(".")


def test_answers_and_aliases_are_what_the_resolver_was_told(observed: list[dict[str, Any]]) -> None:
    by_owner = {site.via or site.name: {site.v4, site.v6} for site in plan.SITES}
    by_alias = {site.name: site.via for site in plan.SITES if site.via}
    for line in observed:
        if line["kind"] == "answer":
            assert set(line["addresses"]) <= by_owner[line["name"]]
        if line["kind"] == "cname":
            assert line["target"] == by_alias[line["name"]]
    kinds = Counter(line["kind"] for line in observed)
    assert kinds["answer"] > 10
    assert kinds["cname"] >= 2


def test_detections_are_the_flagged_names_and_no_other(detections: list[dict[str, Any]]) -> None:
    flagged = {(row["client"], row["name"]) for row in EXPECTED if plan.BY_NAME[row["name"]].says}
    found = {(line["client"]["ip"], line["name"]) for line in detections}
    assert flagged - found == set()
    assert {name for _, name in found} - {name for _, name in flagged} == set()


def test_a_detection_says_vendor_class_and_why(detections: list[dict[str, Any]]) -> None:
    for line in detections:
        says = plan.BY_NAME[line["name"]].says
        assert says is not None
        assert (line["vendor"], line["class"], line["signature"]) == says
        assert {"signature", "service", "category", "severity", "score", "reasons"} <= set(line)
        assert set(line["operator"]) >= {"country", "contested"}
        assert set(line["hosting"]) >= {"country", "asn", "as_org", "source"}
        assert line["reasons"]


def test_the_table_names_each_service_and_no_ordinary_name() -> None:
    table = run("replay")
    for vendor in {site.says.vendor for site in plan.FLAGGED if site.says}:
        assert vendor.split()[0] in table
    assert "notqwen" not in table
    assert "huggingface" not in table
