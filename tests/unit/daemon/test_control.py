from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from egret.daemon import control
from egret.daemon.control import Control, ask, user_text
from egret.errors import StoreError
from egret.telemetry import Telemetry
from tests.support.patience import PATIENCE_S


async def purge(client: str, who: str) -> Mapping[str, Any]:
    if client == "broken":
        raise StoreError("the disk is full")
    if client == "bug":
        raise ZeroDivisionError
    return {"client": client, "who": who}


def serve(path: Path, scene: Callable[[], object], telemetry: Telemetry | None = None) -> object:
    async def play() -> object:
        door = Control(path, {"purge": purge}, telemetry or Telemetry("test"))
        await door.start()
        try:
            return await asyncio.to_thread(scene)
        finally:
            await door.close()

    return asyncio.run(play())


def raw(path: Path, text: bytes) -> Any:
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(PATIENCE_S)
        door.connect(str(path))
        door.sendall(text)
        with door.makefile("rb") as answer:
            line = answer.readline()
    return json.loads(line) if line else None


def test_it_says_who_asks_and_only_its_user_can_open_it(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    def scene() -> object:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return ask(path, "purge", "192.0.2.7")

    assert serve(path, scene) == {"client": "192.0.2.7", "who": user_text(os.geteuid())}
    assert not path.exists()
    assert ask(path, "purge", "192.0.2.7") is None


def test_a_socket_of_a_daemon_that_was_killed_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert ask(path, "purge", "x") is None
    assert serve(path, lambda: ask(path, "purge", "x")) is not None


def test_strangers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "control.sock"
    monkeypatch.setattr(control, "_uid", lambda _: os.geteuid() + 12345)
    assert serve(path, lambda: ask(path, "purge", "x")) == {"error": "only root and the service's own user may ask"}


NONSENSE = (
    b"\n",
    b"[]\n",
    b"{}\n",
    b'{"do": "stop", "client": "x"}\n',
    b'{"do": ["purge"], "client": 1}\n',
    b"\xff\n",
    b"[" * 3000 + b"\n",
    b"x" * 10_000 + b"\n",
)


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_answered_and_ends_nothing(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "control.sock"

    def scene() -> object:
        assert "one line of JSON" in raw(path, text)["error"]
        return ask(path, "purge", "x")

    assert serve(path, scene) is not None


def test_who_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "ASK_S", 0.05)
    path = tmp_path / "control.sock"
    assert "one line of JSON" in str(serve(path, lambda: raw(path, b"{")))


def test_a_store_that_fails_is_said_and_a_bug_is_counted(tmp_path: Path) -> None:
    path, telemetry = tmp_path / "control.sock", Telemetry("test")
    assert serve(path, lambda: ask(path, "purge", "broken"), telemetry) == {"error": "the disk is full"}
    with pytest.raises(ValueError, match="Expecting value"):
        serve(path, lambda: ask(path, "purge", "bug"), telemetry)
    assert telemetry.value("egret_internal_errors_total", "daemon") == 1


def test_a_folder_that_allows_no_socket_costs_this_door_only(tmp_path: Path) -> None:
    path = tmp_path / "none" / "control.sock"
    assert serve(path, lambda: ask(path, "purge", "x")) is None


def test_a_user_without_a_name_is_a_number() -> None:
    assert user_text(4_000_000_000) == "user unknown (uid 4000000000)"
