from __future__ import annotations

import pytest

from egret.track.tally import Tallied, Tally


def quic(*, length: int = 1200, number: int = 100) -> Tallied:
    """A flow of which datagrams came in, each with 35 bytes of headers."""
    tallied = Tallied(4)
    for _ in range(number):
        tallied.see(length, length - 35, outward=False)
    return tallied


def test_headers_are_taken_off_to_the_byte() -> None:
    tallied = Tallied(4)
    assert tallied.content((5, 7)) == (5, 7)
    tallied.take(Tally(1, 1000 + 28 * 3, 3, 5000 + 28 * 4, 4))
    assert tallied.content((5, 7)) == (1000, 5000)
    six = Tallied(16)
    six.take(Tally(1, 1000 + 48 * 3, 3, 0, 0))
    assert six.content((0, 0)) == (1000, 0)


def test_what_share_is_content_the_datagrams_tell_although_some_were_lost() -> None:
    tallied = quic()
    tallied.take(Tally(1, 0, 0, (1200 + 28) * 400, 400))
    assert tallied.content((0, 1165 * 100)) == (0, 1165 * 400)


def test_another_entry_of_the_same_ends_adds() -> None:
    tallied = Tallied(4)
    tallied.take(Tally(1, 528, 1, 1028, 1))
    tallied.take(Tally(2, 128, 1, 228, 1))
    assert tallied.content((0, 0)) == (600, 1200)
    tallied.take(Tally(2, 78, 1, 228, 1))  # somebody read and zeroed its counters
    assert tallied.content((0, 0)) == (650, 1400)


def test_an_entry_that_is_gone_changes_nothing_and_is_asked_for_when_something_comes() -> None:
    tallied = Tallied(4)
    tallied.take(Tally(1, 528, 1, 1028, 1))
    assert tallied.wanted
    tallied.take(None)
    assert (tallied.wanted, tallied.content((0, 0))) == (False, (500, 1000))
    tallied.see(100, 100, outward=True)
    assert tallied.wanted


def test_counters_that_stand_still_are_not_believed() -> None:
    tallied = quic(number=1000)
    tallied.take(Tally(1, 0, 0, (1200 + 28) * 10, 10))  # a flow table forwards the rest
    assert tallied.content((0, 1_165_000)) == (0, 1_165_000)


@pytest.mark.parametrize("tally", [Tally(0, 0, 9, 0, 9), Tally(0, 27, 1, 1 << 62, 1)])
def test_counters_that_make_no_sense_are_never_below_nothing(tally: Tally) -> None:
    tallied = Tallied(4)
    tallied.take(tally)
    assert min(tallied.content((0, 0))) == 0
