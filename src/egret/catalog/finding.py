"""What the lint says about a signature file."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from egret.errors import Position


class Rule(StrEnum):
    """What kind of thing was found."""

    EXAMPLE = "example"  # an example that its signature does not get
    COUNTER_EXAMPLE = "counter-example"  # a counter-example that it gets
    NO_EXAMPLE = "no-example"  # nothing to prove it with
    DUPLICATE = "duplicate"  # the same host or network twice: the second is never reached
    REDUNDANT = "redundant"  # another host of the signature covers it and it adds nothing
    AMBIGUOUS = "ambiguous"  # two wildcards of equal rank share names
    SHADOW = "shadow"  # takes names away from an AI service and gives them to something lesser
    TYPO = "typo"  # one edit away from another known host
    REGION = "region"  # no country that we know
    SCOPE = "scope"  # a documented scope that the host's own region contradicts
    SOURCE = "source"  # says not where it is from
    CLASS = "class"  # class and category that contradict each other
    STALE = "stale"  # reviewed too long ago, or in the future


class Finding(NamedTuple):
    """One thing to put right, where, and how."""

    place: Position
    rule: Rule
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.message} ({self.remedy})"
