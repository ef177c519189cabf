from __future__ import annotations

from collections import Counter

from egret.track.deferred import Deferred

A, B = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"


class Reader:
    """Keeps what it was given to learn."""

    def __init__(self, limit: int = 10_000) -> None:
        self.read: list[tuple[bytes, bytes]] = []
        self.services: list[tuple[bytes, bytes]] = []
        self.evictions: Counter[str] = Counter()
        self.deferred = Deferred(limit, self.evictions, self._learn, self._learn_service)

    def _learn(self, client: bytes, time_ns: int, wire: bytes) -> None:
        assert time_ns == 7
        self.read.append((client, wire))

    def _learn_service(self, client: bytes, time_ns: int, wire: bytes) -> None:
        assert time_ns == 7
        self.services.append((client, wire))


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


def test_what_is_said_of_services_is_read_ahead_and_once_more_in_its_turn() -> None:
    reader = Reader()
    https, other = (bytes(12) + b"\3www\0" + rtype + b"\0\1" for rtype in (b"\0\x41", b"\0\x1c"))
    for wire in (other, https, bytes(12), bytes(14)):
        reader.deferred.add(A, 7, wire)
    for _ in range(2):
        reader.deferred.settle_services(A)
        reader.deferred.settle_services(B)
        assert reader.services == [(A, https)]
    reader.deferred.add(A, 7, https)
    reader.deferred.settle_services(A)
    assert (reader.services, reader.read) == ([(A, https)] * 2, [])
    reader.deferred.settle(A)
    assert reader.read == [(A, wire) for wire in (other, https, bytes(12), bytes(14), https)]
    reader.deferred.settle_services(A)
    assert len(reader.services) == 2
