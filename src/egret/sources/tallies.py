"""What a worker may ask of connection tracking, as messages: flows up to the opener, numbers back.

Both sides check: the worker parses hostile bytes, so the opener takes nothing but tuples from it, and not too many.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

from egret.errors import SourceError
from egret.model import Endpoint, FlowKey, Transport
from egret.sources.conntrack import MAX_FLOWS, Tracking
from egret.track.tally import Tally

TALLY = "tally"  # the request's name
MESSAGES_PER_WINDOW, WINDOW_S = 32, 10.0  # a worker sends a quarter of it
_MOST = 1 << 63  # a counter of the kernel's has 64 bits, and ours go into a database of signed ones
_COUNTERS = len(Tally._fields)
_LENGTHS = frozenset((4, 16))  # bytes of an address
_MOST_PORT = 0xFFFF


class Clerk:
    """The opener's side for one worker: answers what is well asked, and not too often."""

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking
        self._at_s: deque[float] = deque(maxlen=MESSAGES_PER_WINDOW)

    def answer(self, message: Mapping[str, object]) -> dict[str, object]:
        """The answer to one request.

        Raises:
            ValueError: no honest worker asks that.
        """
        flows = decode_flows(message)
        now_s = time.monotonic()
        if len(self._at_s) == MESSAGES_PER_WINDOW and now_s - self._at_s[0] < WINDOW_S:
            return {"tallies": None}  # no error: a late one would be taken for the answer to another question
        self._at_s.append(now_s)
        return {"tallies": [self._tracking.tally(flow) for flow in flows]}


def encode_flows(flows: Sequence[FlowKey]) -> list[list[object]]:
    """At most MAX_FLOWS flows, each from its client."""
    return [[key.transport.value, *_end(key.source), *_end(key.destination)] for key in flows]


def _end(end: Endpoint) -> tuple[str, int]:
    return end.ip.hex(), end.port


def decode_flows(message: Mapping[str, object]) -> list[FlowKey]:
    """The flows of a request.

    Raises:
        ValueError: it is none of ours.
    """
    flows = message.get("flows")
    if message.keys() - {"do", "id", "flows"} or not isinstance(flows, list) or len(flows) > MAX_FLOWS:
        raise ValueError("no list of flows, or too many")
    return [_flow(row) for row in flows]


def _flow(row: object) -> FlowKey:
    match row:
        case ["udp" | "tcp" as transport, str(source), int(source_port), str(destination), int(port)]:
            ends = Endpoint(_address(source), _port(source_port)), Endpoint(_address(destination), _port(port))
            if len(ends[0].ip) == len(ends[1].ip):
                return FlowKey(Transport(transport), *ends)
    raise ValueError("no flow")


def _address(text: str) -> bytes:
    address = bytes.fromhex(text)
    if len(address) not in _LENGTHS:
        raise ValueError("no address")
    return address


def _port(number: int) -> int:
    if isinstance(number, bool) or not 0 <= number <= _MOST_PORT:
        raise ValueError("no port")
    return number


def decode_tallies(message: Mapping[str, object], number: int) -> list[Tally | None]:
    """The answer's numbers, for *number* flows.

    Raises:
        SourceError: the opener was asked too often, or says something else.
    """
    rows = message.get("tallies")
    if rows is None:
        raise SourceError("connection tracking was asked too often; later")
    if not isinstance(rows, list) or len(rows) != number:
        raise SourceError("the opener says nothing of connection tracking")
    return [_tally(row) for row in rows]


def _tally(row: object) -> Tally | None:
    if not isinstance(row, list) or len(row) != _COUNTERS:
        return None
    if not all(type(each) is int and 0 <= each < _MOST for each in row):
        return None
    return Tally(*row)
