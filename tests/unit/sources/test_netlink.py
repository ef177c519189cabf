from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Self

import pytest

from egret.sources import netlink


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body + bytes(-len(body) % 4)


class FakeSocket:
    """Answers every dump with the same datagrams."""

    datagrams: tuple[bytes, ...] = ()

    def __init__(self, *_arguments: int) -> None:
        self._left = list(self.datagrams)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def settimeout(self, _seconds: float) -> None: ...

    def send(self, _data: bytes) -> None: ...

    def recv(self, _size: int) -> bytes:
        return self._left.pop(0)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_answer(*datagrams: bytes) -> None:
        monkeypatch.setattr(socket, "socket", type("Fake", (FakeSocket,), {"datagrams": datagrams}))

    return set_answer


def test_a_dump_over_several_datagrams(answer: Callable[..., None]) -> None:
    answer(message(16, b"abcde") + message(16, b"fg"), message(16, b"h") + message(3, bytes(4)))
    assert list(netlink.dump(netlink.GET_LINK, bytes(16))) == [b"abcde", b"fg", b"h"]


def test_an_error_of_the_kernel(answer: Callable[..., None]) -> None:
    answer(message(2, struct.pack("=i", -1) + bytes(16)))
    with pytest.raises(PermissionError):
        list(netlink.dump(netlink.GET_ROUTE, bytes(12)))


def test_a_message_shorter_than_its_header_ends_the_datagram(answer: Callable[..., None]) -> None:
    answer(bytes(16), message(3, bytes(4)))
    assert list(netlink.dump(netlink.GET_LINK, bytes(16))) == []


def test_attributes() -> None:
    body = b"head" + struct.pack("=HH", 5, 3) + b"a\0\0\0" + struct.pack("=HH", 8, 0x8012) + b"wxyz"
    assert netlink.attributes(body, 4) == {3: b"a", 18: b"wxyz"}
    assert netlink.attributes(body[:6], 4) == {}
    assert netlink.attributes(bytes(8), 0) == {}
