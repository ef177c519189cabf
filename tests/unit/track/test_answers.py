from __future__ import annotations

from collections import Counter

from egret.track.answers import Answers, Learnt
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


def test_only_flagged_names_are_kept_for_later_and_what_is_newer_stays() -> None:
    answers = Answers(Limits(), Counter(), flagged=lambda name: name.startswith("a."))
    answers.keep(CLIENT, [ADDRESS], "a.example", 60, 0)
    answers.keep(OTHER, [ADDRESS], "b.example", 60, 0)
    fresh = answers.take_fresh()
    assert fresh == [Learnt(CLIENT, ADDRESS, "a.example", 360 * SECOND_NS)]
    assert answers.take_fresh() == []
    later = Answers(Limits(), Counter())
    later.learn(OTHER, ADDRESS, "c.example", 60, 0)
    later.restore([*fresh, Learnt(OTHER, ADDRESS, "a.example", 1)])
    assert [later.name_of(client, ADDRESS, 1) for client in (CLIENT, OTHER)] == ["a.example", "c.example"]
    assert later.name_of(CLIENT, ADDRESS, 361 * SECOND_NS) is None
    assert later.take_fresh() == []
