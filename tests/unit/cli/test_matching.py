from __future__ import annotations

import json

import pytest

from egret.cli.matching import host_name, match_names


def test_a_line_for_each_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert match_names(["chat.qwen.ai", "x.example"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["signature"] for line in lines] == ["alibaba.qwen-chat", None]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("qwen.ai", "qwen.ai"),
        ("  qwen.ai\t", "qwen.ai"),
        ("https://user@chat.qwen.ai:443/a?b#c", "chat.qwen.ai"),
        ("//qwen.ai/x", None),
        ("qwen.ai:443", "qwen.ai"),
        ("qwen.ai:99999", None),
        ("qwen.ai:x", None),
        ("qwen.ai..", None),
        ("\uff51\uff57\uff45\uff4e.ai", "qwen.ai"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("192.0.2.1", None),
        ("[2001:db8::1]:443", None),
        ("2001:db8::1", None),
        ("*.qwen.ai", None),
        ("qw en.ai", None),
        ("\x1b[2Jqwen.ai", None),
        ("\udcffqwen.ai", None),
        ("a" * 64 + ".ai", None),
        ("", None),
    ],
)
def test_host_name(text: str, name: str | None) -> None:
    assert host_name(text) == name
