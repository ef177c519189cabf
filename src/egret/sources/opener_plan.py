"""The words between the opener and those it serves: its plan, its workers, and what a worker can ask of it."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from egret.errors import SourceError
from egret.model import FlowKey
from egret.sources import channel
from egret.sources.afpacket import Opened, RingOptions
from egret.sources.channel import Channel
from egret.sources.privileges import Identity
from egret.sources.probes import CanaryPlan
from egret.sources.ring import Geometry
from egret.sources.tallies import TALLY, decode_tallies, encode_flows
from egret.track.tally import Tally

ANSWER_TIMEOUT_S = 10.0
_TALLY_TIMEOUT_S = 0.2  # frames wait meanwhile; the next time is soon


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything the opener may ever do, fixed at its start."""

    interfaces: Mapping[str, RingOptions]  # these can be opened, like this
    user: Identity | None = None  # the opener and its workers become this user, where they may
    files: Sequence[Path] = field(default_factory=tuple)  # to be read again later; a directory: the files in it
    backend: str = "afpacket"  # or "portable"
    volume: RingOptions | None = None  # of a second ring on any of the interfaces, whose filter the worker sets
    canary: CanaryPlan | None = None  # what may be sent, and where
    conntrack: bool = False  # workers may ask connection tracking for the counters of single connections


@dataclass(frozen=True, slots=True)
class Death:
    """One worker that ended."""

    index: int
    pid: int
    status: int  # exit code, or minus the signal that killed it


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker that was started; *channel* is the daemon's end of its pipe."""

    index: int
    pid: int
    channel: Channel


class WorkerLink:
    """What a worker has: rings from the opener, and a pipe to the daemon."""

    def __init__(self, opener: Channel, pipe: Channel) -> None:
        self._opener = opener
        self.pipe = pipe  # non-blocking: a full pipe drops, and the worker counts

    def open_ring(self, interface: str) -> Opened:
        """A bound ring socket on *interface*.

        Raises:
            SourceError: the opener cannot or will not; says why.
        """
        return self._open("open_ring", interface)

    def open_volume_ring(self, interface: str) -> Opened:
        """A second, small ring socket on *interface*, which passes nothing until it is given a filter.

        Raises:
            SourceError: as ``open_ring``.
        """
        return self._open("open_volume_ring", interface)

    def open_canary_ring(self, interface: str) -> Opened:
        """A ring socket on the canary's *interface* that passes its frames only.

        Raises:
            SourceError: as ``open_ring``.
        """
        return self._open("open_canary_ring", interface)

    def _open(self, what: str, interface: str) -> Opened:
        answer = self._opener.ask({"do": what, "interface": interface}, ANSWER_TIMEOUT_S, descriptors=1)
        message, sizes = answer.message, answer.message.get("geometry")
        if len(answer.descriptors) != 1 or not isinstance(sizes, list):
            channel.close_all(answer.descriptors)
            raise SourceError(f"{interface}: the opener passed no socket")
        sock = socket.socket(fileno=answer.descriptors[0])
        return Opened(sock, interface, int(str(message["index"])), int(str(message["linktype"])), Geometry(*sizes))

    def tallies(self, flows: Sequence[FlowKey]) -> list[Tally | None]:
        """What connection tracking says of at most MAX_FLOWS *flows*, in their order.

        Raises:
            SourceError: the opener does not say, now.
        """
        asked = self._opener.ask({"do": TALLY, "flows": encode_flows(flows)}, _TALLY_TIMEOUT_S)
        return decode_tallies(asked.message, len(flows))

    def open_stream(self, interface: str) -> int:
        """The reading end of a portable child's pcap stream of *interface*.

        Raises:
            SourceError: as ``open_ring``.
        """
        answer = self._opener.ask({"do": "open_stream", "interface": interface}, ANSWER_TIMEOUT_S, descriptors=1)
        if len(answer.descriptors) != 1:
            raise SourceError(f"{interface}: the opener passed no stream")
        return answer.descriptors[0]
