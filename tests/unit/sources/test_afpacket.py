from __future__ import annotations

import errno
import mmap
import socket
import struct
from pathlib import Path

import pytest

from egret.errors import SourceError
from egret.sources import afpacket, fanout, kernel_filter
from egret.sources.afpacket import Opened, RingOptions, open_ring
from egret.sources.ring import Geometry

SMALL = Geometry(block_size=4096, blocks=2)


class FakeSocket(socket.socket):
    """A socket that keeps what it is told, in order."""

    made: list[FakeSocket] = []  # noqa: RUF012  the test reads it
    refuses: OSError | None = None

    def __init__(self, *arguments: int) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.arguments = arguments
        self.calls: list[tuple[object, ...]] = []
        self.made.append(self)

    def setsockopt(self, *arguments: object) -> None:
        self.calls.append(arguments[:2])

    def bind(self, address: object) -> None:
        if self.refuses:
            raise self.refuses
        self.calls.append(("bind", address))

    def getsockopt(self, *_arguments: object) -> bytes:  # type: ignore[override]
        return struct.pack("=III", 10, 3, 1)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[FakeSocket]:
    FakeSocket.made.clear()
    monkeypatch.setattr(FakeSocket, "refuses", None)
    monkeypatch.setattr(socket, "socket", FakeSocket)
    monkeypatch.setattr(socket, "if_nametoindex", lambda _name: 7)
    return FakeSocket.made


def open_as(monkeypatch: pytest.MonkeyPatch, hardware: int, **options: object) -> Opened:
    monkeypatch.setattr(afpacket, "hardware_type", lambda _name: hardware)
    opened = open_ring("eth0", RingOptions(geometry=SMALL, **options))  # type: ignore[arg-type]
    opened.socket.close()
    return opened


class Young:
    """A filter that remembers, loaded."""

    def __init__(self) -> None:
        self.attached: list[int] = []

    def attach(self, sock: FakeSocket, linktype: int) -> None:
        sock.calls.append(("young",))
        self.attached.append(linktype)


def test_the_filter_that_remembers_is_attached_where_it_is_wanted_and_there(
    monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket]
) -> None:
    monkeypatch.setattr(afpacket, "hardware_type", lambda _name: afpacket.ARPHRD_ETHERNET)
    for name, young in (("classic", Young()), (kernel_filter.YOUNG, None), (kernel_filter.YOUNG, Young())):
        open_ring("eth0", RingOptions(geometry=SMALL, filter=name), young).socket.close()  # type: ignore[arg-type]
    assert [sock.calls[0] for sock in sockets] == [(1, 26), (1, 26), ("young",)]
    assert all(sock.calls[1] == (1, 44) for sock in sockets)


def test_a_ring_that_shares_passes_nothing_until_it_has_joined(
    monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket]
) -> None:
    def join(sock: FakeSocket, code: object, group: int | None, *, outgoing: bool) -> int:
        assert (code, group, outgoing) == (program, 7, True)
        sock.calls.append(("join",))
        return 7

    program = kernel_filter.nothing(1)
    monkeypatch.setattr(afpacket, "hardware_type", lambda _name: afpacket.ARPHRD_ETHERNET)
    monkeypatch.setattr(fanout, "join", join)
    opened = open_ring("eth0", RingOptions(geometry=SMALL, fanout=program), None, 7)
    opened.socket.close()
    assert opened.group == 7
    order = [(1, 26), (263, 10), (263, 5), ("bind", ("eth0", 3)), ("join",), (1, 26), (1, 44)]
    assert sockets[-1].calls == order


def test_filter_ring_and_lock_come_before_the_bind(monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket]) -> None:
    opened = open_as(monkeypatch, afpacket.ARPHRD_ETHERNET)
    assert (opened.index, opened.linktype, opened.geometry) == (7, kernel_filter.ETHERNET, SMALL)
    (sock,) = sockets
    assert sock.arguments == (socket.AF_PACKET, socket.SOCK_RAW, 0)
    assert sock.calls == [(1, 26), (1, 44), (263, 10), (263, 5), ("bind", ("eth0", 3))]


def test_a_filter_that_its_holder_may_replace_is_not_locked(
    monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket]
) -> None:
    open_as(monkeypatch, afpacket.ARPHRD_ETHERNET, filter="nothing", locked=False)
    assert sockets[0].calls == [(1, 26), (263, 10), (263, 5), ("bind", ("eth0", 3))]


def test_promiscuous_comes_last(monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket]) -> None:
    open_as(monkeypatch, afpacket.ARPHRD_ETHERNET, promiscuous=True)
    assert sockets[0].calls[-1] == (263, 1)


def test_loopback_leaves_out_what_it_sends(monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket]) -> None:
    assert open_as(monkeypatch, afpacket.ARPHRD_LOOPBACK).linktype == kernel_filter.ETHERNET
    assert sockets[0].calls[-2] == (263, 23)


@pytest.mark.parametrize("hardware", [512, 0xFFFE, 519, 768, 776])
def test_without_a_link_header_it_is_raw_ip(
    monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket], hardware: int
) -> None:
    assert open_as(monkeypatch, hardware).linktype == kernel_filter.RAW_IP
    assert sockets[0].arguments[1] == socket.SOCK_DGRAM


def test_frames_of_another_kind_are_refused(monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket]) -> None:
    with pytest.raises(SourceError, match="hardware type 803"):
        open_as(monkeypatch, 803)
    assert sockets == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENODEV, "no such interface"),
        (errno.EPERM, "CAP_NET_RAW"),
        (errno.ENOMEM, "lower capture.ring_mb"),
        (errno.EINVAL, "Invalid argument"),
    ],
)
def test_errors_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, sockets: list[FakeSocket], number: int, advice: str
) -> None:
    monkeypatch.setattr(FakeSocket, "refuses", OSError(number, "Invalid argument"))
    with pytest.raises(SourceError, match=f"eth0: .*{advice}"):
        open_as(monkeypatch, 1)
    assert sockets[0].fileno() == -1


def test_an_interface_that_does_not_exist() -> None:
    with pytest.raises(SourceError, match="absent0: there is no such interface"):
        open_ring("absent0", RingOptions())


def test_the_hardware_type_of_loopback() -> None:
    assert afpacket.hardware_type("lo") == afpacket.ARPHRD_LOOPBACK


def test_the_kernels_total_includes_its_drops(sockets: list[FakeSocket]) -> None:
    with FakeSocket() as sock:
        assert afpacket.read_counts(sock) == (7, 3, 1)


def test_the_mapping_is_as_large_as_the_ring(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    path.write_bytes(bytes(SMALL.size))
    with path.open("r+b") as file:
        sock = type("Sock", (), {"fileno": lambda _self: file.fileno()})()
        memory = afpacket.map_ring(Opened(sock, "eth0", 1, 1, SMALL))
    assert isinstance(memory, mmap.mmap)
    assert len(memory) == SMALL.size
    memory.close()
