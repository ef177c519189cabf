from __future__ import annotations

from datetime import date
from pathlib import Path

from egret.catalog.finding import Rule
from egret.catalog.lint import lint, prove
from egret.settings.bundled import signatures_dir
from egret.settings.signatures import load_located
from tests.support.catalog import VENDOR, write

TODAY = date(2026, 11, 22)
GOOD = """\
  - id: example.chat
    service: Chat
    category: chat
    class: ai
    hosts:
      - {suffix: x.example, source: seen}
    examples: [x.example]
"""


def findings(directory: Path, body: str, head: str = VENDOR) -> list[str]:
    write(directory, body, head=head)
    return [str(finding).removeprefix(f"{directory}/") for finding in lint(load_located([directory]), TODAY)]


def test_a_good_file_is_clean(tmp_path: Path) -> None:
    assert findings(tmp_path, GOOD) == []


def test_examples_are_proved(tmp_path: Path) -> None:
    examples = "[x.example, y.example, X.example, a.other.example]"
    body = GOOD.replace("[x.example]", examples + "\n    counter_examples: [www.x.example]")
    body += GOOD.replace("chat", "other", 1).replace("x.example", "other.example")
    assert [line.partition(" (")[0] for line in findings(tmp_path, body)] == [
        "example.yaml:14:27: example: 'y.example' matches nothing",
        "example.yaml:14:38: example: 'X.example' is no host name",
        "example.yaml:14:49: example: 'a.other.example' goes to 'example.other' by 'other.example'",
        "example.yaml:15:24: counter-example: 'www.x.example' must not match but does, by 'x.example'",
    ]
    assert len(list(prove(load_located([tmp_path])))) == 4


def test_missing_facts_are_said(tmp_path: Path) -> None:
    head = "vendor: Example\noperator: {country: CN}\nlast_reviewed: 2026-11-01\nsignatures:\n"
    body = """\
  - id: example.chat
    service: Chat
    category: resolver
    class: ai
    hosts:
      - {suffix: x.example, region: Beijing}
      - {suffix: other.example, region: XX (x), source: seen}
"""
    assert [line.partition(" (")[0] for line in findings(tmp_path, body, head)] == [
        "example.yaml:5:5: class: 'example.chat': class 'ai' with category 'resolver'",
        "example.yaml:5:5: no-example: 'example.chat' has no examples",
        "example.yaml:5:5: source: 'example.chat' does not say who says so of its operator",
        "example.yaml:5:5: source: 'example.chat' has no reasons",
        "example.yaml:5:5: source: 'example.chat' has no references",
        "example.yaml:10:18: region: unknown region 'Beijing'",
        "example.yaml:10:18: source: 'x.example' has no source",
        "example.yaml:11:18: region: unknown region 'XX",
    ]


def test_reviews_age(tmp_path: Path) -> None:
    old = VENDOR.replace("last_reviewed: 2026-11-01", "last_reviewed: 2025-11-01")
    future = VENDOR.replace("last_reviewed: 2026-11-01", "last_reviewed: 2027-01-01")
    assert "was last reviewed 386 days ago" in findings(tmp_path, GOOD, old)[0]
    assert "was last reviewed in the future: 2027-01-01" in findings(tmp_path, GOOD, future)[0]


def test_the_bundled_catalogue_is_clean() -> None:
    located = load_located([signatures_dir()])
    latest = max(date.fromisoformat(item.signature.last_reviewed) for item in located)
    assert [str(finding) for finding in lint(located, latest)] == []


def test_every_rule_has_its_word() -> None:
    assert all(rule.value == rule.value.lower() for rule in Rule)


def test_a_scope_agrees_with_the_region_and_is_fresh(tmp_path: Path) -> None:
    scope = "    scope: {{storage: there, includes_mainland: {}, source: docs, date: {}}}\n    hosts:"
    body = GOOD.replace("source: seen", "source: seen, region: CN (cn-x)")
    assert findings(tmp_path, body.replace("    hosts:", scope.format("true", "2026-11-22"))) == []
    said = findings(tmp_path, body.replace("    hosts:", scope.format("false", "2024-11-22")))
    assert [line.partition(": ")[2].partition(" (correct")[0] for line in said] == [
        "scope: 'x.example' states CN (cn-x), and its scope leaves the mainland out",
        "stale: the scope's source was read 730 days ago: 2024-11-22 (read it again, and say when)",
    ]
    said = findings(tmp_path, body.replace("    hosts:", scope.format("true", "2026-11-23")))
    assert "was read in the future" in said[0]
