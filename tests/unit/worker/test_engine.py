from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from egret.worker import engine
from scripts import build_native


def test_it_knows_what_it_was_compiled_from(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("a")
    (tmp_path / "b.h").write_text("b")
    before = engine.fingerprint(tmp_path)
    assert before == build_native.fingerprint(tmp_path)
    (tmp_path / "b.h").write_text("c")
    assert engine.fingerprint(tmp_path) != before


@pytest.mark.parametrize(
    ("compiled", "switch", "described"),
    [
        (True, None, "compiled"),
        (True, "0", "compiled"),
        (True, "", "compiled"),
        (True, "1", "Python (by EGRET_PURE)"),
        (False, None, "Python"),
        (False, "1", "Python"),
    ],
)
def test_the_compiled_gate_is_used_where_it_is_there_and_not_switched_off(
    monkeypatch: pytest.MonkeyPatch, compiled: bool, switch: str | None, described: str
) -> None:
    monkeypatch.setattr(engine, "compiled", SimpleNamespace(opens_quic=lambda: True) if compiled else None)
    monkeypatch.delenv(engine.SWITCH, raising=False)
    if switch is not None:
        monkeypatch.setenv(engine.SWITCH, switch)
    assert (engine.described(), engine.is_compiled()) == (described, described == "compiled")


def test_it_says_so_where_it_cannot_open_quic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engine.SWITCH, raising=False)
    monkeypatch.setattr(engine, "compiled", SimpleNamespace(opens_quic=lambda: False))
    assert engine.described() == "compiled; QUIC in Python, which has no shared OpenSSL"


@pytest.mark.parametrize("switch", ["0", "1"])
def test_truths_are_known_until_they_are_forgotten(monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    monkeypatch.setenv(engine.SWITCH, switch)
    truths = engine.truths(5)
    truths[b"x"], truths[b"y"] = True, False
    assert (truths.get(b"x"), truths.get(b"y"), truths.get(b"z"), len(truths), b"x" in truths) == (
        True,
        False,
        None,
        2,
        True,
    )
    truths.clear()
    assert truths.get(b"x") is None


def test_plain_hellos_are_read_by_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.SWITCH, "1")
    assert engine.plain_reader() is None
    monkeypatch.setenv(engine.SWITCH, "0")
    assert engine.plain_reader() is (None if engine.compiled is None else engine.compiled.read_plain)
