from __future__ import annotations

from egret.errors import ConfigError, ConfigErrors, Malformed, Position, Reason, Truncated


def test_config_error_says_where_what_and_what_to_do() -> None:
    error = ConfigError("unknown option 'keeep'", Position("gw.yml", 4, 3), "did you mean 'keep'?")
    assert str(error) == "gw.yml:4:3: unknown option 'keeep' (did you mean 'keep'?)"


def test_config_errors_show_all() -> None:
    assert str(ConfigErrors([ConfigError("a"), ConfigError("b")])) == "a\nb"


def test_decode_errors_carry_a_closed_reason() -> None:
    assert Truncated(3).reason is Reason.TRUNCATED
    assert Malformed(Reason.BAD_LENGTH, 7).offset == 7
