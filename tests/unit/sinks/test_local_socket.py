from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.errors import SinkRejected, SinkTemporary
from egret.sinks.local_socket import LocalSocket, said
from tests.support.patience import PATIENCE_S


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "log"))
        made.settimeout(PATIENCE_S)
        yield made


def test_messages_in_order_and_a_new_connection_where_the_reader_is_a_new_one(
    reader: socket.socket, tmp_path: Path
) -> None:
    wire = LocalSocket(tmp_path / "log", "full")

    async def run() -> None:
        await wire.send([b"a", b"b"])
        assert [reader.recv(9), reader.recv(9)] == [b"a", b"b"]
        reader.close()
        with pytest.raises(SinkTemporary, match="refused"):
            await wire.send([b"c"])
        (tmp_path / "log").unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as again:
            again.bind(str(tmp_path / "log"))
            await wire.send([b"d"])
            assert again.recv(9) == b"d"
        wire.close()

    asyncio.run(run())


def test_a_reader_that_does_not_keep_up(reader: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.sinks.local_socket.FULL_S", 0.05)

    async def run() -> None:
        wire = LocalSocket(tmp_path / "log", "its queue is full")
        with pytest.raises(SinkTemporary, match="its queue is full"):
            await wire.send([b"x" * 1000] * 10_000)
        wire.close()

    asyncio.run(run())


def test_what_an_error_means() -> None:
    assert isinstance(said("there", OSError(errno.EMSGSIZE, "long")), SinkRejected)
    assert "stream socket" in str(said("there", OSError(errno.EPROTOTYPE, "x")))
    assert isinstance(said("there", OSError(errno.ENOENT, "x")), SinkTemporary)
