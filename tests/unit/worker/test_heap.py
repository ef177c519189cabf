from __future__ import annotations

import gc

from egret.worker.heap import MANY, rest, resting


def test_nothing_is_looked_through_for_a_long_time() -> None:
    before = gc.get_threshold()
    try:
        rest()
        assert gc.isenabled()
        assert gc.get_threshold()[0] == MANY
        assert gc.get_freeze_count() > 0
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def test_afterwards_it_looks_as_often_as_before() -> None:
    before = gc.get_threshold()
    try:
        with resting():
            assert gc.get_threshold()[0] == MANY
        assert gc.get_threshold() == before
    finally:
        gc.unfreeze()
