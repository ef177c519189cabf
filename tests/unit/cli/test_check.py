from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from egret.cli import check as module
from egret.cli.check import check, examine
from egret.errors import ConfigErrors
from egret.settings import positions
from egret.settings.config import Config, load_config
from egret.settings.http_section import Http, HttpTls
from tests.support.login import USER

app = typer.Typer()
app.command()(check)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, ConfigErrors):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def write(folder: Path, text: str) -> str:
    path = folder / "egret.yaml"
    path.write_text(text)
    return str(path)


def test_all_right(tmp_path: Path) -> None:
    code, out, err = run("-c", write(tmp_path, "capture: {interfaces: [lan0]}\noutputs: {file: {path: /tmp/a.jsonl}}"))
    assert (code, err) == (0, "")
    for said in (
        "all right",
        "catalogue: ",
        "databases: Egret",
        "lan0 (afpacket)",
        "/tmp/a.jsonl (from low)",
        ":9477/",
    ):
        assert said in out


def test_no_file_is_right_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "default_config_file", lambda: None)
    assert "no file, so the defaults: all right" in run()[1]


def test_a_broken_file_is_told_by_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors):
        run("-c", write(tmp_path, "nonsense: 1"))


def test_everything_the_file_names_is_checked_in_one_run(tmp_path: Path) -> None:
    text = """
catalog: {disabled: [alibaba.qwen-chatt], directories: [/nonexistent]}
geoip: {databases: [/nonexistent.mmdb]}
alerts: {suppress: [{service: Alibabba}]}
outputs: {terminal: {enabled: false}}
http: {enabled: false}
"""
    code, out, err = run("-c", write(tmp_path, text))
    assert (code, out) == (2, "")
    assert "/nonexistent: no such folder" in err
    assert "/nonexistent.mmdb" in err


def test_names_that_the_catalogue_does_not_have(tmp_path: Path) -> None:
    text = "catalog: {disabled: [alibaba.qwen-chatt]}\nalerts: {suppress: [{service: Alibabba}, {service: alibaba}]}"
    errors = [str(error) for error in examine(load_config(Path(write(tmp_path, text))))[1]]
    assert len(errors) == 2
    assert errors[0].startswith("catalog.disabled: the catalogue has no 'alibaba.qwen-chatt' (did you mean 'alibaba.")
    assert errors[1] == "alerts.suppress: the catalogue has no 'Alibabba' (did you mean 'Alibaba'?)"


def test_routes_that_let_nothing_through(tmp_path: Path) -> None:
    text = """
clients: {groups: {finance: [192.0.2.0/24]}}
outputs:
  routes:
    - {to: [terminal], vendors: [alibaba], groups: [finance], signatures: [alibaba.qwen-chat]}
    - {to: [terminal], vendors: [Alibabba], groups: [finanse], signatures: [alibaba.qwen-chatt]}
"""
    code, _, err = run("-c", write(tmp_path, text))
    assert code == 2
    assert "outputs.routes, entry 2: no vendor is named 'Alibabba' (did you mean 'Alibaba'?)" in err
    assert "no client group is named 'finanse' (did you mean 'finance'?)" in err
    assert "no signature is named 'alibaba.qwen-chatt' (did you mean 'alibaba.qwen-chat'?)" in err
    assert "entry 1" not in err


def test_what_is_in_force_is_yaml(tmp_path: Path) -> None:
    code, out, _ = run("--effective", "-c", write(tmp_path, "http: {enabled: false}"))
    assert code == 0
    value = positions.parse(out.encode(), "out").value
    assert isinstance(value, dict)
    assert value["http"]["enabled"] is False
    assert set(value) == set(Config.model_fields)


def test_secrets_are_hidden(tmp_path: Path) -> None:
    text = "outputs: {webhooks: [{name: soc, url: 'https://u:hunter2@soc.example/', headers: {X-Token: hunter2}}]}"
    _, out, err = run("--effective", "-c", write(tmp_path, text))
    assert out.count("***") == 2
    assert "hunter2" not in out + err
    assert "webhook soc (from medium)" in run("-c", write(tmp_path, text))[1]


def test_the_schema_is_json() -> None:
    code, out, _ = run("--schema")
    assert code == 0
    assert json.loads(out)["title"] == "Config"


def test_an_output_that_cannot_work_is_an_error(tmp_path: Path) -> None:
    code, _, err = run("-c", write(tmp_path, "outputs: {file: {path: /nonexistent/alerts.jsonl}}"))
    assert code == 2
    assert "outputs, file: /nonexistent/alerts.jsonl: the folder does not exist" in err


def test_own_signatures_are_linted(tmp_path: Path) -> None:
    own = tmp_path / "signatures.d"
    own.mkdir()
    (own / "acme.yaml").write_text(
        """\
vendor: Acme
operator: {country: CN, contested: false, source: made up, date: 2026-01-01}
last_reviewed: 2001-01-01
references: ["https://acme.example/"]
signatures:
  - {id: acme.chat, service: Acme Chat, category: chat, class: ai, hosts: [{suffix: acme.example, source: made up}]}
"""
    )
    code, out, _ = run("-c", write(tmp_path, f"catalog: {{directories: [{own}]}}"))
    assert code == 0
    assert f"advice: {own}/acme.yaml:" in out


def test_the_status_page_says_how_it_is_reached(tmp_path: Path) -> None:
    lines, errors = examine(Config())
    assert "status page: http://127.0.0.1:9477/ (no login)" in lines
    tls = Http(tls=HttpTls(certificate=tmp_path / "gone.pem"), users=(USER,))
    lines, errors = examine(Config(http=tls))
    assert "status page: https://127.0.0.1:9477/ (login for 1 users, 0 tokens)" in lines
    assert any("gone.pem cannot be read" in str(error) for error in errors)
