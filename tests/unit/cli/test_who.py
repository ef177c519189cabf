from __future__ import annotations

import os

import pytest

from egret.cli.who import who


def test_it_is_the_user_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert who().endswith(f"(uid {os.getuid()})")


def test_behind_sudo_it_is_who_called_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "12345")
    assert who().endswith("(uid 12345)")
    monkeypatch.setattr(os, "getuid", lambda: 1)
    assert who().endswith("(uid 1)")
    monkeypatch.setenv("SUDO_UID", "x")
    assert who().endswith("(uid 1)")
