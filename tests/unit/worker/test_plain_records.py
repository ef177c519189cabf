from __future__ import annotations

import pytest

from egret.worker.plain_records import MANY, MAX_HOSTS, Told, read_records

HEADER = bytes(12)
QUESTION = b"\3www\7example\0\0\1\0\1"
ASKED = b"\xc0\x0c"
AT = 12 + len(QUESTION)
BINDING = b"\0\1\0" + b"\0\1\0\6\2h3\2h2" + b"\0\3\0\2\x20\xfb" + b"\0\4\0\4\xcb\0\x71\7" + b"\0\6\0\x10" + bytes(16)


def record(owner: bytes, rtype: int, data: bytes, rclass: int = 1) -> bytes:
    return owner + rtype.to_bytes(2) + rclass.to_bytes(2) + b"\0\0\0\x3c" + len(data).to_bytes(2) + data


def read(*records: bytes) -> Told | None:
    wire = HEADER + QUESTION + b"".join(records)
    return read_records(wire, AT, len(records), lambda host: not host.startswith(b"chat."))


A = record(ASKED, 1, b"\xcb\0\x71\7")
SOA = record(b"\xc0\x10", 6, b"whatever", 1)
OPT = record(b"\0", 41, b"")


def test_addresses_aliases_and_bindings_are_counted() -> None:
    assert read() == Told(0, 0)
    assert read(A, A) == Told(1, 0)
    assert read(SOA, OPT) == Told(0, 0)
    alias = record(ASKED, 5, b"\4Edge\xc0\x10")
    edge = AT + 12  # where the alias's target is
    assert read(alias, record(b"\xc0" + bytes([edge]), 28, bytes(16)), OPT) == Told(1, 1)
    assert read(alias, record(b"\4edge\7example\0", 1, bytes(4))) == Told(1, 1)
    assert read(record(ASKED, 65, BINDING)) == Told(0, 0)


@pytest.mark.parametrize(
    "records",
    [
        [record(b"\4chat\xc0\x10", 1, bytes(4))],  # a signature names it
        [A, record(b"\4chat\xc0\x10", 1, bytes(4))],
        [record(b"\1%c\0" % (0x61 + number), 1, bytes(4)) for number in range(MAX_HOSTS + 1)],
        [record(ASKED, 1, bytes(5))],
        [record(ASKED, 1, bytes(4), rclass=3)],
        [record(b"\0", 1, bytes(4))],
        [record(b"\3a.b\0", 1, bytes(4))],
        [record(b"\xc0\xff", 1, bytes(4))],
        [record(b"\xc0\0", 1, bytes(4))],
        [record(b"\x41" + b"a" * 65 + b"\0", 1, bytes(4))],
        [record((b"\x3f" + b"a" * 63) * 4 + b"\0", 1, bytes(4))],
        [record(ASKED, 5, b"\0")],
        [record(ASKED, 5, b"\4edge\0more")],
        [record(ASKED, 39, b"\4edge\0")],
        [record(ASKED, 64, BINDING)],
        [record(b"\3a.b\0", 16, b"")],
        [record(ASKED, 65, BINDING[:-1])],
        [A[:-1]],
        [A * 2],
        [A] * (MANY + 1),
    ],
)
def test_what_is_odd_is_left(records: list[bytes]) -> None:
    assert read(*records) is None


def test_each_owner_of_addresses_is_counted_once() -> None:
    edge = record(b"\4edge\xc0\x10", 1, bytes(4))
    assert read(A, edge, record(b"\4Edge\xc0\x10", 28, bytes(16))) == Told(2, 0)
    assert read(A, record(b"\3WWW\xc0\x10", 1, bytes(4))) == Told(1, 0)
    assert read(A, *(record(b"\1%c\0" % (0x61 + number), 1, bytes(4)) for number in range(MAX_HOSTS - 1))) == Told(8, 0)


def test_what_other_types_hold_is_not_read() -> None:
    signature = record(ASKED, 46, b"\xff" * 300)
    server = record(b"\xc0\x10", 2, b"\4chat\xc0\x10", rclass=9)
    assert read(A, signature, server, record(ASKED, 16, b"\5words"), record(b"\0", 47, b"")) == Told(1, 0)


def test_of_what_was_cut_off_the_whole_records_count() -> None:
    whole = HEADER + QUESTION + A + A + record(b"\xc0\x10", 1, b"\xcb\0\x71\7")
    for size in range(len(whole) + 1 - AT):
        told = read_records(whole[: AT + size], AT, 4, lambda _: True, cut=True)
        assert told == Told((size >= len(A)) + (size == len(whole) - AT), 0), size
    odd = HEADER + QUESTION + record(b"\1.\0", 1, b"\xcb\0\x71\7")
    assert read_records(odd, AT, 2, lambda _: True, cut=True) is None
