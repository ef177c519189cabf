"""A file that is looked at as memory says what the same file says when it is read."""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import pytest

from bench import workloads
from egret.errors import SourceError
from egret.model import Frame
from egret.sources import bytestream
from egret.sources.base import Sluice
from egret.sources.files import open_capture
from tests.support.native import compiled as _gate
from tests.support.sluices import CLOCKS, Watch, as_pcapng, mutated

PAGE = os.sysconf("SC_PAGESIZE")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytestream, "_MAPPED", PAGE)
    monkeypatch.setattr(bytestream, "_ALIGNED", PAGE)


def frames_of(path: Path, sluice: Sluice) -> Iterator[Frame]:
    source = open_capture(str(path))
    try:
        yield from source.frames(sluice)
    finally:
        source.close()


def said(path: Path, *, compiled: bool) -> tuple[object, ...]:
    """The frames that are let through, how the file ended, and what was counted."""
    watch, found, end = Watch(_gate if compiled else None), list[tuple[object, ...]](), ""
    frames = ((f.time_ns, bytes(f.data), f.wire_length, f.interface) for f in frames_of(path, watch.sluice))
    try:
        found.extend(frames)
    except SourceError as error:
        end = str(error)
    return found, end, watch.said()


def pcapng(seed: int) -> bytes:
    blocks = b"".join(
        struct.pack("<IIHHI", 1, 32, linktype, 0, 0) + b"\x09\0\1\0\x08\0\0\0" + struct.pack("<II", 0, 32)
        for linktype, *_ in CLOCKS
    )
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    return section + blocks + as_pcapng(mutated(seed) * 3, "<")


@pytest.mark.parametrize("seed", range(12))
def test_files_of_every_length(tmp_path: Path, seed: int) -> None:
    path, chance = tmp_path / "file", random.Random(seed)
    workloads.write(path, "dns", 60)
    data = path.read_bytes() if seed % 3 else pcapng(seed)
    path.write_bytes(data[: chance.choice((len(data), chance.randrange(24, len(data)), PAGE, 2 * PAGE))])
    assert said(path, compiled=True) == said(path, compiled=False)


def test_a_record_that_is_larger_than_what_is_mapped_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    large = bytes(12) + b"\x88\x47" + bytes(10 * PAGE)
    workloads.write_frames(path, [large, *islice(workloads.dns(random.Random(1)), 5), large])
    assert said(path, compiled=True) == said(path, compiled=False)


def test_mappings_begin_and_end_where_huge_pages_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path, huge, mapped = tmp_path / "file", 2 << 20, list[tuple[int, int]]()
    workloads.write_frames(path, islice(workloads.tls(random.Random(1)), 60_000))
    watch, size = Watch(_gate), path.stat().st_size
    real = watch.sluice.map

    class Noting:
        def __getattr__(self, name: str) -> object:
            return getattr(watch.sluice, name)

        def map(self, descriptor: int, offset: int, size: int) -> object:
            mapped.append((offset, offset + size))
            return real(descriptor, offset, size)

    for _ in frames_of(path, cast("Sluice", Noting())):
        pass
    assert size > 8 * huge
    assert all(start % huge == 0 and (end % huge == 0 or end == size) for start, end in mapped)
    assert max(end - start for start, end in mapped) <= 4 * huge
    assert mapped[-1][1] == size


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    workloads.write_frames(path, islice(workloads.dns(random.Random(1)), 200))
    more = path.read_bytes()[24:]
    watch, found = Watch(_gate), 0
    for _ in frames_of(path, watch.sluice):
        if not found:
            with path.open("ab") as file:
                file.write(more)
        found += 1
    assert found + watch.sluice.datagrams == 400


@pytest.mark.parametrize("cut", [PAGE, 3 * PAGE + 5, 24, 0])
def test_a_file_that_is_cut_short_while_it_is_read(tmp_path: Path, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytestream, "_MAPPED", 64 * PAGE)
    path = tmp_path / "file"
    workloads.write_frames(path, (bytes(12) + b"\x88\x47" + bytes([n % 200 + 1]) * 700 for n in range(200)))
    frames = frames_of(path, Watch(_gate).sluice)
    next(frames)
    os.truncate(path, cut)
    read = list[bytes]()
    with pytest.raises(SourceError, match=r"packet \d+.*cut off"):
        read.extend(bytes(frame.data) for frame in frames)
    # what is left of the last page is zeros without a word: empty records
    assert cut // 730 - 1 <= len(read) <= cut // 730 + PAGE // 16 + 8


def test_what_is_not_mapped_goes_to_who_was_there_before() -> None:
    with Path("/proc/self/exe").open("rb") as file:
        mapped = _gate.Mapping(file.fileno(), 0, PAGE)
    assert bytes(mapped)[:4] == b"\x7fELF"
    assert not mapped.broken
    child = os.fork()
    if not child:
        if faulthandler.is_enabled():  # its report would look like one of this test run
            faulthandler.enable(os.open(os.devnull, os.O_WRONLY))
        signal.alarm(20)
        os.kill(os.getpid(), signal.SIGBUS)  # of nobody's memory
        os.kill(os.getpid(), signal.SIGBUS)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGBUS


@pytest.mark.parametrize("arguments", [(0, 0, 0), (0, -1, 5)])
def test_what_cannot_be_mapped(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="a part of a file"):
        _gate.Mapping(*arguments)
    with pytest.raises(OSError):
        _gate.Mapping(-1, 0, 5)
    with Path("/proc/self/exe").open("rb") as file, pytest.raises(OSError):
        _gate.Mapping(file.fileno(), 5, 5)
