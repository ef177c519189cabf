from __future__ import annotations

from collections import Counter

from egret.track.conversations import NAME, Conversations, Rest

ENDS = b"\xc0\0\2\1\xcb\0\x71\1\x9c\x40\0\x50"


def table(limit: int = 2) -> tuple[Conversations[list[object]], Counter[str], list[list[object]]]:
    evictions, dropped = Counter[str](), list[list[object]]()
    return Conversations(limit, evictions, lambda *rest: list(rest), dropped.append), evictions, dropped


def test_one_at_rest_is_made_anew_when_somebody_asks() -> None:
    talks, _, _ = table()
    talks.rest(1, ENDS, "eth0", 7, b"a.example")
    assert (len(talks), 1 in talks.keys, talks.resting(1)) == (1, True, Rest(ENDS, "eth0", 7, b"a.example"))
    made = talks.get(1)
    assert made == [ENDS, "eth0", 7, b"a.example"]
    assert talks.get(1) is made
    assert talks.resting(1) is None
    assert talks.pop(1) is made
    talks.rest(1, ENDS, None, 7, b"a.example")
    assert (talks.pop(1), talks.get(1), talks.resting(1), len(talks)) == (None, None, None, 0)


def test_the_oldest_has_to_go_and_who_held_something_hears_of_it() -> None:
    talks, evictions, dropped = table()
    one, other = list[object](), list[object]()
    talks.put(1, one)
    talks.put(2, other)
    talks.touch(1)
    talks.rest(3, ENDS, None, 7, b"a.example")
    assert (dropped, talks.get(2)) == ([other], None)
    assert dropped[0] is other
    talks.rest(1, ENDS, None, 8, b"b.example")
    assert (len(talks), evictions[NAME]) == (2, 1)
    talks.put(4, one)
    assert (dropped, talks.resting(3), evictions[NAME]) == ([other], None, 2)
