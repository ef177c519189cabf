from __future__ import annotations

from egret.model import Severity
from egret.sinks.backlog import Backlog
from tests.support.alerts import numbered


def test_a_backlog_keeps_order_and_gives_way_by_severity() -> None:
    backlog = Backlog(4)
    low, high = numbered(3, Severity.LOW), numbered(3)
    assert [backlog.put(alert) for alert in (low[0], high[0], low[1], high[1])] == [None] * 4
    assert backlog.put(high[2]) is low[0]
    assert backlog.put(low[2]) is low[1]
    assert [alert.id for alert in backlog.take(3)] == ["high-0", "high-1", "high-2"]
    assert [alert.id for alert in backlog.take(3)] == ["low-2"]
    assert len(backlog) == 0


def test_what_is_milder_than_all_that_waits_goes_itself() -> None:
    backlog = Backlog(1)
    [high], [low] = numbered(1), numbered(1, Severity.LOW)
    backlog.put(high)
    assert backlog.put(low) is low


def test_what_is_put_back_is_where_it_was() -> None:
    backlog = Backlog(10)
    alerts = [*numbered(2, Severity.LOW), *numbered(3)]
    for alert in alerts:
        backlog.put(alert)
    taken = backlog.take(2)
    assert (len(backlog), taken[0].id in backlog) == (3, True)
    backlog.put_back(taken[::-1])
    assert backlog.take(9) == alerts
    backlog.settle(alerts)
    assert alerts[0].id not in backlog


def test_another_than_the_first_can_be_taken_if_there_is_one() -> None:
    backlog = Backlog(10)
    first, second = numbered(2)
    backlog.put(first)
    assert backlog.take(1, skip=1) == [first]
    backlog.put_back([first])
    backlog.put(second)
    assert backlog.take(1, skip=1) == [second]
    assert backlog.take(1) == [first]


def test_what_is_old_or_unwanted_goes() -> None:
    backlog = Backlog(10)
    for number, alert in enumerate(numbered(4)):
        backlog.put(alert, since_s=number)
    assert [alert.id for alert in backlog.expire(1.5)] == ["high-0", "high-1"]
    assert [alert.id for alert in backlog.drop(lambda alert: alert.id == "high-3")] == ["high-3"]
    assert (len(backlog), "high-0" in backlog) == (1, False)
