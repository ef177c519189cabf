from __future__ import annotations

import pytest

from egret.track.bytecount import MAX_STEP, ByteCount

WRAP = 1 << 32


def test_what_was_sent_and_sent_again_counts_once() -> None:
    count = ByteCount()
    count.begin(1000)
    for seq, length in ((1000, 500), (1500, 500), (1000, 500), (1200, 900), (2000, 0)):
        count.sent(seq, length)
    assert count.count == 1100


def test_a_hole_is_filled_by_what_is_known_of_its_end() -> None:
    count = ByteCount()
    count.begin(1000)
    count.sent(1_001_000, 10)
    assert count.count == 1_000_010


@pytest.mark.parametrize("start", [0, 1, WRAP - 1, WRAP - 1000, (1 << 31) - 5])
def test_sequence_numbers_wrap(start: int) -> None:
    count = ByteCount()
    count.begin(start)
    sent = 0
    for _ in range(20):
        sent += 1 << 29
        count.acknowledged((start + sent) % WRAP)
    assert count.count == sent > 2 * WRAP


def test_without_a_beginning_it_counts_from_what_is_seen_first() -> None:
    sender, receiver = ByteCount(), ByteCount()
    sender.sent(5000, 100)
    receiver.acknowledged(5000)
    receiver.acknowledged(5100)
    assert sender.count == receiver.count == 100


def test_a_beginning_that_is_learnt_later_lowers_the_base_but_not_by_any_amount() -> None:
    count = ByteCount()
    count.sent(5000, 100)
    count.begin(3600)
    assert count.count == 1500
    count.begin(3600)
    count.begin(4000)
    count.begin((3600 - (1 << 21)) % WRAP)
    assert count.count == 1500
    assert count.is_begun_at(3600)


@pytest.mark.parametrize("first", ["fin", "ack"])
def test_a_fin_is_no_byte(first: str) -> None:
    count = ByteCount()
    count.begin(1000)
    count.sent(1000, 500)
    if first == "fin":
        count.ended(1500)
        count.acknowledged(1501)
        count.sent(1501, 0)
    else:
        count.acknowledged(1501)
        count.ended(1500)
    count.ended(1500)
    assert count.count == 500


def test_a_leap_that_no_stream_makes_is_none() -> None:
    count = ByteCount()
    count.begin(1000)
    count.sent(1000 + MAX_STEP + 1, 0)
    count.acknowledged(999)
    assert count.count == 0
    count.ended(1000)
    assert count.count == 0
