from __future__ import annotations

import pytest

from egret.model import Endpoint
from egret.track.observer import Observer
from egret.worker.plain import MAX_PLAIN, plain_lookups

CLIENT, RESOLVER, ADDRESS = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x35", b"\xc6\x33\x64\x01"
ASKED = CLIENT + RESOLVER + b"\x9c\x40\0\x35"
ANSWERED = RESOLVER + CLIENT + b"\0\x35\x9c\x40"
EDNS = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
NAME = b"\3www\7example\0"
QUESTION = NAME + b"\0\1\0\1"
A = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + ADDRESS
SOA = b"\xc0\x10\0\6\0\1\0\0\0\x3c\0\2\0\0"


def message(flags: int, counts: tuple[int, int, int], body: bytes, question: bytes = QUESTION) -> bytes:
    header = b"\x12\x34" + flags.to_bytes(2) + b"\0\1" + b"".join(count.to_bytes(2) for count in counts)
    return header + question + body


class Sensor:
    def __init__(self) -> None:
        self.observer = Observer()
        self.watched: set[bytes] = set()  # clients and servers of which every look-up matters
        lookups = self.observer.lookups
        self.plain = plain_lookups(lookups, self._flagged, self._wanted)

        self.flagged = ("chat.",)

    def _flagged(self, name: str) -> bool:
        return name.startswith(self.flagged)

    def _wanted(self, ends: bytes, answer: bool) -> bool:
        return not self.watched.isdisjoint({ends[:4], ends[4:8]} if answer else {ends[:4]})

    def skip(self, wire: bytes, ends: bytes = ASKED, time_ns: int = 1) -> bool:
        datagram = ends[-4:] + (8 + len(wire)).to_bytes(2) + b"\0\0" + wire
        return self.plain.skip(b"##" + datagram + b"##", 2, len(datagram), ends, time_ns)

    def counts(self) -> tuple[int, int, int, int]:
        return self.plain.take_counts()


def test_questions_that_no_signature_names_are_counted_once_a_copy() -> None:
    sensor = Sensor()
    assert sensor.skip(message(0x100, (0, 0, 0), b""))
    assert sensor.skip(message(0x100, (0, 0, 0), b""))
    assert sensor.skip(message(0x100, (0, 0, 1), EDNS))
    assert sensor.counts() == (2, 0, 0, 1)
    assert sensor.counts() == (0, 0, 0, 0)


def test_an_answer_is_counted_and_names_its_address_when_somebody_asks() -> None:
    sensor = Sensor()
    assert sensor.skip(message(0x8180, (2, 0, 1), A + A + EDNS), ANSWERED)
    assert sensor.skip(message(0x8180, (0, 1, 0), SOA), ANSWERED)
    assert sensor.counts() == (0, 1, 0, 0)
    assert sensor.observer.answers.name_of(CLIENT, ADDRESS, 2) == "www.example"


@pytest.mark.parametrize(
    ("wire", "ends"),
    [
        (message(0x100, (0, 0, 0), b"", b"\4chat\7example\0\0\1\0\1"), ASKED),  # a signature names it
        (message(0x100, (0, 0, 0), b"", b"\0\0\1\0\1"), ASKED),  # the root
        (message(0x100, (0, 0, 0), b"", b"\4a.b.\0\0\1\0\1"), ASKED),  # a dot in a label
        (message(0x100, (0, 0, 0), b"", b"\x41" + b"a" * 65 + b"\0\0\1\0\1"), ASKED),  # a label too long
        (message(0x100, (0, 0, 0), b"", b"\3www\xc0\x0c\0\0\1\0\1"), ASKED),  # a pointer
        (message(0x2800, (0, 0, 0), b""), ASKED),  # an update
        (message(0x100, (0, 0, 0), b"more"), ASKED),
        (message(0x100, (0, 0, 1), EDNS + b"more"), ASKED),
        (message(0x100, (1, 0, 0), A), ASKED),
        (message(0x100, (0, 0, 0), b"")[:-2], ASKED),
        (message(0x8180, (2, 0, 0), A), ANSWERED),  # one of two
        (message(0x8180, (1, 0, 0), A + b"more"), ANSWERED),
        (message(0x8180, (1, 0, 0), b"\4chat\xc0\x10" + A[2:]), ANSWERED),  # a signature names whose address it is
        (message(0x8180, (1, 0, 0), b"\xc0\x0d" + A[2:]), ANSWERED),  # no label begins there
        (message(0x8180, (1, 0, 0), b"\xc0\x1d" + A[2:]), ANSWERED),  # a pointer to itself
        (message(0x8180, (1, 0, 0), A[:2] + b"\0\5" + A[4:]), ANSWERED),  # an alias of an address
        (message(0x8180, (1, 0, 0), A[:10] + b"\0\3abc"), ANSWERED),  # an address of three bytes
        (message(0x8180, (65, 0, 0), A * 65), ANSWERED),
    ],
)
def test_anything_but_the_plainest_is_the_observer_s(wire: bytes, ends: bytes) -> None:
    sensor = Sensor()
    assert not sensor.skip(wire, ends)
    assert sensor.counts() == (0, 0, 0, 0)


