from __future__ import annotations

import pytest

from egret.cli.output import complain, complain_all
from egret.errors import ConfigError, ConfigErrors, Position


def test_messages_go_to_standard_error_and_stay_inert(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no file \x1b[31mx\nsecond")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "egret: no file \\x1b[31mx\negret: second\n"


def test_every_error_of_a_file_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    complain_all(ConfigErrors([ConfigError("a", Position("f", 1, 2)), ConfigError("b")]))
    complain_all(ConfigError("c"))
    assert capsys.readouterr().err == "f:1:2: a\nb\nc\n"
