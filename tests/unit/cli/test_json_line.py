from __future__ import annotations

import json

from egret.cli.json_line import dump


def test_lines_are_ascii_on_one_line() -> None:
    line = dump({"name": "a\nb\u202e\x1b"})
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {"name": "a\nb\u202e\x1b"}
