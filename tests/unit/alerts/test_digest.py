from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from egret.alerts.digest import Grant, Sight, digest_id, due, span
from egret.judge.approvals import ApprovalState
from egret.model import Severity
from tests.support.digest import DAY, digest, quiet

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_NS = 3600 * 1_000_000_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_is_as_long_as_its_clocks_say(day: str, hours: int) -> None:
    start_ns, end_ns = span(date.fromisoformat(day), BERLIN)
    assert end_ns - start_ns == hours * HOUR_NS
    assert span(date.fromisoformat(day), UTC)[0] == at(f"{day}T00:00:00+00:00")


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-22T06:59:59+01:00", "2026-11-20"),
        ("2026-11-22T07:00:00+01:00", "2026-11-21"),
        ("2026-11-22T23:59:59+01:00", "2026-11-21"),
        ("2026-11-23T00:00:00+01:00", "2026-11-21"),
        ("2026-03-29T07:00:00+02:00", "2026-03-28"),
    ],
)
def test_what_is_due(now: str, day: str) -> None:
    assert due(at(now), time(7), BERLIN) == date.fromisoformat(day)


def test_ids_are_of_a_sensor_and_a_day() -> None:
    ids = {digest_id(sensor, day) for sensor in ("a", "b") for day in (DAY, date(2026, 1, 2))}
    assert len(ids) == 4
    assert digest_id("a", DAY) == digest_id("a", DAY)


def test_what_is_quiet() -> None:
    assert quiet().is_quiet
    assert not digest().is_quiet
    watched = Sight(watched_s=86_400)
    assert not digest(
        opened={}, first_uses=(), uses=(), sight=Sight(watched_s=40_000)
    ).is_quiet  # half of it was not seen
    assert not digest(opened={}, first_uses=(), sight=watched).is_quiet  # allowed use is told
    assert digest(opened={}, first_uses=(), uses=(), sight=watched).is_quiet  # bytes alone are not
    assert digest().severity is Severity.INFO


def test_shortened_lists_count_what_they_leave_out() -> None:
    short = digest(first_uses_more=5).shortened(1)
    assert (len(short.first_uses), short.first_uses_more) == (1, 6)
    assert (len(short.uses), short.uses_more, len(short.moved), short.moved_more) == (1, 1, 1, 0)
    assert short.shortened(1) == short


def test_a_grant_is_a_label_and_back() -> None:
    grant = Grant(ApprovalState.TOLERATED, "a.b", ("x", "y, z"), 'o"|', "")
    assert Grant.of_label(grant.label()) == grant
    for bad in ("", "1", "[]", '["approved"]', '["sold", "a", [], "", ""]', '["approved", "a", 1, "", ""]'):
        with pytest.raises(ValueError):
            Grant.of_label(bad)
