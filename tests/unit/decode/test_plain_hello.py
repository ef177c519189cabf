from __future__ import annotations

import pytest

from egret.decode.plain_hello import NO_ECH, read_plain
from egret.decode.tls import read_hello
from tests.support.hello import client_hello, ech_outer, extension, openssl_hello, records

HELLO = openssl_hello("www.example.com")


def test_the_name_of_an_ordinary_hello() -> None:
    assert read_plain(HELLO) == (b"www.example.com", NO_ECH)


@pytest.mark.parametrize("size", range(0, len(HELLO), 7))
def test_a_hello_that_is_not_whole_is_none_yet(size: int) -> None:
    assert read_plain(HELLO[:size]) is None


@pytest.mark.parametrize(
    "host", ["UPPER.example", "192.0.2.1", "localhost", "a..example", "a.example.", "x\0.example", "a.123"]
)
def test_names_that_need_a_closer_look_are_left_to_the_reader(host: str) -> None:
    hello = client_hello(host.encode("latin-1"))
    record = b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello
    assert read_plain(record) is None


def test_more_than_one_message_is_left_to_the_reader() -> None:
    assert read_plain(HELLO + b"\x14\x03\x03\0\1\1") is None


def test_the_configuration_of_an_encrypted_client_hello_is_given() -> None:
    hello = client_hello(b"www.example.com", extensions=[ech_outer(7)])
    assert read_plain(records(hello)) == (b"www.example.com", 7)
    for extensions in ([ech_outer(7), ech_outer(7)], [extension(0xFE0D, b"\1" + bytes(9))], [extension(0xFFCE, b"")]):
        assert read_plain(records(client_hello(b"www.example.com", extensions=extensions))) is None


def test_an_encrypted_client_hello_without_one_is_left_to_the_reader() -> None:
    content = b"\xfe\x0d\0\x04\0\0\0\0"
    at = HELLO.index(b"\0\0\0\x14\0\x12\0\0\x0f")  # server_name
    grown = bytearray(HELLO[:at] + content + HELLO[at:])
    session = grown[43]
    suites = 44 + session
    extensions = suites + 2 + int.from_bytes(grown[suites : suites + 2]) + 2
    for where, width in ((3, 2), (6, 3), (extensions, 2)):
        grown[where : where + width] = (int.from_bytes(grown[where : where + width]) + len(content)).to_bytes(width)
    read = read_hello(bytes(grown)).hello
    assert read is not None
    assert read.ech
    assert read_plain(bytes(grown)) is None
