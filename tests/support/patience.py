"""How long a test waits for what must happen: until it has.

A host that stalls makes nothing wrong, only late. So nothing here is a limit that is tested: where promptness is, the
test names a limit of its own. What has happened already costs one look.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE_S = 60.0  # only what hangs takes as long
_LOOK_EVERY_S = 0.05  # where a look may be a process of its own
_LOOK_OFTEN_S = 0.01


class LateError(AssertionError):
    """It did not happen, however long it was waited for."""


def wait_until(true: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Look until *true* says so; LateError naming *what* after *timeout_s*."""
    end_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > end_s:
            raise LateError(f"not within {timeout_s:g} s: {what}")
        time.sleep(_LOOK_EVERY_S)


async def until(true: Callable[[], object], what: str = "what the test waits for") -> None:
    """Let the event loop go on until *true* says so; LateError naming *what* if it never does."""
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end_s:
            raise LateError(f"not within {PATIENCE_S:g} s: {what}")
        await asyncio.sleep(_LOOK_OFTEN_S)
