from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from egret.cli.catalog import app
from egret.errors import ConfigError, ConfigErrors
from tests.support.catalog import VENDOR, write

GOOD = """\
  - id: example.chat
    service: Chat
    category: chat
    class: ai
    hosts:
      - {suffix: x.example, source: seen}
    examples: [x.example]
"""


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_list_shows_what_is_asked_for() -> None:
    result = run("list", "--class", "embedded")
    assert "alibaba.dingtalk" in result.stdout
    assert "alibaba.qwen-chat" not in result.stdout
    assert "signatures of" in result.stderr
    assert all("Baidu" in line for line in run("list", "--vendor", "baidu").stdout.splitlines()[1:])


def test_list_json_has_all_facts() -> None:
    lines = [json.loads(line) for line in run("list", "--json", "--vendor", "Alibaba").stdout.splitlines()]
    by_id = {line["signature"]: line for line in lines}
    dns = by_id["alibaba.dns"]
    assert dns["ports"] == [443, 853]
    assert "223.5.5.5/32" in dns["networks"]
    assert by_id["alibaba.dashscope-international"]["jurisdiction"] == {"country": "CN", "contested": True}
    assert {"text", "source", "date", "counter"} == set(by_id["alibaba.qwen-chat"]["reasons"][0])
    assert {"kind", "pattern", "region", "scope", "source"} == set(by_id["alibaba.qwen-chat"]["hosts"][0])
    scopes = {host["pattern"]: host["scope"] for host in by_id["alibaba.dashscope-international"]["hosts"]}
    assert scopes["dashscope-us.aliyuncs.com"]["includes_mainland"] is True
    assert scopes["dashscope-intl.aliyuncs.com"]["includes_mainland"] is False


def test_list_of_an_unknown_vendor_suggests() -> None:
    with pytest.raises(ConfigError, match="did you mean 'Alibaba'"):
        run("list", "--vendor", "Alibab")


def test_lint_of_the_bundled_catalogue() -> None:
    result = run("lint", "--today", "2026-11-22")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "signatures checked: no findings" in result.stderr


def test_lint_says_what_is_wrong_and_exits_2(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("x.example, source", "qwen.ai, source"))
    result = run("lint", "--today", "2026-11-22", str(tmp_path))
    assert result.exit_code == 2
    assert f"{path}:13:18: duplicate: 'qwen.ai' is in 'alibaba.qwen-chat' already" in result.stdout
    assert "1 signatures checked" in result.stderr


def test_lint_of_a_whole_catalogue_leaves_the_bundled_one_out(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("x.example", "qwen.ai"))
    (tmp_path / "_shared.yaml").write_text("")
    assert run("lint", "--today", "2026-11-22", str(tmp_path)).exit_code == 0


def test_lint_ages_reviews(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert run("lint", "--today", "2027-11-22", str(tmp_path)).exit_code == 2
    assert run("lint", "--today", "2027-11-22", "--stale-after", "500", str(tmp_path)).exit_code == 0
    assert run("lint", "--stale-after", "36500", str(tmp_path)).exit_code == 0


def test_lint_of_a_broken_file_raises_for_the_command_line(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("service:", "sevice:"))
    with pytest.raises(ConfigErrors, match=r"example\.yaml:9:5: unknown option 'sevice'"):
        run("lint", str(tmp_path))


def test_examples_run(tmp_path: Path) -> None:
    bundled = run("test")
    assert (bundled.exit_code, "all as they should be" in bundled.stdout) == (0, True)
    write(tmp_path, GOOD.replace("[x.example]", "[y.example]"))
    failed = run("test", str(tmp_path))
    assert failed.exit_code == 1
    assert "'y.example' matches nothing" in failed.stdout
    assert "1 failed" in failed.stdout


def test_the_schema_is_for_editors() -> None:
    assert json.loads(run("schema").stdout)["title"] == "VendorFile"
    assert json.loads(run("schema", "_shared").stdout)["title"] == "SharedFile"
    assert VENDOR.startswith("vendor:")
