"""Live capture: the rings of several interfaces, read by one poller, followed while interfaces come and go."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from egret.errors import SourceError
from egret.model import Frame
from egret.sources import afpacket
from egret.sources.afpacket import Opened
from egret.sources.base import Sluice
from egret.sources.ebpf.loader import YoungStreams
from egret.sources.ring import Ring

_SIOCGIFFLAGS = 0x8913
_UP_AND_RUNNING = 0x1 | 0x40
_CHECK_EVERY_S = 0.5  # how soon a change of an interface is noticed
_GONE = "the interface is gone; waiting for it to come back"
_REOPEN_FIRST_S, _REOPEN_MOST_S = 0.5, 8.0

OpenRing = Callable[[str], Opened]  # by the opener, or directly; raises SourceError


class LinkStatistics(NamedTuple):
    """One interface since the source was opened; across its reopenings."""

    interface: str
    received: int  # frames that passed the kernel filter and came to us
    dropped: int  # frames that passed it and found the ring full
    frozen: int  # times the ring stood full
    up: bool  # switched on, with carrier, and captured


class Source(Protocol):
    """What a worker reads, whatever captures."""

    def read(self, timeout_s: float, sluice: Sluice | None = None) -> Iterator[Frame]:
        """Wait for frames, yield those that are there, and end: bounded work a call."""
        ...

    def statistics(self) -> list[LinkStatistics]:
        """Counters and state of each interface."""
        ...

    def close(self) -> None:
        """Let go of sockets and memory."""
        ...


@dataclass(slots=True)
class _Watched:
    """One interface: its ring while it has one, and what it has counted."""

    interface: str
    opened: Opened | None = None
    ring: Ring | None = None
    received: int = 0
    dropped: int = 0
    frozen: int = 0
    up: bool = False
    retry_at_s: float = 0.0
    retry_after_s: float = _REOPEN_FIRST_S
    trouble: str | None = None

    def count(self) -> None:
        """Add what the kernel counted since the last time."""
        if self.opened is not None:
            counts = afpacket.read_counts(self.opened.socket)
            self.received += counts.received
            self.dropped += counts.dropped
            self.frozen += counts.frozen


class LiveSource:
    """Frames of *interfaces*, each from a ring that *open_ring* gives.

    An interface that goes down is waited for, one that is gone is opened again when it is back, even under another
    index. ``trouble`` says what is amiss with each.

    Raises:
        SourceError: an interface cannot be opened at the start; later that is waited for.
    """

    def __init__(self, interfaces: Sequence[str], open_ring: OpenRing) -> None:
        self._open_ring = open_ring
        self._poll = select.poll()
        self._watched = [_Watched(interface) for interface in interfaces]
        self._check_at_s = 0.0
        try:
            for watched in self._watched:
                self._open(watched)
        except SourceError:
            self.close()
            raise

    def read(self, timeout_s: float, sluice: Sluice | None = None) -> Iterator[Frame]:
        """Wait up to *timeout_s*, then yield what the rings hold: one round of each at most.

        A frame's data dies at the next frame. Those that *sluice* takes are done with.
        """
        if self._poll.poll(max(0.0, timeout_s) * 1000):
            for watched in self._watched:
                if watched.ring is not None:
                    yield from watched.ring.frames(sluice)
            self._clear_errors()
        if time.monotonic() >= self._check_at_s:
            self._check()

    def statistics(self) -> list[LinkStatistics]:
        """Counters and state of each interface, in the order given."""
        for watched in self._watched:
            watched.count()
        return [LinkStatistics(w.interface, w.received, w.dropped, w.frozen, w.up) for w in self._watched]

    def trouble(self) -> dict[str, str]:
        """For each interface that is not captured now: why, and what is being done about it."""
        return {watched.interface: watched.trouble for watched in self._watched if watched.trouble}

    def close(self) -> None:
        """Close every ring; safe to call twice."""
        for watched in self._watched:
            self._shut(watched)

    def _open(self, watched: _Watched) -> None:
        opened = self._open_ring(watched.interface)
        try:
            watched.ring = Ring(afpacket.map_ring(opened), opened.geometry, opened.linktype, opened.interface)
        except OSError as error:
            opened.socket.close()
            raise SourceError(f"{watched.interface}: the ring cannot be mapped: {error.strerror or error}") from None
        watched.opened = opened
        self._poll.register(opened.socket, select.POLLIN | select.POLLERR)
        self._see(watched)

    def _shut(self, watched: _Watched) -> None:
        if watched.opened is None or watched.ring is None:
            return
        watched.count()
        self._poll.unregister(watched.opened.socket)
        watched.ring.close()
        watched.opened.socket.close()
        watched.opened = watched.ring = None
        watched.up = False

    def _check(self) -> None:
        """Look after the interfaces: a change of state, one that is gone, one that is back."""
        now_s = time.monotonic()
        self._check_at_s = now_s + _CHECK_EVERY_S
        for watched in self._watched:
            if watched.opened is not None:
                self._see(watched)
            elif now_s >= watched.retry_at_s:
                self._reopen(watched, now_s)

    def _see(self, watched: _Watched) -> None:
        index, flags = _state(watched.interface)
        if watched.opened is None or index != watched.opened.index:
            if watched.trouble == _GONE:  # noticed before: what was left in the ring has been read since
                self._shut(watched)
            watched.trouble = _GONE
            watched.up = False
            return
        watched.up = flags & _UP_AND_RUNNING == _UP_AND_RUNNING
        watched.trouble = None if watched.up else "the interface is down; waiting for it to come up"

    def _reopen(self, watched: _Watched, now_s: float) -> None:
        """Open an interface that is back; one that is gone costs no question to the opener."""
        if _state(watched.interface)[0] is None:
            return
        try:
            self._open(watched)
            watched.retry_after_s = _REOPEN_FIRST_S
        except SourceError as error:
            watched.trouble = f"{error}; tried again every {watched.retry_after_s:g} s"
            watched.retry_at_s = now_s + watched.retry_after_s
            watched.retry_after_s = min(_REOPEN_MOST_S, watched.retry_after_s * 2)

    def _clear_errors(self) -> None:
        """Take ENETDOWN off the sockets, or the poller would wake for it for ever, and look at once."""
        for watched in self._watched:
            if watched.opened and watched.opened.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._check_at_s = 0.0


def _state(interface: str) -> tuple[int | None, int]:
    """The interface's index, None if there is no such interface, and its flags."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("=16s24x", interface.encode()))
        return socket.if_nametoindex(interface), int(struct.unpack_from("=H", answer, 16)[0])
    except OSError:
        return None, 0


def open_directly(
    interfaces: Sequence[str], options: afpacket.RingOptions, young: YoungStreams | None = None
) -> LiveSource:
    """A source for a process that has the right to capture itself."""
    return LiveSource(interfaces, lambda interface: afpacket.open_ring(interface, options, young))
