from __future__ import annotations

from collections import Counter

from egret.track.deferred import Deferred

A, B = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"


class Reader:
    """Keeps what it was given to learn."""

    def __init__(self, limit: int = 10_000) -> None:
        self.read: list[tuple[bytes, bytes]] = []
        self.evictions: Counter[str] = Counter()
        self.deferred = Deferred(limit, self.evictions, self._learn)

    def _learn(self, client: bytes, time_ns: int, wire: bytes) -> None:
        assert time_ns == 7
        self.read.append((client, wire))


def test_a_client_s_answers_are_read_once_in_their_order_and_nobody_else_s() -> None:
    reader = Reader()
    for client, wire in ((A, b"1"), (B, b"2"), (A, b"3")):
        reader.deferred.add(client, 7, wire)
    assert (len(reader.deferred), reader.read) == (3, [])
    reader.deferred.settle(A)
    reader.deferred.settle(A)
    assert reader.read == [(A, b"1"), (A, b"3")]
    assert len(reader.deferred) == 1


def test_what_is_dropped_beyond_the_bound_is_counted() -> None:
    reader = Reader(limit=200 + 40)
    for wire in (b"1", b"2", b"3", b"4"):
        reader.deferred.add(A, 7, wire)
    reader.deferred.count()
    reader.deferred.count()
    reader.deferred.settle(A)
    assert reader.read == [(A, b"3"), (A, b"4")]
