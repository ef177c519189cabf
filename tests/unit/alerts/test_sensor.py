from __future__ import annotations

from egret.alerts.sensor import MAX_OPEN, REMIND_NS, Board, Finding, Problem, Turn
from egret.model import Severity
from egret.value import replace

LOST = Finding(
    problem=Problem.PACKETS_LOST, subject="lan0", severity=Severity.MEDIUM, text="2 % lost", advice="a larger ring"
)
SECOND = 1_000_000_000


def test_a_problem_is_told_once_and_its_end_too() -> None:
    board = Board()
    raised = board.bad(LOST, 10 * SECOND)
    assert raised is not None
    assert (raised.turn, raised.since_ns, raised.severity) == (Turn.RAISED, 10 * SECOND, Severity.MEDIUM)
    assert board.bad(replace(LOST, text="3 % lost"), 11 * SECOND) is None
    assert [each.finding.text for each in board.standing] == ["3 % lost"]
    over = board.good(LOST.problem, "lan0", 12 * SECOND)
    assert over is not None
    assert (over.turn, over.since_ns, over.time_ns) == (Turn.RECOVERED, 10 * SECOND, 12 * SECOND)
    assert over.id != raised.id
    assert over.id.rsplit("-", 1)[0] == raised.id.rsplit("-", 1)[0]
    assert board.standing == []
    assert board.good(LOST.problem, "lan0", 13 * SECOND) is None


def test_one_that_comes_and_goes_is_one() -> None:
    board = Board()
    board.bad(LOST, 0)
    for second in range(1, 60, 2):
        assert board.good(LOST.problem, "lan0", second * SECOND, 30 * SECOND) is None
        assert board.bad(LOST, (second + 1) * SECOND) is None
    assert board.good(LOST.problem, "lan0", 70 * SECOND, 30 * SECOND) is None
    assert board.good(LOST.problem, "lan0", 100 * SECOND, 30 * SECOND) is not None


def test_a_clock_set_back_does_not_hold_the_end_up() -> None:
    board = Board()
    board.bad(LOST, 0)
    assert board.good(LOST.problem, "lan0", 1000 * SECOND, 30 * SECOND) is None
    assert board.good(LOST.problem, "lan0", 10 * SECOND, 30 * SECOND) is None
    assert board.good(LOST.problem, "lan0", 40 * SECOND, 30 * SECOND) is not None


def test_one_that_stands_is_reminded_of_once_a_day() -> None:
    board = Board()
    board.bad(LOST, 0)
    assert board.bad(LOST, REMIND_NS - 1) is None
    reminded = board.bad(LOST, REMIND_NS)
    assert reminded is not None
    assert reminded.turn is Turn.REMINDED
    assert board.bad(LOST, REMIND_NS + 1) is None


def test_its_severity_stays_so_that_who_heard_of_it_hears_of_its_end() -> None:
    board = Board()
    board.bad(LOST, 0)
    board.bad(replace(LOST, severity=Severity.INFO), 1)
    over = board.good(LOST.problem, "lan0", 2)
    assert over is not None
    assert over.severity is Severity.MEDIUM


def test_the_gravest_stands_first_and_the_number_is_bounded() -> None:
    board = Board()
    for number in range(MAX_OPEN):
        assert board.bad(replace(LOST, subject=f"lan{number}"), number)
    assert board.bad(replace(LOST, subject="one more", severity=Severity.HIGH), 9) is None
    assert board.good(LOST.problem, "lan7", 10)
    assert board.bad(replace(LOST, subject="one more", severity=Severity.HIGH), 11)
    assert board.standing[0].finding.subject == "one more"
