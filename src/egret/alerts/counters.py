"""What became of detections and of incidents, in numbers that add up."""

from __future__ import annotations

from typing import NamedTuple

from egret.value import Struct


class Counters(Struct):
    """What became of every detection: ``counted + suppressed + approved + opened + folded`` is all of them."""

    opened: int = 0
    folded: int = 0
    suppressed: int = 0  # covered by the suppress list
    approved: int = 0  # by the operator
    counted: int = 0  # below ``alert_from``
    escalated: int = 0
    updated: int = 0
    closed: int = 0
    purged: int = 0  # dropped unsaid, since their client was to be forgotten
    evicted: int = 0  # of closed: by ``max_open``

    @property
    def fates(self) -> Fates:
        """What became of those so far that opened nothing."""
        return Fates(self.folded, self.suppressed, self.approved, self.counted)


class Fates(NamedTuple):
    """See ``Counters``."""

    folded: int
    suppressed: int
    approved: int
    counted: int
