import gzip
import io

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
