from __future__ import annotations

import ctypes
import errno
import os
import pwd
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from egret.errors import SourceError
from egret.sources import privileges
from egret.sources.privileges import Identity, find_user


def in_child(work: Callable[[], str]) -> str:
    """What *work* returns in a process of its own, whose rights may go."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001  told to the parent
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return answer


class FakeLibrary:
    """Keeps the calls; fails those asked to."""

    def __init__(self, failing: str = "") -> None:
        self.calls: list[tuple[object, ...]] = []
        self._failing = failing

    def prctl(self, option: int, *arguments: ctypes.c_ulong) -> int:
        self.calls.append((option, arguments[0].value, arguments[1].value))
        return -1 if self._failing == "prctl" else 0

    def capset(self, _header: bytes, data: bytes) -> int:
        self.calls.append(("capset", data))
        return -1 if self._failing == "capset" else 0


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A root that only pretends: what it becomes is written down."""
    became: dict[str, object] = {"caps": frozenset({6, 7, 8, 13}), "uid": 0}

    def setresuid(uid: int, *_others: int) -> None:
        became["uid"] = uid

    def setgroups(groups: list[int]) -> None:
        became["groups"] = groups

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "setgroups", setgroups)
    monkeypatch.setattr(os, "setresgid", lambda gid, *_others: became.update(gid=gid))
    monkeypatch.setattr(os, "setresuid", setresuid)
    monkeypatch.setattr(os, "getresuid", lambda: (became["uid"],) * 3)
    monkeypatch.setattr(privileges, "current_capabilities", lambda: became["caps"])
    return became


def test_everything_goes() -> None:
    def work() -> str:
        privileges.drop(find_user(None))
        return f"{sorted(privileges.current_capabilities())} {sorted(privileges.capability_set('CapPrm'))}"

    assert in_child(work) == "[] []"


def test_the_steps_in_order(root: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    monkeypatch.setattr(privileges, "_libc", lambda: library)
    monkeypatch.setattr(privileges, "_last_capability", lambda: 13)
    monkeypatch.setattr(privileges, "_verify", lambda user, kept: root.update(verified=(user, kept)))
    user = Identity("egret", 990, 991)
    privileges.drop(user, {13, 21}, ambient=True)
    assert (root["uid"], root["gid"], root["groups"]) == (990, 991, [])
    assert [call[:2] for call in library.calls[:13]] == [(24, number) for number in range(13)]
    options = [call[0] for call in library.calls[13:]]
    assert options == [8, 47, "capset", 47, 38, 4]
    assert library.calls[16] == (47, 2, 13)
    assert root["verified"] == (user, frozenset({13}))


def test_an_ordinary_user_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(privileges, "current_capabilities", frozenset)
    monkeypatch.setattr(privileges, "_libc", lambda: library)
    privileges.drop(Identity("egret", 990, 991))
    assert [call[0] for call in library.calls] == [47, "capset", 38, 4]


@pytest.mark.parametrize("failing", ["prctl", "capset"])
def test_what_cannot_be_given_up_stops_everything(
    root: dict[str, object], monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setattr(privileges, "_libc", lambda: FakeLibrary(failing))
    with pytest.raises(SourceError, match="cannot give up rights"):
        privileges.drop(Identity("egret", 990, 991))


def test_rights_that_are_still_there_stop_everything(root: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "_libc", FakeLibrary)
    with pytest.raises(SourceError, match="rights are still there"):
        privileges.drop(None)


def test_dying_with_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    library = FakeLibrary()
    monkeypatch.setattr(privileges, "_libc", lambda: library)
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    privileges.die_with_parent(signal.SIGKILL, os.getppid())
    assert library.calls == [(1, 9, 0)]
    assert killed == []
    privileges.die_with_parent(signal.SIGKILL, -1)
    assert killed == [(os.getpid(), signal.SIGKILL)]


def test_users_by_name_number_and_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_user("root") == find_user("0") == Identity("root", 0, 0)
    with pytest.raises(SourceError, match=r"no user nobody-here; set capture\.user"):
        find_user("nobody-here")

    def only_nobody(name: str) -> pwd.struct_passwd:
        if name != "nobody":
            raise KeyError(name)
        return pwd.struct_passwd(("nobody", "x", 65534, 65534, "", "/", ""))

    monkeypatch.setattr(pwd, "getpwnam", only_nobody)
    assert find_user(None).uid == 65534


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EPERM, "no"), "CAP_NET_RAW"),
        (OSError(errno.EAFNOSUPPORT, "no"), "this kernel has no packet sockets; use --backend portable"),
        (OSError(errno.ENOBUFS, "no buffers"), "packet sockets fail: no buffers"),
    ],
)
def test_what_is_missing_to_capture(monkeypatch: pytest.MonkeyPatch, error: OSError, words: str) -> None:
    def fail(*_arguments: int) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "socket", fail)
    missing = privileges.may_capture()
    assert missing is not None
    assert words in missing
    assert "\n" not in missing


def test_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    fake = type("Fake", (), {"close": lambda _self: closed.append(1)})
    monkeypatch.setattr(socket, "socket", lambda *_arguments: fake())
    assert privileges.may_capture() is None
    assert closed == [1]


def test_a_system_without_packet_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_PACKET")
    assert "portable" in str(privileges.may_capture())


def test_a_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_path: object, **_options: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert privileges.current_capabilities() == frozenset()
    assert privileges._last_capability() == 63
