from __future__ import annotations

import struct

from egret.track.direction import opposite
from egret.track.limits import Limits
from egret.track.observer import Observer
from egret.worker.dns_talks import DnsTalks
from egret.worker.plain import plain_lookups

ENDS = b"\xc0\0\2\1\xcb\0\x71\1\x9c\x40\0\x35"
KEY = hash(ENDS)
WRAPS = 0xFFFFFFF0
SYN, ACK, FIN = 0x02, 0x10, 0x01
QUESTION = b"\0\7\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1"
ANSWER = b"\0\7\x81\x80\0\1\0\1\0\0\0\0" + QUESTION[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x09"


def framed(*messages: bytes) -> bytes:
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


class Asked:
    """One connection whose SYN was taken."""

    def __init__(self, dns_bytes: int = 1_000) -> None:
        self.observer = Observer(Limits(dns_bytes=dns_bytes))
        lookups = self.observer.lookups
        flagged = lambda name: "flagged" in name  # noqa: E731
        self.plain = plain_lookups(lookups, flagged, lambda *_: False)
        self.talks = DnsTalks(self.observer.dns, self.plain)
        self.next = WRAPS + 1
        assert self.segment(b"", SYN, -1)

    def segment(self, data: bytes, flags: int = ACK, ahead: int = 0, ends: bytes = ENDS) -> bool:
        """One, so far ahead of where the next message begins."""
        seq = self.next + ahead & 0xFFFFFFFF
        return self.talks.take(b"##" + data + b"##", 2, 2 + len(data), ends, seq, flags, 77, "eth0")

    def position(self) -> int:
        """How far it was read."""
        direction = self.observer.dns.table.get(KEY)
        assert direction is not None
        return direction.position


def test_whole_messages_are_counted_and_answers_kept() -> None:
    asked = Asked()
    back = opposite(ENDS)
    assert asked.segment(framed(QUESTION))
    assert asked.segment(framed(QUESTION, QUESTION), FIN | ACK, len(framed(QUESTION)))
    assert asked.segment(b"", SYN | ACK, -1, back)
    assert asked.segment(framed(ANSWER), ends=back)
    assert asked.plain.take_counts() == (3, 1, 0, 0)
    assert asked.observer.lookups.deferred.waiting.take(ENDS[:4]) == [(77, ANSWER)]
    assert asked.position() == 3 * len(framed(QUESTION))


def test_a_length_may_come_alone() -> None:
    asked = Asked()
    stream, table = framed(QUESTION), asked.observer.dns.table
    assert asked.segment(stream[:2])
    assert (table.held, asked.position()) == (2, 0)
    assert not asked.segment(stream[2:], ahead=3)
    assert asked.segment(stream[2:] + stream, ahead=2)
    assert (table.held, asked.position()) == (0, 2 * len(stream))
    assert not asked.segment(b"\0\0", ahead=2 * len(stream))
    full = Asked(dns_bytes=1)
    assert not full.segment(stream[:2])


def test_what_is_no_plain_look_up_is_the_observers() -> None:
    asked = Asked()
    odd = (
        b"\x16\3",
        b"\0\0" + bytes(9),
        framed(QUESTION)[:-1],
        framed(QUESTION.replace(b"\3www\7example", b"\7flagged")),
    )
    for data in odd:
        assert not asked.segment(data)
    assert not asked.segment(framed(QUESTION), ahead=1)
    assert (asked.position(), asked.plain.take_counts()) == (0, (0, 0, 0, 0))
    assert not asked.segment(framed(QUESTION) + odd[-1])
    assert asked.position() == len(framed(QUESTION))
    assert not asked.segment(framed(QUESTION), ends=opposite(ENDS))


def test_what_waits_elsewhere_than_in_front_is_no_length() -> None:
    asked = Asked()
    direction = asked.observer.dns.table.get(KEY)
    assert direction is not None
    direction.assembly.add(9, b"\0\7")
    assert not asked.segment(framed(QUESTION), ahead=2)


def test_another_syn_begins_anew_and_what_carries_something_else_is_left() -> None:
    asked = Asked()
    direction = asked.observer.dns.table.get(KEY)
    assert direction is not None
    assert asked.segment(b"", SYN, -1)
    assert asked.observer.dns.table.get(KEY) is direction
    assert asked.segment(b"", FIN)
    direction.foreign = True
    assert not asked.segment(b"", FIN)
    assert not asked.segment(framed(QUESTION))
    assert asked.segment(b"", SYN, 5)
    assert asked.observer.dns.table.get(KEY) is not direction
    assert asked.segment(b"", FIN, ends=opposite(ENDS))
