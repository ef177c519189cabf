"""Which gate goes over the frames: the compiled one where it was built, else the one in Python; both do the same."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from egret.decode.plain_hello import Plain
from egret.decode.plain_lookup import read_question
from egret.track.limits import Limits
from egret.value import replace

__all__ = [
    "SWITCH",
    "Truths",
    "compiled",
    "described",
    "is_compiled",
    "is_there",
    "plain_reader",
    "truths",
    "with_memory",
]

SWITCH = "EGRET_PURE"  # environment: anything but nothing and 0 leaves the compiled gate aside

_SOURCES = Path(__file__).with_name("native")


def fingerprint(sources: Path) -> int:
    """A number for what the C files say, which a compiled gate has in it."""
    found = 0
    for name in sorted(os.listdir(sources)):  # noqa: PTH208 (fifty files at every start)
        with open(f"{sources}/{name}", "rb", buffering=0) as file:  # noqa: PTH123
            found = zlib.crc32(file.read(), found)
    return found


try:
    from egret.worker import _gate as compiled

    if _SOURCES.is_dir() and fingerprint(_SOURCES) != getattr(compiled, "SOURCES", 0):
        compiled = None  # type: ignore[assignment]  # of other sources than lie here: scripts/build_native.py
except ImportError:
    compiled = None  # type: ignore[assignment]  # there was no compiler, or no Python.h, when Egret was installed


def is_compiled() -> bool:
    """Whether the compiled gate is there and wanted."""
    return compiled is not None and os.environ.get(SWITCH, "0") in {"", "0"}


def is_there() -> bool:
    """Whether there is a compiled gate."""
    return compiled is not None


def described() -> str:
    """Which one it is, for people."""
    if is_compiled():
        return "compiled" if compiled.opens_quic() else "compiled; QUIC in Python, which has no shared OpenSSL"
    return "Python" if compiled is None else f"Python (by {SWITCH})"


def plain_reader() -> Callable[[bytes], Plain | None] | None:
    """The compiled ``read_plain``, if there is one."""
    return compiled.read_plain if is_compiled() else None


def with_memory(limits: Limits) -> Limits:
    """The same limits, with the fastest memory there is, and the fastest reader of look-ups."""
    if not is_compiled():
        return limits
    return replace(limits, memory=compiled.Remembered, read_lookup=partial(compiled.read_lookup, read_question))


class Truths(Protocol):
    """Whether something is so, by bytes; a dict is one."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __contains__(self, key: object, /) -> bool:
        """Whether it is known."""
        ...

    def __setitem__(self, key: bytes, value: bool, /) -> None:
        """Know it from now on."""
        ...

    def get(self, key: bytes, /) -> bool | None:
        """What is known."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...


def truths(limit: int) -> Truths:
    """The fastest ones there are, for at most *limit* keys."""
    return compiled.Truths(limit, os.urandom(16)) if is_compiled() else dict[bytes, bool]()
