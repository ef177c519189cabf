from __future__ import annotations

import io

import pytest

from egret.cli import inputs
from egret.cli.inputs import lines


def given(monkeypatch: pytest.MonkeyPatch, stdin: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))


def test_standard_input_takes_the_place_of_the_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, b"b\r\n\nc")
    assert list(lines(["a", "-", "d"])) == ["a", "b", "", "c", "d"]


def test_what_is_no_utf8_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, b"\xff\n")
    assert list(lines(["-", "x\udcff"])) == ["\\xff", "x\\xff"]


def test_a_long_line_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_LINE", 4)
    given(monkeypatch, b"1234567890\n12\nabc\nabcd\n123456789")
    assert list(lines(["-"])) == ["1234", "12", "abc", "abcd", "1234"]
