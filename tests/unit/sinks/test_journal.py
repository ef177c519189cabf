"""A fake journal: a datagram socket that reads as the native protocol says. The real one is in tests/integration."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.alerts.model import Alert, Sensor
from egret.errors import SinkTemporary
from egret.sinks.journal import JournalOptions, JournalSink
from egret.value import replace
from tests.support.alerts import numbered, opened, sensor_alert
from tests.support.digest import digest
from tests.support.handing import hand
from tests.support.patience import PATIENCE_S

SEALED = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "socket"))
        receiver.settimeout(PATIENCE_S)
        yield receiver


def read(journal: socket.socket) -> tuple[bytes, bool]:
    """An entry, and whether it came as a descriptor."""
    data, control, _, _ = journal.recvmsg(1 << 20, socket.CMSG_SPACE(4))
    if not control:
        return data, False
    [fd] = array.array("i", control[0][2])
    try:
        assert data == b""
        assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) == SEALED
        return os.pread(fd, 1 << 26, 0), True
    finally:
        os.close(fd)


def write(path: Path, *alerts: Alert) -> None:
    sink = JournalSink(JournalOptions(sensor=Sensor("1", "gw"), path=path))
    hand(sink, alerts)


def test_an_entry_a_datagram(journal: socket.socket, tmp_path: Path) -> None:
    write(tmp_path / "socket", *numbered(2))
    for number in range(2):
        entry, as_file = read(journal)
        assert f"EGRET_ALERT=high-{number}\n".encode() in entry
        assert not as_file


def test_what_no_datagram_holds_is_a_sealed_file(journal: socket.socket, tmp_path: Path) -> None:
    large = replace(opened(), incident=replace(opened().incident, reasons=("x" * 2_000_000,)))
    write(tmp_path / "socket", large)
    entry, as_file = read(journal)
    assert as_file
    assert len(entry) > 2_000_000
    assert f"EGRET_ALERT={opened().id}\n".encode() in entry


def test_a_journal_that_is_away_or_busy_is_temporary(
    journal: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egret.sinks.local_socket.FULL_S", 0.2)
    with pytest.raises(SinkTemporary, match="No such file"):
        write(tmp_path / "none", opened())
    with pytest.raises(SinkTemporary, match="queue is full"):
        write(tmp_path / "socket", *[opened()] * 3000)


def test_health(journal: socket.socket, tmp_path: Path) -> None:
    assert JournalSink(JournalOptions(sensor=Sensor("1"), path=tmp_path / "socket")).health() is None
    assert "no journal listens" in (JournalSink(JournalOptions(sensor=Sensor("1"), path=tmp_path / "x")).health() or "")


def test_an_alert_about_the_sensor(journal: socket.socket, tmp_path: Path) -> None:
    sink = JournalSink(JournalOptions(sensor=Sensor("1"), path=tmp_path / "socket"))
    asyncio.run(sink.warn(sensor_alert()))
    asyncio.run(sink.close())
    assert f"EGRET_ALERT={sensor_alert().id}\n".encode() in read(journal)[0]


def test_a_digest_is_an_entry_too(journal: socket.socket, tmp_path: Path) -> None:
    sink = JournalSink(JournalOptions(sensor=Sensor("1"), path=tmp_path / "socket"))
    asyncio.run(sink.digest(digest()))
    asyncio.run(sink.close())
    assert f"EGRET_ALERT={digest().id}\n".encode() in read(journal)[0]
