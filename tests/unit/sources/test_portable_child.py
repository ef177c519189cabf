from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import scapy.config
import scapy.layers.all
from scapy.error import Scapy_Exception

from egret.errors import SourceError
from egret.sources import afpacket, portable_child, privileges
from egret.sources.portable import FILE_HEADER, MAGIC, RECORD_HEADER
from egret.sources.privileges import Identity

Step = tuple[bytes | None, float | None] | OSError


class Listener:
    """A scapy socket that gives these frames, then none for ever: the interface is gone."""

    def __init__(self, *steps: Step, hardware: int = 1) -> None:
        self.steps = list(steps)
        self.ins = SimpleNamespace(getsockname=lambda: ("eth0", 3, 0, hardware, b""))
        self.asked: dict[str, object] = {}

    def recv_raw(self) -> tuple[None, bytes | None, float | None]:
        step = self.steps.pop(0) if self.steps else OSError("down")
        if isinstance(step, OSError):
            raise step
        return None, *step


class Output:
    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()

    def text(self) -> bytes:
        os.close(self.writer)
        self.writer = -1
        with os.fdopen(self._reader, "rb") as file:
            return file.read()


@pytest.fixture
def output() -> Iterator[Output]:
    made = Output()
    yield made
    if made.writer >= 0:
        made.text()


@pytest.fixture(autouse=True)
def dropped(monkeypatch: pytest.MonkeyPatch) -> list[Identity | None]:
    users: list[Identity | None] = []
    monkeypatch.setattr(privileges, "drop", users.append)
    monkeypatch.setattr(afpacket, "attach", lambda _socket, _program: None)
    monkeypatch.setattr(portable_child, "_LOST_FRAME_PAUSE_S", 0)
    return users


def listen_with(monkeypatch: pytest.MonkeyPatch, listener: Listener, *indices: int | None) -> None:
    """The interface has each index in turn, the last for ever."""
    left = list(indices or (3, None))

    def index(_name: str) -> int:
        now = left.pop(0) if len(left) > 1 else left[0]
        if now is None:
            raise OSError
        return now

    def make(**options: object) -> Listener:
        listener.asked = options
        return listener

    monkeypatch.setattr(socket, "if_nametoindex", index)
    monkeypatch.setattr(scapy.config.conf, "L2listen", make)


def test_a_stream_of_frames(monkeypatch: pytest.MonkeyPatch, output: Output, dropped: list[Identity | None]) -> None:
    listener = Listener((b"one", 1.5), (None, None), (b"two", 2.0))
    listen_with(monkeypatch, listener)
    assert portable_child.main(["eth0", "classic", "on", "0"], output.writer) == 0
    records = RECORD_HEADER.pack(1, 500_000_000, 3, 3) + b"one" + RECORD_HEADER.pack(2, 0, 3, 3) + b"two"
    assert output.text() == FILE_HEADER.pack(MAGIC, 2, 4, 0, 0, 0x40000, 1) + records
    assert listener.asked == {"iface": "eth0", "promisc": True}
    assert dropped == [Identity("root", 0, 0)]


def test_down_and_up_again(monkeypatch: pytest.MonkeyPatch, output: Output) -> None:
    listen_with(monkeypatch, Listener(OSError("down"), (b"up", None)), 3, 3, 4)
    assert portable_child.main(["eth0", "classic", "off", ""], output.writer) == 0
    assert output.text().endswith(b"up")


def test_an_interface_without_link_header(monkeypatch: pytest.MonkeyPatch, output: Output) -> None:
    listen_with(monkeypatch, Listener(hardware=0xFFFE))
    portable_child.main(["tun0", "classic", "off", ""], output.writer)
    assert FILE_HEADER.unpack(output.text())[6] == 101


@pytest.mark.parametrize("error", [OSError("no right"), Scapy_Exception("no right"), ValueError("no right")])
def test_what_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch, output: Output, error: Exception) -> None:
    def fail(**_options: object) -> Listener:
        raise error

    monkeypatch.setattr(scapy.config.conf, "L2listen", fail)
    assert portable_child.main(["eth0", "classic", "off", ""], output.writer) == 1
    assert output.text() == b"scapy cannot capture: no right\n"


def test_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    listen_with(monkeypatch, Listener())
    assert portable_child.main(["eth0", "classic", "off", ""], writer) == 0
    os.close(writer)


def test_link_types_of_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable_child, "_LINUX", False)
    layer = type("Loopback", (), {})
    assert portable_child._linktype(SimpleNamespace(LL=layer)) == 0
    assert portable_child._linktype(SimpleNamespace(guess_cls=lambda: type("Ether", (), {}))) == 1
    with pytest.raises(SourceError, match="frames of kind Dot11"):
        portable_child._linktype(SimpleNamespace(LL=type("Dot11", (), {})))
