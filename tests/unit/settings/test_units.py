from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.settings.units import duration_text, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("90d", 7_776_000),
        ("2w", 1_209_600),
        (" 5 m ", 300),
        ("0s", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", [30, "30", 1.5])
def test_a_duration_without_unit_says_so(text: object) -> None:
    with pytest.raises(ValueError, match=r'needs a unit; write it as in "30s"|not a duration'):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["", "soon", "-5m", "5 parsecs", "1h30m", True, None, ["1h"], "9999999999s", "٣m", "11w 1d"]
)
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)


def test_a_duration_of_centuries_is_a_typing_error() -> None:
    with pytest.raises(ValueError, match="more than ten years"):
        parse_duration("999999999d")


@given(st.integers(0, 3_650 * 86_400_000))
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    value = timedelta(milliseconds=milliseconds)
    text = duration_text(value)
    if len(text) <= 9:
        assert parse_duration(text) == value
    assert parse_duration(value) is value
