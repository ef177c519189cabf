"""Where and when a message was heard."""

from __future__ import annotations

from typing import NamedTuple

from egret.decode.plain_lookup import Told
from egret.model import Endpoint, Transport

# frames that the gate took before it and did not settle, time, message, ends as in a frame, what the message says
Overheard = tuple[int, int, bytes, bytes, Told]


class Heard(NamedTuple):
    """The ends of one DNS message, in the direction it went."""

    time_ns: int
    transport: Transport
    source: Endpoint
    destination: Endpoint
    interface: str | None
