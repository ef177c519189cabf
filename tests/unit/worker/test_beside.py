from __future__ import annotations

from collections import Counter
from unittest.mock import patch

from egret.decode.packet import decode_packet
from egret.model import Frame, Kind, Protocol
from egret.track.direction import ends_of, opposite
from egret.track.observer import Observer
from egret.worker.beside import Beside
from egret.worker.dns_talks import DnsTalks
from egret.worker.greetings import Greetings
from egret.worker.holding import hold_young
from egret.worker.plain import plain_lookups
from egret.worker.quick import NO, TAKEN, Quick
from tests.support.hello import ACK, FIN, SYN, Tcp, openssl_hello

ENDS = b"\xc0\0\2\1\xcb\0\x71\1\x9c\x40\0\x50"
KEY = hash(ENDS)
REQUEST = b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
HELLO = openssl_hello("www.example.org")


class Asked:
    """What is beside a Quick."""

    def __init__(self) -> None:
        self.observer, self.counts = Observer(), Counter[tuple[str, ...]]()
        no = lambda *_: False  # noqa: E731
        self.greetings = Greetings(no, no, lambda _: True, (), self.observer.judge_ech, self.counts)
        self.quick = hold_young(self.observer, self.greetings, 2)
        assert isinstance(self.quick, Quick)
        plain = plain_lookups(self.observer.lookups, no, no)
        self.measured = False
        dns = DnsTalks(self.observer.dns, plain)
        self.beside = Beside(self.quick, dns, self.observer.streams, lambda _: self.measured)

    def take(self, data: bytes, seq: int = 100, flags: int = ACK, ends: bytes = ENDS) -> int:
        return self.beside.take(b"##" + data + b"##", 2, 2 + len(data), ends, seq, flags, 77, None)

    def told(self) -> dict[Protocol, int]:
        """Names."""
        self.greetings.settle()
        kinds = {Protocol.TLS: Kind.CLIENT_HELLO, Protocol.HTTP: Kind.REQUEST}
        return {protocol: self.counts["names", protocol, kind] for protocol, kind in kinds.items()}


def test_what_had_begun_before_is_taken_where_it_is_whole() -> None:
    asked = Asked()
    assert asked.take(REQUEST) == TAKEN
    assert asked.observer.streams.decided.get(KEY) == 100
    resting = asked.observer.streams.requests.table.resting(KEY)
    assert resting is not None
    assert (resting[2], resting[3]) == (100 + len(REQUEST), b"www.example.org")
    other = ENDS[:8] + b"\x9c\x41\x01\xbb"
    assert asked.take(HELLO, ends=other) == TAKEN
    assert asked.observer.streams.decided.get(hash(opposite(other))) == -1
    assert (asked.told(), len(asked.quick)) == ({Protocol.TLS: 1, Protocol.HTTP: 1}, 0)


def test_what_is_not_whole_or_known_is_the_observers() -> None:
    asked = Asked()
    for data in (b"", REQUEST[:-1], HELLO[:-1], b"hello", bytes(30), REQUEST + b"x"):
        assert asked.take(data) == NO
    assert asked.take(REQUEST, flags=FIN | ACK) == NO
    asked.measured = True
    assert asked.take(REQUEST) == NO
    asked.measured = False
    with patch.object(asked.greetings.requested, "begins", lambda *_: False):
        assert asked.take(REQUEST) == NO
    asked.observer.streams.decided.put(hash(opposite(ENDS)), -1)
    assert asked.take(REQUEST) == NO
    assert (asked.told(), len(asked.quick)) == ({Protocol.TLS: 0, Protocol.HTTP: 0}, 0)
    assert asked.take(REQUEST, ends=ENDS[:-2] + b"\0\x35") == NO


def test_keep_alives_of_a_direction_that_is_followed() -> None:
    asked, tcp = Asked(), Tcp(isn=99)
    frame = tcp.syn()
    packet = decode_packet(frame)
    assert packet is not None
    asked.observer.feed(Frame(frame.time_ns, frame.linktype, frame.data, frame.wire_length))
    ends = ends_of(packet.source, packet.destination)
    assert asked.take(b"\0", seq=99, ends=ends) == TAKEN
    flow = asked.observer.streams.young.get(hash(ends))
    assert flow is not None
    assert (flow.last_ns, flow.answered, flow.spoke) == (77, True, False)
    for seq in (100, 99 - 70_000 & 0xFFFFFFFF):
        assert asked.take(b"\0", seq=seq, ends=ends) == NO
    assert asked.take(b"\0", seq=99) == NO


def test_messages_of_dns_are_asked_of_what_follows_those() -> None:
    asked = Asked()
    ends = ENDS[:-2] + b"\0\x35"
    assert asked.take(b"", flags=SYN, ends=ends) == TAKEN
    assert len(asked.observer.dns.table) == 1
    assert asked.take(b"\xff\xff", seq=101, ends=ends) == NO
