"""What the host's connection tracking says of one flow, made comparable with what headers said.

Its counters are exact where datagrams seen are an estimate: none is lost in a ring, and they begin with the flow. But
they hold headers and acknowledgements too. The headers of IP and UDP are known to the byte; what share of the rest is
content, the datagrams that were seen tell.

Where the flow's beginning was not seen its counters hold what was before: another use, or what was told already before
a restart. There they count from the first reading on, behind what the datagrams said by then.

Sans-I/O, never raises.
"""

from __future__ import annotations

from typing import NamedTuple

IP_HEADERS = {4: 20, 16: 40}  # by the length of an address
UDP_HEADER = 8
_LEAST_SHARE = 9, 10  # of what the datagrams themselves show; less is a counter that stands still (offloaded flows)


class Tally(NamedTuple):
    """The counters of one entry, from the flow's client to its server and back; bytes with headers."""

    entry: int  # the entry's id: the same ends may get another one
    bytes_out: int
    packets_out: int
    bytes_in: int
    packets_in: int


class Tallied:
    """One flow's payload by its entries, one after the other."""

    __slots__ = ("_before", "_last", "_overhead", "_told", "asked", "payload", "seen", "wanted", "whole")

    def __init__(self, address_length: int) -> None:
        self._overhead = IP_HEADERS.get(address_length, IP_HEADERS[16]) + UDP_HEADER
        self._last: Tally | None = None
        self._before = (0, 0)  # payload to add to the entry's: by entries that are gone, less what was before our time
        self._told = (0, 0)  # content to add: what the datagrams said before the first reading
        self.whole = False  # its first packet was seen: all that the entry says is its own
        self.payload: tuple[int, int] | None = None  # out and in, all of it; None: no entry was ever found
        self.seen = [[0, 0], [0, 0]]  # of datagrams out and in: payload, and content in it
        self.asked = 0  # in which round
        self.wanted = True  # something may have changed

    def see(self, payload: int, content: int, *, outward: bool) -> None:
        """A datagram was seen."""
        seen = self.seen[not outward]
        seen[0] += payload
        seen[1] += content
        self.wanted = True

    def take(self, tally: Tally | None, counted: tuple[int, int]) -> None:
        """What its entry says now, None: nothing; *counted* is content out and in by datagrams alone."""
        if tally is None:
            self.wanted = False
            return
        last, self._last = self._last, tally
        out = max(0, tally.bytes_out - tally.packets_out * self._overhead)
        into = max(0, tally.bytes_in - tally.packets_in * self._overhead)
        if last is None or self.payload is None:
            self._before, self._told = ((0, 0), (0, 0)) if self.whole else ((-out, -into), counted)
        elif tally.entry != last.entry or _is_less(tally, last):
            self._before = self.payload  # another entry, or somebody set its counters to zero
        self.payload = max(0, self._before[0] + out), max(0, self._before[1] + into)

    def content(self, counted: tuple[int, int]) -> tuple[int, int]:
        """Bytes out and in, given what datagrams alone say; theirs where the counters fall behind."""
        if self.payload is None:
            return counted
        out, into = (self._one(way, counted[way]) for way in (0, 1))
        return out, into

    def _one(self, way: int, counted: int) -> int:
        payload, content = self.seen[way]
        whole = self.payload[way] if self.payload is not None else 0
        told = self._told[way] + (whole * content // payload if payload else whole)
        return told if told * _LEAST_SHARE[1] >= counted * _LEAST_SHARE[0] else counted


def _is_less(one: Tally, other: Tally) -> bool:
    return one.bytes_out < other.bytes_out or one.bytes_in < other.bytes_in
