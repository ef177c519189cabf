from __future__ import annotations

from collections import Counter

import pytest

from egret.track.limits import Limits
from egret.track.observer import Observer
from egret.worker import engine
from egret.worker.greetings import Greetings
from egret.worker.holding import hold_young
from egret.worker.quick import Quick


def held(limits: Limits | None) -> tuple[Observer, object]:
    observer = Observer(limits)
    told = lambda *_: False  # noqa: E731
    greetings = Greetings(told, told, told, (), observer.judge_ech, Counter())
    return observer, hold_young(observer, greetings)


def test_what_remembers_in_python_is_held_back_in_python() -> None:
    observer, quick = held(None)
    assert isinstance(quick, Quick)
    assert observer.held.keeper is quick


@pytest.mark.skipif(not engine.is_compiled(), reason="the gate is not compiled")
def test_what_remembers_compiled_is_held_back_compiled() -> None:
    observer, quick = held(engine.with_memory(Limits()))
    assert not isinstance(quick, Quick)
    assert observer.held.keeper is quick
