from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from egret.track.observer import Observer
from egret.track.pairs import Pairs
from egret.worker import engine
from egret.worker.greetings import Greetings
from egret.worker.pairs import pair_up


def greetings() -> Greetings:
    return Greetings(bool, lambda *_: False, bool, (), lambda *_: "", Counter())


def test_without_a_compiled_gate_python_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.SWITCH, "1")
    observer = Observer()
    pair_up(observer, greetings())
    assert isinstance(observer.quic.pairs, Pairs)


@pytest.mark.skipif(not engine.is_compiled(), reason="no compiled gate")
def test_with_one_a_compiled_table_does() -> None:
    observer, counted = Observer(), greetings()
    pair_up(observer, counted)
    assert isinstance(observer.quic.pairs, engine.compiled.Pairs)
    assert counted.quic_elsewhere() == (0, 0)
    assert engine.compiled.opens_quic()


def test_without_an_openssl_python_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    observer, counted = Observer(), greetings()
    monkeypatch.delenv(engine.SWITCH, raising=False)
    monkeypatch.setattr(engine, "compiled", SimpleNamespace(opens_quic=lambda: False))
    pair_up(observer, counted)
    assert isinstance(observer.quic.pairs, Pairs)


WITHOUT = """
import sys, types
hashes = types.ModuleType("_hashlib")
if sys.argv[1:]: hashes.__file__ = sys.argv[1]
sys.modules["_hashlib"] = hashes
from egret.worker import _gate
assert not _gate.opens_quic()
known = _gate.Truths(1, bytes(16))
try:
    _gate.Pairs(name="x", limit=1, most=1, evictions={}, restored=len, told=len, hosts=known, clients=known,
                servers=known, watched=())
except NotImplementedError: print("refused")
"""


@pytest.mark.skipif(engine.compiled is None, reason="no compiled gate")
@pytest.mark.parametrize("file", [(), ("/nowhere",), (getattr(engine.compiled, "__file__", ""),)])
def test_it_is_refused_where_the_functions_are_not_found(file: tuple[str, ...], repository: Path) -> None:
    command = [sys.executable, "-S", "-c", WITHOUT, *file]
    there = {**os.environ, "PYTHONPATH": str(repository / "src")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=there)
    assert (done.stdout, done.stderr) == ("refused\n", "")
