from __future__ import annotations

import pytest

from egret.decode.socks import MAX_REQUEST, SocksRequest, parse_request
from egret.errors import Malformed
from tests.support.dialogues import socks4, socks5


def test_version_5_with_a_domain() -> None:
    data = socks5(b"chat.example")
    assert parse_request(data + b"\x16") == SocksRequest("5", "connect", b"chat.example", 443, len(data))


def test_version_5_after_a_password() -> None:
    data = socks5(b"chat.example", methods=b"\x00\x02", login=True, command=3)
    assert parse_request(data) == SocksRequest("5", "udp_associate", b"chat.example", 443, len(data))


@pytest.mark.parametrize("address", [b"\x01\xc6\x33\x64\x07", b"\x04" + bytes(16)])
def test_version_5_with_an_address(address: bytes) -> None:
    data = b"\x05\x01\x00\x05\x02\x00" + address + b"\x00\x50"
    assert parse_request(data) == SocksRequest("5", "bind", None, 80, len(data))


def test_version_4() -> None:
    assert parse_request(socks4(None)) == SocksRequest("4", "connect", None, 443, len(socks4(None)))
    data = socks4(b"chat.example", b"")
    assert parse_request(data + b"x") == SocksRequest("4a", "connect", b"chat.example", 443, len(data))


@pytest.mark.parametrize(
    "data", [socks4(None), socks4(b"a.example"), socks5(b"a.example", methods=b"\x00\x02", login=True), socks5(None)]
)
def test_every_cut_needs_more(data: bytes) -> None:
    assert {parse_request(data[:size]) for size in range(len(data))} == {None}


@pytest.mark.parametrize(
    "data",
    [
        b"\x06\x01\x00",
        b"\x05\x00",  # no method
        b"\x05\x02\x00\x00",  # one method twice
        b"\x05\x01\x01\x05\x01\x00\x01",  # GSSAPI only
        b"\x05\x01\x00\x01\x02",  # a password that was not offered
        b"\x05\x01\x00\x05\x09",  # no such command
        b"\x05\x01\x00\x05\x01\x01",  # the reserved byte
        b"\x05\x01\x00\x05\x01\x00\x02",  # no such address
        b"\x04\x03\x00\x00",
        b"\x04\x01\x00\x50\xc6\x33\x64\x07\x01\x00",  # a control byte in the user
        b"\x04\x01\x00\x50\xc6\x33\x64\x07" + b"u" * 300,
    ],
)
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_request(data)


def test_a_request_is_bounded() -> None:
    longest = (
        b"\x05\xff" + bytes(range(255)) + b"\x01" + (b"\xff" + b"x" * 255) * 2 + b"\x05\x01\x00\x03\xff" + b"y" * 257
    )
    found = parse_request(longest)
    assert found is not None
    assert found.size == len(longest) < MAX_REQUEST
