import gzip
import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from egret.sources.bytestream import CHUNK, ByteStream, StreamBroken


def stream(data: bytes, step: int = CHUNK) -> ByteStream:
    raw = io.BytesIO(data)
    return ByteStream(lambda size: raw.read(min(size, step)))


def drain(packed: bytes, step: int = CHUNK) -> tuple[bytes, str | None]:
    source = stream(packed, step)
    source.peek(2)
    source.unzip()
    data = b""
    try:
        while source.more(len(source.window)):
            data += source.window
    except StreamBroken as error:
        return data, str(error)
    return data, None


@pytest.mark.parametrize("step", [1, 7, CHUNK])
def test_members_follow_each_other(step: int) -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"") + gzip.compress(b"two") + bytes(9)
    assert drain(packed, step) == (b"onetwo", None)


def test_every_cut_of_packed_data_gives_what_it_held() -> None:
    text = b"some words, some more words, and many words after those"
    packed = gzip.compress(text)
    for size in range(2, len(packed)):
        data, error = drain(packed[:size])
        assert text.startswith(data)
        assert error is not None
        assert "too early" in error


def test_damage_keeps_what_came_before_it() -> None:
    text = bytes(range(256)) * 4096
    packed = bytearray(gzip.compress(text, 0))
    packed[len(packed) // 2 : len(packed) // 2 + 3000] = b"\xff" * 3000
    data, error = drain(bytes(packed[:-8]) + bytes(8))
    assert error is not None
    assert "damaged" in error
    assert len(data) > len(text) // 2 - 70_000


def test_a_bomb_comes_in_steps() -> None:
    source = stream(gzip.compress(bytes(64 << 20)))
    source.peek(2)
    source.unzip()
    total = 0
    while source.more(len(source.window)):
        assert len(source.window) <= 4 << 20
        total += len(source.window)
    assert total == 64 << 20


def test_peek_consumes_nothing() -> None:
    source = stream(b"abcdef", 2)
    assert source.peek(3) == b"abc"
    assert source.peek(9) == b"abcdef"
    assert source.start == 0


def test_skip_keeps_the_offset_and_little_else() -> None:
    source = stream(b"x" * 100 + b"end", 7)
    assert source.skip(100)
    assert source.start == 100
    assert source.peek(3) == b"end"
    assert not source.skip(4)


@contextmanager
def opened(path: Path, told: list[int]) -> Iterator[ByteStream]:
    """A stream of a file whose windows are read each as a whole."""
    with path.open("rb", buffering=0) as file:
        found = ByteStream(file.read, path.stat().st_size, lambda done, _size: told.append(done), file.fileno())
        found.peek(4)
        found.map()
        yield found


def test_windows_read_as_a_whole_are_the_file_s_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.sources.bytestream.CHUNK", 1000)
    monkeypatch.setattr("egret.sources.bytestream._WINDOW", 1000)
    chance, path, told = random.Random(1), tmp_path / "file", list[int]()
    data = chance.randbytes(20_000)
    path.write_bytes(data)
    with opened(path, told) as source:
        while True:
            consumed = chance.randrange(len(source.window) + 1)
            before, place = source.window, source.start + consumed
            if not source.more(consumed):
                break
            assert source.start == place
            assert source.window == data[place : place + max(1000, 2 * (len(before) - consumed))]
        assert data[source.start :] == source.window
        assert told[-1] == len(data)
        assert told == sorted(told)


def test_a_file_that_grows_or_shrinks_loses_nothing_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with opened(path, []) as source:
        assert not source.more(4)
        assert source.window == b"456789"
        path.write_bytes(b"0123456789ab")
        assert source.more(2)
        assert (source.start, source.window) == (6, b"6789ab")
        path.write_bytes(b"01234567")
        assert not source.more(1)
        assert (source.start, source.window) == (7, b"789ab")


def test_a_disk_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with opened(path, []) as source:
        monkeypatch.setattr("os.pread", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        with pytest.raises(StreamBroken, match="Input/output error"):
            source.more(4)
