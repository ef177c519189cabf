"""What a verdict shows for itself: the summands of its score, and its facts about jurisdiction one by one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class ScorePart(NamedTuple):
    """One summand of a score."""

    name: str
    points: int
    why: str


class About(StrEnum):
    """Which of the two questions, never mixed, a fact speaks to."""

    OPERATOR = "operator"  # whose law reaches the operator
    HOSTING = "hosting"  # where the bytes land


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One fact about jurisdiction, with who says so and since when; facts are listed, never merged."""

    about: About
    fact: str  # "operator_country", "address_country", ...: the closed list is egret.judge.chain.FactName
    value: str
    source: str = ""
    date: str = ""  # ISO date of the source
    note: str = ""  # how it may be read, and how not
