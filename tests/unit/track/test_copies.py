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