def test_the_questions_it_knows_are_bounded() -> None:
    sensor = Sensor()
    for number in range(MAX_PLAIN + 2):
        sensor.plain._learn(b"\7%07d\0\0\1\0\1" % number)
    assert len(sensor.plain._known) == 2


def test_a_length_that_the_header_belies_is_the_observer_s() -> None:
    sensor = Sensor()
    wire = message(0x100, (0, 0, 0), b"")
    datagram = b"\x9c\x40\0\x35\0\x09\0\0" + wire
    assert not sensor.plain.skip(datagram, 0, len(datagram), ASKED, 1)
    assert sensor.observer.answers.name_of(Endpoint(CLIENT, 1).ip, ADDRESS, 2) is None


def test_look_ups_that_matter_whatever_they_ask_are_the_observer_s() -> None:
    sensor = Sensor()
    sensor.watched = {RESOLVER}
    assert sensor.skip(message(0x100, (0, 0, 0), b""))
    assert not sensor.skip(message(0x8180, (1, 0, 0), A), ANSWERED)
    sensor.watched = {CLIENT}
    assert sensor.skip(message(0x101, (0, 0, 0), b""))  # as it was
    sensor.plain.forget_ends()
    assert not sensor.skip(message(0x102, (0, 0, 0), b""))
    assert sensor.counts()[3] == 0


def test_what_messages_said_before_changes_nothing_of_what_others_say() -> None:
    """Each message once more and with every byte changed, to who knows messages like it and to who knows none."""
    whole = [
        (message(0x100, (0, 0, 0), b""), ASKED),
        (message(0x100, (0, 0, 1), EDNS), ASKED),
        (message(0x8180, (1, 0, 0), A), ANSWERED),
        (message(0x8180, (2, 0, 1), A + A + EDNS), ANSWERED),
    ]
    known = Sensor()
    for wire, ends in whole * 3:
        known.skip(wire, ends)
    assert len(known.plain._shapes) == 3
    for wire, ends in whole:
        for at in range(len(wire)):
            for value in (0, 1, 4, 0x35, 0x80, 0xC0, wire[at] ^ 1):
                odd = wire[:at] + bytes([value]) + wire[at + 1 :]
                fresh = Sensor()
                known.counts()
                assert known.skip(odd, ends) == fresh.skip(odd, ends), (at, value)
                told = known.counts()
                queries, answers, aliases, _ = fresh.counts()
                assert told in {(queries, answers, aliases, 0), (0, 0, 0, 1)}


def test_what_messages_said_is_forgotten_with_their_questions() -> None:
    sensor = Sensor()
    for _ in range(3):
        assert sensor.skip(message(0x100, (0, 0, 0), b""))
    sensor.flagged = ("",)
    assert sensor.skip(message(0x100, (0, 0, 0), b""))
    sensor.plain.forget()
    assert not sensor.skip(message(0x100, (0, 0, 0), b""))
    sensor = Sensor()
    for number in range(MAX_PLAIN + 4):
        sensor.skip(message(0x100, (0, 0, 0), b"", b"\5" + b"%05d" % (number // 2) + b"\7example\0\0\1\0\1"))
    assert 0 < len(sensor.plain._shapes) <= MAX_PLAIN


def test_a_message_of_much_padding_is_not_remembered() -> None:
    sensor = Sensor()
    for size in (9, 1300):
        padded = b"\0\0\x29\x04\xd0\0\0\0\0" + (size + 4).to_bytes(2) + b"\0\x0c" + size.to_bytes(2) + bytes(size)
        for number in range(3):
            assert sensor.skip(message(0x100, (0, 0, 1), padded), time_ns=1 + number * 10**10)
    assert [len(shape) < 128 for shape in sensor.plain._shapes] == [True]
