"""The garbage collector's part where captures are read: next to none.

Nothing on a packet's way makes reference cycles (tests/property/test_heap.py holds it to that), so what is done with is
gone at once. To look for cycles all the same, through every stream and answer that is remembered, took a quarter of the
time and stopped the capture for up to a second: longer than an alert may take, and than a ring lasts.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 1_000_000  # objects more than at the last look: a leak that we know nothing of is found then
_SELDOM = 1_000  # such looks, before one goes through everything


def rest() -> None:
    """Set what is there apart for good, and look at the rest only when it has grown beyond measure."""
    gc.freeze()
    gc.set_threshold(MANY, _SELDOM, _SELDOM)


@contextmanager
def resting() -> Iterator[None]:
    """The same as long as something lasts."""
    before = gc.get_threshold()
    rest()
    try:
        yield
    finally:
        gc.set_threshold(*before)
