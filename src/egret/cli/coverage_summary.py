"""The coverage of a replay in a few lines: the same counts as in the daemon's ledger."""

from __future__ import annotations

from collections.abc import Mapping

from egret.names import printable
from egret.telemetry.coverage import Counts, Interval

_LINES = (  # part of the counts, and what is said of it
    ("named_by", "named by"),
    ("nameless", "nameless because of"),
    ("encrypted_dns", "encrypted DNS, not run from the PRC"),
    ("prc_resolvers", "encrypted DNS, run from the PRC"),
    ("httpdns", "HTTPDNS"),
    ("ech", "Encrypted Client Hello"),
    ("unreadable", "not read in full"),
    ("evictions", "pushed out by a memory bound"),
)


def coverage_summary(counts: Counts) -> list[str]:
    """The lines; parts of which nothing was seen are left out."""
    row = Interval(start_s=0, seconds=0, counts=counts)
    return [f"{words}: {_numbers(row.part(part))}" for part, words in _LINES if any(row.part(part).values())]


def _numbers(labels: Mapping[str, int]) -> str:
    most_first = sorted(labels.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{printable(label)} {number}" for label, number in most_first if number)
