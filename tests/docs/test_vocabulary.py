"""Every word of the program that a user meets is explained: options, metrics, reasons, kinds, classes, fields."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from enum import StrEnum

import pytest

from egret.alerts.model import Action
from egret.errors import Reason
from egret.judge.networks import NetworkClass
from egret.model import Kind, NamedBy, Nameless, Protocol, ServiceClass, Severity
from egret.settings.config import Config, load_config
from egret.settings.outputs_section import Webhook
from egret.settings.sections import Section, Suppression
from egret.sinks.base import Outcome
from egret.telemetry.table import METRICS
from egret.track.limits import Limits
from scripts.docs_commands import every_command
from scripts.docs_picture import DEMO
from tests.support.documents import ROOT

EXPLAINED: dict[type[StrEnum], str] = {
    Reason: "docs/observations.md",
    Nameless: "docs/observations.md",
    NamedBy: "docs/observations.md",
    Kind: "docs/observations.md",
    Protocol: "docs/observations.md",
    Action: "docs/alerts.md",
    Outcome: "docs/alerts.md",
    NetworkClass: "docs/geoip.md",
    ServiceClass: "docs/verdicts.md",
}


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("words", EXPLAINED, ids=lambda words: words.__name__)
def test_every_value_is_explained(words: type[StrEnum]) -> None:
    text = page(EXPLAINED[words])
    assert [word.value for word in words if f"`{word.value}`" not in text] == []


def test_every_severity_has_its_place() -> None:
    text = page("docs/verdicts.md") + page("docs/configuration.md")
    assert [severity for severity in Severity if severity.value not in text] == []


def test_every_metric_is_on_its_page() -> None:
    text = page("docs/metrics.md")
    assert [metric.name for metric in METRICS if f"`{metric.name}`" not in text] == []


def test_metrics_that_the_pages_name_exist() -> None:
    known = {metric.name for metric in METRICS}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        word.partition("{")[0] for p in pages for word in p.read_text().split("`")[1::2] if word.startswith("egret_")
    }
    assert named - known == set()


def test_every_option_of_the_configuration_is_on_its_page() -> None:
    text = page("docs/configuration.md")
    sections = [type(field.default) for field in Config.model_fields.values()] + [Suppression, Webhook]
    missing = [
        key
        for section in sections
        for key, field in section.model_fields.items()
        if not isinstance(field.default, Section) and f"`{key}`" not in text
    ]
    assert missing == []


def test_every_path_that_is_served_is_on_a_page() -> None:
    server = (ROOT / "src/egret/web/server.py").read_text(encoding="utf-8")
    described = json.loads((ROOT / "src/egret/web/openapi.json").read_text(encoding="utf-8"))["paths"]
    routes = set(re.findall(r'\("(/[^"]*)", (?:ends\.|_healthz)', server)) | set(described)
    text = page("docs/deploy.md")
    assert {route for route in routes if f"`{route}`" not in text} == set()


def test_every_flag_is_on_its_page() -> None:
    text = page("docs/commands.md")
    flags = {opt for _, command in every_command() for p in command.params for opt in p.opts if opt.startswith("-")}
    assert {flag for flag in flags if flag not in text} == set()


def test_defaults_that_the_pages_tell_are_the_defaults() -> None:
    config = load_config(None)
    assert config.store.keep.days == 90
    assert all("90 days" in " ".join(page(name).split()) for name in ("README.md", "docs/privacy.md", "docs/alerts.md"))
    assert Limits().flow_bytes == 64 * 1024
    assert "64 KiB" in page("docs/observations.md")
    assert Webhook.model_fields["min_severity"].default is Severity.MEDIUM
    assert f"http://{config.http.listen}/" in page("README.md")


def test_every_field_of_observe_is_explained() -> None:
    text = page("docs/observations.md")
    command = [sys.executable, "-m", "egret", "observe", "--flows", "--anomalies", f"{DEMO}.pcapng"]
    lines = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    fields = {field for line in lines for field in json.loads(line)}
    assert {field for field in fields if f"`{field}`" not in text} == set()
