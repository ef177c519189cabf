from __future__ import annotations

from collections import Counter

from egret.decode.plain_request import read_plain
from egret.model import Kind, Protocol
from egret.track.conversations import Rest
from egret.track.direction import opposite
from egret.track.observer import Observer
from egret.worker.requested import Requested
from egret.worker.talks import Talks

ENDS = b"\xc0\0\2\1\xcb\0\x71\1\x9c\x40\0\x50"
KEY, BACK = hash(ENDS), hash(opposite(ENDS))
FIRST = b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: www.example.org\r\nContent-Length: 100\r\n\r\n"
WRAPS = 0xFFFFFFF0


class Asked:
    """One connection whose first request was taken."""

    def __init__(self, first: bytes = FIRST) -> None:
        self.observer, self.counts = Observer(), Counter[tuple[str, ...]]()
        self.requested = Requested(
            {}, (), lambda name: "flagged" in name, lambda *_: False, lambda _: True, self.counts
        )
        self.talks = Talks(self.observer, self.requested)
        request = read_plain(first)
        assert request is not None
        assert self.talks.begin(ENDS, opposite(ENDS), "eth0", WRAPS, request)
        self.next = WRAPS + request.size & 0xFFFFFFFF

    def go_on(self, data: bytes, ahead: int = 0) -> bool:
        """A segment, so far ahead of where the next request begins."""
        seq = self.next + ahead & 0xFFFFFFFF
        return self.talks.go_on(b"##" + data + b"##", 2, 2 + len(data), ENDS, seq)

    def told(self) -> int:
        """Names."""
        self.requested.settle()
        return self.counts["names", Protocol.HTTP, Kind.REQUEST]

    def resting(self) -> object:
        """What is kept of it."""
        return self.observer.streams.requests.table.resting(KEY)


def test_requests_that_follow_each_other() -> None:
    asked = Asked()
    assert asked.observer.streams.decided.get(KEY) == WRAPS
    assert asked.observer.streams.watched(BACK, KEY) == frozenset()
    assert asked.observer.streams.watched(KEY, BACK) is None
    assert asked.go_on(FIRST)
    assert asked.told() == 1
    other = FIRST.replace(b"www", b"cdn")
    assert asked.go_on(other, len(FIRST))
    assert asked.told() == 2
    assert asked.resting() == Rest(ENDS, "eth0", asked.next + 2 * len(FIRST), b"cdn.example.org")


def test_a_body_is_stepped_over_and_copies_change_nothing() -> None:
    asked = Asked(POST)
    for piece, ahead in ((b"x" * 60, -100), (b"GET / HTTP/1.1\r\n", -40), (POST, -100 - len(POST)), (b"\x16", -1)):
        assert asked.go_on(piece, ahead)
    assert not asked.go_on(b"x" * 61, -60)
    assert not asked.go_on(FIRST, 1)
    assert not asked.go_on(FIRST, 1 << 31)
    assert asked.go_on(FIRST)
    assert asked.told() == 1


def test_whatever_is_odd_is_the_observers() -> None:
    asked = Asked()
    for odd in (FIRST + FIRST, FIRST[:-2], FIRST.replace(b"www", b"flagged"), b"x" * 5_000, b"\x16\3\1"):
        assert not asked.go_on(odd)
    assert asked.resting() == Rest(ENDS, "eth0", asked.next, b"www.example.org")
    assert not asked.talks.go_on(FIRST, 0, len(FIRST), opposite(ENDS), 0)


def test_it_is_the_streams_as_soon_as_they_know_more() -> None:
    asked = Asked()
    asked.observer.streams.young.late.expect(KEY)
    assert not asked.go_on(FIRST)
    asked.observer.streams.young.late.forget(KEY)
    asked.observer.streams.decided.forget(KEY)
    assert not asked.go_on(FIRST)
    asked.observer.streams.decided.put(KEY, -1)
    assert not asked.go_on(FIRST)
    asked.observer.streams.decided.put(KEY, WRAPS)
    assert asked.observer.streams.requests.table.get(KEY) is not None
    assert not asked.go_on(FIRST)
