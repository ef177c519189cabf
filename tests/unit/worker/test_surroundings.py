from __future__ import annotations

import pytest

from egret.decode.plain_hello import NO_ECH
from egret.model import Endpoint, Nameless
from egret.track.direction import ends_of, opposite
from egret.track.observer import Observer
from egret.worker.proxied import Proxied
from egret.worker.surroundings import Surroundings

PROXIED = Proxied(None, None)  # type: ignore[arg-type]  # asked for nothing here
ENDS = ends_of(Endpoint(b"\xc0\0\2\x0a", 40000), Endpoint(b"\xc6\x33\x64\x14", 443))


def test_a_hello_that_need_not_be_told_leaves_its_connection_decided() -> None:
    taken: list[tuple[object, ...]] = []

    def take(host: bytes, ech: int, ends: bytes, time_ns: int) -> bool:
        taken.append((host, ech, ends, time_ns))
        return host == b"www.example"

    around = Surroundings(Observer(), take, lambda *_: True, PROXIED)
    back = opposite(ENDS)
    assert not around.is_told(b"chat.example", NO_ECH, ENDS, back, 5, 505, 1)
    assert not around.is_decided(ENDS)
    assert not around.decided_either(hash(back), hash(ENDS))
    assert around.is_told(b"www.example", NO_ECH, ENDS, back, 5, 505, 2)
    assert around.is_decided(ENDS)
    assert around.is_decided(back)
    assert taken == [(b"chat.example", NO_ECH, ENDS, 1), (b"www.example", NO_ECH, ENDS, 2)]


def test_bytes_are_counted_between_armed_addresses() -> None:
    observer = Observer()
    around = Surroundings(observer, lambda *_: True, lambda *_: True, PROXIED)
    assert not around.is_measured(ENDS)
    observer.volumes.arm(b"\xc6\x33\x64\x14", 1_000)
    assert around.is_measured(ENDS)
    assert around.is_measured(opposite(ENDS))


def test_a_connection_without_a_name_leaves_its_ends_decided_unless_its_address_has_one() -> None:
    observer, taken = Observer(), list[tuple[bytes, Nameless]]()

    def take(ends: bytes, reason: Nameless) -> bool:
        taken.append((ends, reason))
        return len(taken) > 1

    around = Surroundings(observer, lambda *_: True, take, PROXIED)
    back, late = opposite(ENDS), observer.streams.young.late
    observer.answers.learn(b"\xc0\0\2\x0a", b"\xc6\x33\x64\x14", "chat.example", 60, 1)
    assert not around.is_nameless(ENDS, back, 5, False, 2)
    assert not around.is_nameless(back, ENDS, 5, False, 2)
    assert not around.is_decided(ENDS)
    assert around.is_nameless(back, ENDS, 5, False, 2)
    assert around.is_decided(ENDS)
    assert not late.starts(hash(back))
    assert around.is_nameless(back, ENDS, 5, True, 2)
    assert late.starts(hash(back))
    assert [reason for _, reason in taken] == [Nameless.NO_PAYLOAD, Nameless.NO_PAYLOAD, Nameless.NOT_RECOGNISED]


@pytest.mark.parametrize(
    ("data", "unread"),
    [
        (b"\2\3\4\5\x78\0\5", True),
        (b"SSH-2.0-x\r\n\0\0", True),
        (b"EHLO a\r\n", False),
        (b"\2 HTTP/1", False),
        (b"\5\1\0", False),
    ],
)
def test_what_nobody_reads_leaves_its_connection_decided(data: bytes, unread: bool) -> None:
    around = Surroundings(Observer(), lambda *_: True, lambda *_: True, PROXIED)
    assert around.is_unread(data, ENDS, opposite(ENDS), 5, 2) == unread
    assert around.is_decided(ENDS) == unread
