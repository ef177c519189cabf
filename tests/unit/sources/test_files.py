import io
import os
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from egret.errors import SourceError
from egret.sources.files import open_capture
from tests.support.net import block, enhanced, interface, pcap_bytes, section, write

PACKETS = [b"one", b"three"]
NG = section() + interface() + b"".join(enhanced(packet) for packet in PACKETS)


def read(path: str) -> list[bytes]:
    with closing(open_capture(path)) as source, closing(source):
        return [bytes(frame.data) for frame in source.frames()]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("data", [pcap_bytes(PACKETS), NG])
def test_formats_are_told_by_content(tmp_path: Path, data: bytes, packed: bool) -> None:
    assert read(write(tmp_path / "x", data, packed=packed)) == PACKETS


def test_name_is_the_argument(tmp_path: Path) -> None:
    path = write(tmp_path / "x.pcap", pcap_bytes([]))
    with closing(open_capture(path)) as source:
        assert source.name == path


def test_progress(tmp_path: Path) -> None:
    data = pcap_bytes([bytes(60_000)] * 40)
    calls: list[tuple[int, int | None]] = []
    path = write(tmp_path / "x", data)
    with closing(open_capture(path, lambda done, size: calls.append((done, size)))) as source:
        assert len(list(source.frames())) == 40
    assert calls[-1] == (len(data), len(data))
    assert len(calls) > 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"hello there", "begins with 68 65 6c 6c"),
        (b"BZh91AY", "bzip2 -d"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, says: str) -> None:
    path = write(tmp_path / "x", data)
    with pytest.raises(SourceError, match=says) as error:
        read(path)
    assert str(error.value).startswith(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"x\.pcap: cannot be opened: No such file"):
        open_capture(str(tmp_path / "x.pcap"))


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a directory"):
        open_capture(str(tmp_path))


def test_a_name_no_file_can_have() -> None:
    with pytest.raises(SourceError, match="cannot be opened"):
        open_capture("a\0b")


def test_a_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(NG))
    writer.start()
    assert read(str(path)) == PACKETS
    writer.join()


def stdin(data: bytes, *, terminal: bool = False, closed: bool = False) -> SimpleNamespace:
    return SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: terminal, closed=closed)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin(NG))
    assert read("-") == PACKETS


@pytest.mark.parametrize(
    ("value", "says"), [(None, "closed"), (stdin(b"", closed=True), "closed"), (stdin(b"", terminal=True), "terminal")]
)
def test_standard_input_that_is_none(monkeypatch: pytest.MonkeyPatch, value: Any, says: str) -> None:
    monkeypatch.setattr(sys, "stdin", value)
    with pytest.raises(SourceError, match=says):
        open_capture("-")


def test_every_cut_yields_what_it_held_and_says_where(tmp_path: Path) -> None:
    for data in (pcap_bytes(PACKETS), NG):
        for size in range(1, len(data)):
            path = write(tmp_path / "x", data[:size])
            frames: list[bytes] = []
            with closing(open_capture(path)) as source, suppress(SourceError):
                frames.extend(bytes(frame.data) for frame in source.frames())
            assert frames == PACKETS[: len(frames)]


def test_unknown_blocks_are_passed_over(tmp_path: Path) -> None:
    data = section() + block(0x0BAD, b"whatever") + interface() + enhanced(b"x")
    assert read(write(tmp_path / "x", data)) == [b"x"]
