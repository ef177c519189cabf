"""Where and when a message was heard."""

from __future__ import annotations

from typing import NamedTuple

from egret.model import Endpoint, Transport


class Heard(NamedTuple):
    """The ends of one DNS message, in the direction it went."""

    time_ns: int
    transport: Transport
    source: Endpoint
    destination: Endpoint
    interface: str | None
