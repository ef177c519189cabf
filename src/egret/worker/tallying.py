"""Flagged flows, asked of the host's connection tracking every few seconds, through the opener who may."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from egret.errors import SourceError
from egret.model import FlowKey
from egret.sources.conntrack import MAX_FLOWS
from egret.telemetry.logs import Log
from egret.track.tally import Tally
from egret.track.volume import Volumes

EVERY_S = 3.0
_MESSAGES = 2  # a round: with every 3 s a quarter of what the opener answers


class Tallying:
    """Gives *volumes* what *ask* says of their flows.

    Args:
        volumes: what is counted.
        ask: the counters of at most MAX_FLOWS flows; raises SourceError where they cannot be had now.
        log: where trouble goes.
    """

    def __init__(self, volumes: Volumes, ask: Callable[[Sequence[FlowKey]], list[Tally | None]], log: Log) -> None:
        self._volumes = volumes
        self._ask = ask
        self._log = log
        self._at_s = 0.0

    def step(self, counts: Counter[tuple[str, ...]]) -> None:
        """Ask, if it is time; what came of it goes into *counts*."""
        if not self._volumes.active or time.monotonic() < self._at_s:
            return
        self._at_s = time.monotonic() + EVERY_S
        flows = self._volumes.to_ask(_MESSAGES * MAX_FLOWS)
        for first in range(0, len(flows), MAX_FLOWS):
            self._take(flows[first : first + MAX_FLOWS], counts)

    def _take(self, flows: Sequence[FlowKey], counts: Counter[tuple[str, ...]]) -> None:
        try:
            tallies = self._ask(flows)
        except SourceError as error:
            counts["conntrack", "failed"] += len(flows)
            self._log.repeated(logging.WARNING, "conntrack_not_read", why=str(error))
            return
        for flow, tally in zip(flows, tallies, strict=True):
            self._volumes.tally(flow, tally)
            counts["conntrack", "absent" if tally is None else "found"] += 1
