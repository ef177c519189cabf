"""Conversations that say names, of every protocol that Egret reads, each with the names that it says.

Every conversation has names of its own (``n17.tls.example``), so that many can share one capture. How
they are cut is the affair of ``tests.support.reshape``; what carries them, of ``tests.support.wraps``.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.support import talks_dns, talks_hello, talks_http
from tests.support.talk import Makers, Name, Talk

__all__ = ["Name", "Talk", "labels", "talks"]

MAKERS = Makers({**talks_dns.MAKERS, **talks_hello.MAKERS, **talks_http.MAKERS})


def talks() -> Iterator[Talk]:
    """Every conversation once."""
    for number, make in enumerate(MAKERS.values()):
        yield make(f"n{number}")


def labels() -> list[str]:
    """What they are, in the same order."""
    return list(MAKERS)
