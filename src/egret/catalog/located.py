"""A signature and where each part of it stands in its file: what the lint points at."""

from __future__ import annotations

from egret.errors import Position
from egret.model import Signature
from egret.value import Struct


class Located(Struct, frozen=True, kw_only=True):
    """*signature* with its places; each tuple runs along the signature's own."""

    signature: Signature
    place: Position
    hosts: tuple[Position, ...] = ()
    networks: tuple[Position, ...] = ()
    examples: tuple[Position, ...] = ()
    counter_examples: tuple[Position, ...] = ()
    distinct_from: frozenset[str] = frozenset()  # hosts that its own resemble, checked by a person
