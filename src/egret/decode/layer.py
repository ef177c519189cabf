"""What one header says about the next: the word that link, tunnel and IP decoders share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum

from egret.value import Struct


class Space(IntEnum):
    """The registry in which a next-header number is looked up."""

    LINKTYPE = 0  # tcpdump.org link types
    ETHERTYPE = 1  # IEEE
    PPP = 2  # PPP DLL protocol numbers
    IP = 3  # an IP header; its first four bits say which


class Layer(Struct, frozen=True):
    """The next header: *number* in the registry *space*; *data* begins with its first byte."""

    space: Space
    number: int
    data: memoryview


class Several(Struct, frozen=True):
    """What carries more than one frame or datagram, or one that nobody sends here: they are read one by one."""

    layers: Iterable[Layer]  # may raise DecodeError at the piece that is broken
    quoted: bool = False  # an error message sends it back: it says what somebody claims to have been sent


# Reads one header. None: carries nothing that a name could be in (ARP, a control message).
# Raises DecodeError.
Decoder = Callable[[memoryview], Layer | Several | None]
Table = Mapping[int, Decoder]


def ip_layer(data: memoryview) -> Layer:
    """Whatever IP version *data* begins with."""
    return Layer(Space.IP, 0, data)
