from __future__ import annotations

import pytest

from egret.track.tally import Tallied, Tally

NONE = (0, 0)


def whole(length: int = 4) -> Tallied:
    """A flow whose beginning was seen."""
    tallied = Tallied(length)
    tallied.whole = True
    return tallied


def quic(*, length: int = 1200, number: int = 100) -> Tallied:
    """A flow of which datagrams came in, each with 35 bytes of headers."""
    tallied = whole()
    for _ in range(number):
        tallied.see(length, length - 35, outward=False)
    return tallied


def test_headers_are_taken_off_to_the_byte() -> None:
    tallied = whole()
    assert tallied.content((5, 7)) == (5, 7)
    tallied.take(Tally(1, 1000 + 28 * 3, 3, 5000 + 28 * 4, 4), NONE)
    assert tallied.content((5, 7)) == (1000, 5000)
    six = whole(16)
    six.take(Tally(1, 1000 + 48 * 3, 3, 0, 0), NONE)
    assert six.content((0, 0)) == (1000, 0)


def test_what_share_is_content_the_datagrams_tell_although_some_were_lost() -> None:
    tallied = quic()
    tallied.take(Tally(1, 0, 0, (1200 + 28) * 400, 400), NONE)
    assert tallied.content((0, 1165 * 100)) == (0, 1165 * 400)


def test_another_entry_of_the_same_ends_adds() -> None:
    tallied = whole()
    tallied.take(Tally(1, 528, 1, 1028, 1), NONE)
    tallied.take(Tally(2, 128, 1, 228, 1), NONE)
    assert tallied.content((0, 0)) == (600, 1200)
    tallied.take(Tally(2, 78, 1, 228, 1), NONE)  # somebody read and zeroed its counters
    assert tallied.content((0, 0)) == (650, 1400)


def test_an_entry_that_is_gone_changes_nothing_and_is_asked_for_when_something_comes() -> None:
    tallied = whole()
    tallied.take(Tally(1, 528, 1, 1028, 1), NONE)
    assert tallied.wanted
    tallied.take(None, NONE)
    assert (tallied.wanted, tallied.content((0, 0))) == (False, (500, 1000))
    tallied.see(100, 100, outward=True)
    assert tallied.wanted


def test_counters_that_stand_still_are_not_believed() -> None:
    tallied = quic(number=1000)
    tallied.take(Tally(1, 0, 0, (1200 + 28) * 10, 10), NONE)  # a flow table forwards the rest
    assert tallied.content((0, 1_165_000)) == (0, 1_165_000)


@pytest.mark.parametrize("tally", [Tally(0, 0, 9, 0, 9), Tally(0, 27, 1, 1 << 62, 1)])
def test_counters_that_make_no_sense_are_never_below_nothing(tally: Tally) -> None:
    tallied = whole()
    tallied.take(tally, NONE)
    assert min(tallied.content((0, 0))) == 0


def test_what_was_before_the_first_reading_the_datagrams_tell_where_no_beginning_was_seen() -> None:
    tallied = Tallied(4)
    tallied.take(Tally(1, 1_000_028, 1, 5_000_028, 1), (300, 700))
    assert tallied.content((300, 700)) == (300, 700)
    tallied.take(Tally(1, 1_001_056, 2, 5_002_056, 2), (900, 700))
    assert tallied.content((900, 700)) == (1300, 2700)
    tallied.take(Tally(2, 128, 1, 228, 1), (900, 700))
    assert tallied.content((900, 700)) == (1400, 2900)
