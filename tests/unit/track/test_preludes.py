from __future__ import annotations

import pytest

from egret.track.preludes import MAX_PLAIN, MAX_PRELUDE, hello_may_follow, is_plain_prelude, possible_hellos
from tests.support.dialogues import STARTTLS
from tests.support.hello import openssl_hello

HELLO = openssl_hello("a.example")


@pytest.mark.parametrize("turns", STARTTLS.values(), ids=STARTTLS.keys())
def test_every_part_of_a_dialogue_lets_a_hello_follow(turns: list[bytes]) -> None:
    said = b"".join(turns)
    assert all(hello_may_follow(said[:size]) for size in range(1, len(said)))
    assert list(possible_hellos(said + HELLO)) == [len(said)]


@pytest.mark.parametrize(
    "data",
    [b"\x07\x01", b"text\x00", b"\x20\x00\x00\x01\x85\xa6", b"SSH-2.0-x\r\n\x00\x00\x05", b"a" * (MAX_PRELUDE + 1)],
)
def test_other_bytes_do_not(data: bytes) -> None:
    assert not hello_may_follow(data)


def test_what_looks_like_a_hello_is_bounded() -> None:
    assert len(list(possible_hellos(b"\x16\x03\x01\x00\x05\x01" * 100))) == 32
    assert list(possible_hellos(HELLO)) == []


@pytest.mark.parametrize("name", ["smtp", "imap", "postgresql", "rdp", "ldap"])
def test_what_most_protocols_begin_with_is_plain(name: str) -> None:
    turns = [said for known, said in STARTTLS.items() if name in known.lower()]
    assert turns
    assert all(is_plain_prelude(b"".join(said)) for said in turns)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"E",
        b"EHLO",
        b"PASS a\r\n",
        b"GET a\r\n",
        b"a HTTP/1.1\r\n",
        b"a\x16\x03\n",
        b"\x30\x16",
        b"a" * MAX_PLAIN + b"\n",
        b"\x20\0\0\1\x85\xa6",
        b"\x20",
    ],
)
def test_what_may_be_more_is_not(data: bytes) -> None:
    assert not is_plain_prelude(data)
