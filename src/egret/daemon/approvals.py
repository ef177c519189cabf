"""Watches decisions end: a log line for each that ends or ends soon, and numbers for the metrics."""

from __future__ import annotations

import logging
from collections import Counter

from egret.alerts.rulings import state_text, until_text
from egret.catalog.match import Catalog
from egret.judge.approvals import Approval, Standing
from egret.settings.approvals_section import unmatched
from egret.settings.config import Config
from egret.telemetry import Telemetry

LOOK_EVERY_NS = 60 * 1_000_000_000
_EVENTS = {Standing.ENDED: "approval_ended", Standing.ENDS_SOON: "approval_ends_soon"}


class ApprovalWatch:
    """The decisions in force, and what was said of them already."""

    def __init__(self, telemetry: Telemetry, config: Config, catalog: Catalog) -> None:
        self._telemetry = telemetry
        self._told: set[tuple[Approval, Standing]] = set()
        self.apply(config, catalog)

    def apply(self, config: Config, catalog: Catalog) -> None:
        """Watch the decisions of *config* from now on; what they share with the former was told already."""
        self._entries = config.approvals.as_approvals()
        self._soon_ns = round(config.approvals.expires_soon.total_seconds()) * 1_000_000_000
        self._told = {told for told in self._told if told[0] in self._entries}
        self._looked_ns: int | None = None
        for wrong in unmatched(config.approvals, catalog.signatures, config.clients.group_names):
            self._telemetry.log.event(logging.WARNING, "approval_matches_nothing", why=str(wrong))

    def look(self, now_ns: int) -> None:
        """Count, and say what is new; cheap to call often."""
        if self._looked_ns is not None and 0 <= now_ns - self._looked_ns < LOOK_EVERY_NS:
            return
        self._looked_ns = now_ns
        standing = [(entry, entry.terms.standing(now_ns, self._soon_ns)) for entry in self._entries]
        holding = Counter(entry.terms.state for entry, how in standing if how in {Standing.HOLDS, Standing.ENDS_SOON})
        numbers = Counter(how for _, how in standing)
        self._telemetry.approvals(holding, numbers[Standing.ENDS_SOON], numbers[Standing.ENDED])
        for entry, how in standing:
            if how in _EVENTS and (entry, how) not in self._told:
                self._told.add((entry, how))
                self._say(entry, _EVENTS[how])

    def _say(self, entry: Approval, event: str) -> None:
        terms = entry.terms
        self._telemetry.log.event(
            logging.WARNING,
            event,
            entry=entry.number,
            state=state_text(terms.state),
            what=entry.what,
            owner=terms.owner,
            ticket=terms.ticket,
            until=until_text(terms.until_ns or 0),
        )
