from __future__ import annotations

import socket
from pathlib import Path

import pytest

from egret.daemon.notify import Notifier


def test_says_ready_status_alive_and_stopping(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        notifier = Notifier(address, "30000000")
        assert notifier.watchdog_interval_s == 10
        notifier.ready("watching\neth0")
        notifier.status("busy")
        notifier.alive()
        notifier.stopping()
        notifier.close()
        notifier.alive()
        heard = [manager.recv(256).decode() for _ in range(4)]
    assert heard == ["READY=1\nSTATUS=watching eth0", "STATUS=busy", "WATCHDOG=1", "STOPPING=1"]


def test_is_silent_without_a_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    notifier = Notifier()
    notifier.ready("x")
    assert notifier.watchdog_interval_s is None


def test_a_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    notifier = Notifier(str(tmp_path / "nobody"), "x")
    notifier.alive()
    notifier.close()
