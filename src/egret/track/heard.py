"""Where and when a message was heard."""

from __future__ import annotations

from typing import NamedTuple

from egret.decode.plain_lookup import Told
from egret.model import Endpoint, Transport
from egret.track.direction import endpoints_of

Overheard = tuple[int, bytes, bytes, Told]  # time, message, ends as in a frame, what the message says
_UDP = Transport.UDP  # an enum's attribute costs a look-up each time
_new = tuple.__new__


class Heard(NamedTuple):
    """The ends of one DNS message, in the direction it went."""

    time_ns: int
    transport: Transport
    source: Endpoint
    destination: Endpoint
    interface: str | None


def heard_at(time_ns: int, ends: bytes) -> Heard:
    """Where and when a datagram of a file was heard."""
    source, destination = endpoints_of(ends)
    return _new(Heard, (time_ns, _UDP, source, destination, None))
