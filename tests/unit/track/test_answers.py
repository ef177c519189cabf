from __future__ import annotations

from collections import Counter

from egret.track.answers import Answers
from egret.track.limits import SECOND_NS, Limits

CLIENT, OTHER, ADDRESS = b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x0b", b"\xc6\x33\x64\x14"
LIMITS = Limits(answers=2, answer_floor_s=60, answer_grace_s=30, answer_ceiling_s=1000)


def test_an_answer_counts_for_its_client_and_its_time() -> None:
    answers = Answers(LIMITS, Counter())
    answers.learn(CLIENT, ADDRESS, "a.example", 5, 0)
    assert answers.name_of(CLIENT, ADDRESS, 90 * SECOND_NS) == "a.example"  # the floor, and the grace
    assert answers.name_of(CLIENT, ADDRESS, 90 * SECOND_NS + 1) is None
    assert answers.name_of(OTHER, ADDRESS, 0) is None


def test_a_long_ttl_has_a_ceiling() -> None:
    answers = Answers(LIMITS, Counter())
    answers.learn(CLIENT, ADDRESS, "a.example", 1 << 31, 0)
    assert answers.name_of(CLIENT, ADDRESS, 1030 * SECOND_NS) == "a.example"
    assert answers.name_of(CLIENT, ADDRESS, 1031 * SECOND_NS) is None


def test_the_last_answer_counts_and_the_table_is_bounded() -> None:
    evictions: Counter[str] = Counter()
    answers = Answers(LIMITS, evictions)
    answers.learn(CLIENT, ADDRESS, "a.example", 100, 0)
    answers.learn(CLIENT, ADDRESS, "b.example", 100, 1)
    assert answers.name_of(CLIENT, ADDRESS, 2) == "b.example"
    answers.learn(OTHER, ADDRESS, "c.example", 100, 2)
    answers.learn(OTHER, CLIENT, "d.example", 100, 3)
    assert answers.name_of(CLIENT, ADDRESS, 4) is None
    assert (len(answers), evictions["answers"]) == (2, 1)
