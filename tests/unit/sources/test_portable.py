from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from egret.errors import SourceError
from egret.sources import portable
from egret.sources.afpacket import RingOptions
from egret.sources.live import LinkStatistics
from egret.sources.portable import FILE_HEADER, MAGIC, RECORD_HEADER, PortableSource
from egret.sources.privileges import Identity

HEADER = FILE_HEADER.pack(MAGIC, 2, 4, 0, 0, 0x40000, 101)


def record(data: bytes, second: int = 1) -> bytes:
    return RECORD_HEADER.pack(second, 5, len(data), len(data) + 1) + data


class Children:
    """The far ends of the streams that a source opened."""

    def __init__(self, *beginnings: bytes) -> None:
        self.beginnings = list(beginnings)
        self.ends: list[socket.socket] = []

    def open(self, _interface: str) -> int:
        ours, theirs = socket.socketpair()
        self.ends.append(theirs)
        beginning = self.beginnings.pop(0)
        theirs.send(beginning)
        if not beginning.startswith(HEADER[:4]):
            theirs.close()
        return ours.detach()


@pytest.fixture
def children() -> Iterator[Children]:
    made = Children(HEADER)
    yield made
    for end in made.ends:
        end.close()


def read(source: PortableSource) -> list[tuple[int, bytes, int]]:
    return [(frame.time_ns, bytes(frame.data), frame.wire_length) for frame in source.read(0)]


def test_records_become_frames(children: Children) -> None:
    source = PortableSource(["en0"], children.open)
    assert read(source) == []
    children.ends[0].send(record(b"one") + record(b"second", 2))
    assert read(source) == [(1_000_000_005, b"one", 4), (2_000_000_005, b"second", 7)]
    assert source.statistics() == [LinkStatistics("en0", 2, 0, 0, up=True)]
    source.close()


def test_a_record_in_pieces(children: Children) -> None:
    source = PortableSource(["en0"], children.open)
    data = record(b"frame")
    for byte in data[:-1]:
        children.ends[0].send(bytes([byte]))
        assert read(source) == []
    children.ends[0].send(data[-1:])
    (frame,) = source.read(0)
    assert (bytes(frame.data), frame.linktype, frame.interface) == (b"frame", 101, "en0")
    source.close()


def test_a_child_that_ends_is_replaced(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "_RETRY_S", 0.0)
    source = PortableSource(["en0"], children.open)
    children.ends[0].send(record(b"last")[:-1])
    children.ends[0].close()
    assert read(source) == []
    assert "starting another" in source.trouble()["en0"]
    assert not source.statistics()[0].up
    children.beginnings += [b"en0: gone\n", HEADER]
    read(source)
    assert source.trouble() == {"en0": "en0: en0: gone"}
    read(source)
    assert source.trouble() == {}
    children.ends[2].send(record(b"again"))
    assert [data for _, data, _ in read(source)] == [b"again"]
    source.close()


def test_a_retry_waits(children: Children) -> None:
    source = PortableSource(["en0"], children.open)
    children.ends[0].close()
    read(source)
    read(source)
    assert len(children.ends) == 1
    source.close()


def test_rubbish_ends_a_stream(children: Children) -> None:
    source = PortableSource(["en0"], children.open)
    children.ends[0].send(RECORD_HEADER.pack(1, 1, 0x40001, 0x40001) + bytes(100))
    assert read(source) == []
    assert "rubbish" in source.trouble()["en0"]
    source.close()


@pytest.mark.parametrize(
    ("words", "shown"),
    [(b"en0: no \x1b[31mright\n", r"no \\x1b\[31mright"), (b"", "ended without a word"), (b"x" * 2000, "x{524}$")],
)
def test_a_child_that_cannot_begin_says_why(words: bytes, shown: str) -> None:
    children = Children(words)
    with pytest.raises(SourceError, match=shown):
        PortableSource(["en0"], children.open)
    children.ends[0].close()


def test_the_command_of_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **_options: object) -> None:
            commands.append(command)

        def kill(self) -> None:
            commands.append(["kill"])

        def wait(self) -> None:
            commands.append(["wait"])

    monkeypatch.setattr(subprocess, "Popen", Process)
    for promiscuous, user in ((True, Identity("nobody", 65534, 65534)), (False, None)):
        portable.start_child("en0", RingOptions(promiscuous=promiscuous), user).end()
    module = [sys.executable, "-P", "-m", "egret.sources.portable_child", "en0", "classic"]
    assert commands == [[*module, "on", "65534"], ["kill"], ["wait"], [*module, "off", ""], ["kill"], ["wait"]]


def test_without_scapy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SourceError, match=r"pip install 'egret-monitor\[portable\]'"):
        portable.start_child("en0", RingOptions(), None)


def test_this_process_imports_no_scapy() -> None:
    program = "import sys, egret.sources.portable, egret.sources.opener_process; print('scapy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
