from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from egret.cli import explain
from egret.store.incidents import IncidentStore
from tests.support.alerts import opened

app = typer.Typer()
app.command()(explain.explain)


@pytest.fixture(autouse=True)
def _no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "default_config_file", lambda: None)


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_a_name_for_a_person() -> None:
    text = said("api.deepseek.com")
    for expected in (
        "api.deepseek.com service DeepSeek API (DeepSeek)",
        "class ai, category api",
        "severity high; medium for a look-up alone",
        "score 67 of 100, the sum of +45 class: service class ai +0 category: category api +15 operator: operator under",
        "whose law - operator country: CN (",
        "contract entity: Hangzhou DeepSeek",
        "Against it:",
        "alternatives",
        "last reviewed 20",
    ):
        assert expected in text


def test_a_contested_one() -> None:
    text = said("dashscope-intl.aliyuncs.com")
    assert "severity medium; low for a look-up alone" in text
    assert "is not settled" in text
    assert "where - stated region: SG (ap-southeast-1)" in text


@pytest.mark.parametrize(
    "what", ["https://user@chat.deepseek.com:443/a?b", "CHAT.DeepSeek.com.", " chat.deepseek.com "]
)
def test_a_name_in_other_clothes(what: str) -> None:
    assert said(what).startswith("chat.deepseek.com ")


def test_an_unknown_name_is_said_to_be_unknown() -> None:
    text = said("deepseeks.com")
    assert "not in the catalogue" in text
    assert "a like spelling does not say who runs a host" in text
    assert "spelled alike" not in said("www.debian.org")


def test_addresses() -> None:
    text = said("47.88.1.1")
    assert "the catalogue names no network with this address" in text
    assert "AS45102" in text
    assert "operated by Alibaba; class prc-ai-cloud" in text
    assert "counted as in China" not in text
    assert "CN; counted as in China" in said("8.129.152.230")
    assert "private or reserved" in said("[fe80::1]")
    assert "class resolver" in said("223.5.5.5")


def test_json() -> None:
    found = json.loads(said("--json", "chat.deepseek.com"))
    assert (found["signature"], found["severity"]) == ("deepseek.chat", "high")
    assert json.loads(said("--json", "192.0.2.1"))["hosting"]["source"] is None


@pytest.mark.parametrize("what", ["", "two words", "a..b", "x" * 300, "\x1b[31m.example", "host:port", "https://"])
def test_what_is_neither(what: str) -> None:
    result = CliRunner().invoke(app, ["--", what])
    assert result.exit_code == 2
    assert "neither a host name nor an IP address" in result.stderr
    assert "\x1b" not in result.stderr


def test_the_configuration_counts(tmp_path: Path) -> None:
    path = tmp_path / "egret.yaml"
    path.write_text("severities:\n  ai: critical\ncatalog:\n  disabled: [deepseek.api]\n")
    assert "severity critical; high for" in said("-c", str(path), "chat.deepseek.com")
    assert "signature deepseek.chat" in said("-c", str(path), "api.deepseek.com")  # the suffix has it now


def test_an_incident_is_explained_from_the_store(tmp_path: Path) -> None:
    incident = opened().incident
    config = tmp_path / "egret.yaml"
    config.write_text(f"store:\n  path: {tmp_path / 'incidents.db'}\n")
    with closing(IncidentStore(tmp_path / "incidents.db")) as store:
        store.record(alerts=[opened()])
    text = said("-c", str(config), incident.id)
    for expected in ("client 192.0.2.7", "score 65 of 100, the sum of +60 class", "+5 first seen: new in this network"):
        assert expected in text
    found = json.loads(said("--json", "-c", str(config), incident.id))
    assert found["score"] == sum(part["points"] for part in found["score_parts"]) == 65


def test_the_evidence_is_told_fact_by_fact() -> None:
    text = said("dashscope-intl.aliyuncs.com")
    for expected in ("operator country: contested", "stated region: SG", "documented inference: "):
        assert expected in text
