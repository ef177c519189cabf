from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from egret.cli import match as command
from tests.support.catalog import write

APP = typer.Typer()
APP.command()(command.match)
FIELDS = ["input", "name", "signature", "vendor", "service", "category", "class", "jurisdiction", "severity"]


def run(*arguments: str, stdin: bytes = b"") -> list[dict[str, Any]]:
    result = CliRunner().invoke(APP, list(arguments), input=stdin, catch_exceptions=False)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_line_of_the_contract() -> None:
    (line,) = run("Chat.QWEN.ai.")
    assert list(line) == FIELDS
    assert line == {
        "input": "Chat.QWEN.ai.",
        "name": "chat.qwen.ai",
        "signature": "alibaba.qwen-chat",
        "vendor": "Alibaba",
        "service": "Qwen Chat",
        "category": "chat",
        "class": "ai",
        "jurisdiction": {"country": "CN", "contested": False},
        "severity": "high",
    }


def test_nothing_known_is_null_everywhere() -> None:
    (line,) = run("notqwen.ai")
    assert list(line) == FIELDS
    assert (line["input"], line["name"]) == ("notqwen.ai", "notqwen.ai")
    assert all(line[field] is None for field in FIELDS[2:])


def test_the_severity_follows_class_operator_and_stated_region() -> None:
    names = (
        "dashscope-us.aliyuncs.com",
        "cn-hongkong.dashscope.aliyuncs.com",
        "dingtalk.com",
        "aliyun.com",
        "taobao.com",
    )
    assert [line["severity"] for line in run(*names, "dns.alidns.com")] == [
        *("medium", "high", "medium", "low", "info", "low"),
    ]


def test_every_line_of_input_has_one_of_output_in_order() -> None:
    lines = run("-", stdin=b"qwen.ai\r\n\n \n\xff\xfe\nfoo bar\n" + b"a" * 200_000 + b"\nTONGYI.com.")
    assert [line["name"] for line in lines] == ["qwen.ai", None, None, None, None, None, "tongyi.com"]
    assert [line["input"] for line in lines[:5]] == ["qwen.ai", "", " ", "\\xff\\xfe", "foo bar"]
    assert run(stdin=b"") == []


def test_names_and_standard_input_mix_in_order() -> None:
    assert [line["input"] for line in run("a.b", "-", "c.d", stdin=b"x.y\n")] == ["a.b", "x.y", "c.d"]


def test_another_catalogue(tmp_path: Path) -> None:
    write(tmp_path, "  - {id: a.b, service: B, category: chat, class: ai, hosts: [{exact: x.example}]}\n")
    assert run("--catalog", str(tmp_path), "x.example")[0]["signature"] == "a.b"
