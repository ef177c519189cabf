from __future__ import annotations

import pytest

from egret.alerts.timestamps import SECOND_NS, parse_rfc3339, rfc3339

NEW_YEAR_NS = 1_767_225_600 * SECOND_NS


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (NEW_YEAR_NS + 1, "2026-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (-62_135_596_800 * SECOND_NS, "0001-01-01T00:00:00.000000000Z"),
    ],
)
def test_times_are_written_and_read_back(time_ns: int, text: str) -> None:
    assert rfc3339(time_ns) == text
    assert parse_rfc3339(text) == time_ns


@pytest.mark.parametrize("time_ns", [2**64 * SECOND_NS, -(2**64) * SECOND_NS])
def test_a_capture_may_claim_any_time(time_ns: int) -> None:
    assert parse_rfc3339(rfc3339(time_ns)) != 0


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("2026-01-01T01:00:00.5+01:00", NEW_YEAR_NS + 500_000_000),
        ("2026-01-01T00:00:00", NEW_YEAR_NS),
        ("2026-01-01T00:00:00.1234567891Z", NEW_YEAR_NS + 123_456_789),
    ],
)
def test_other_spellings_are_read(text: str, time_ns: int) -> None:
    assert parse_rfc3339(text) == time_ns


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)
