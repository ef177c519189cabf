from __future__ import annotations

from egret.track.copies import Copies


def test_the_same_again_within_the_window_is_a_copy_and_begins_it_anew() -> None:
    copies = Copies(8, 10)
    assert [copies.seen(b"ends", b"a", time_ns) for time_ns in (0, 5, 15, 26, 20, 5)] == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]
    assert not copies.seen(b"ends", b"b", 5)
    assert not copies.seen(b"ending", b"a", 5)
    assert len(copies) == 3


def test_two_generations_are_kept_and_what_is_asked_for_stays() -> None:
    copies = Copies(2, 1000)
    for number in range(20):
        assert copies.seen(b"", b"often", number) == (number > 0)
        copies.seen(b"", b"%d" % number, number)
    assert len(copies) <= 4
    assert not copies.seen(b"", b"0", 20)


def test_who_asks_often_adds_what_is_new_as_it_would_have_been() -> None:
    asked, looked = Copies(3, 10), Copies(3, 10)
    for number in (1, 2, 1, 3, 4, 5, 2, 6, 7, 8, 1, 9):
        young, old, room = looked.tables()
        key = hash((b"ends", b"%d" % number))
        if room and key not in young and key not in old:
            young[key] = number
            is_copy = False
        else:
            is_copy = looked.again(key, number)
        assert asked.seen(b"ends", b"%d" % number, number) == is_copy
        assert asked.tables() == looked.tables()
