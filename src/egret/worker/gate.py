"""The gate: a frame that can change nothing but a count goes no further than this.

Nearly all frames are of two kinds. One is a segment of a TCP connection that is decided already, or one that carries
nothing. The other is a look-up of a name that no signature names, in a message of the plainest shape. The gate tells
both by a few tests on the frame where it lies, without an object, counts them, and lets everything else through:
whatever it does not know for sure is the observer's. With and without it a capture gives the same hits and the same
counts (tests/property/test_gate.py).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from egret.decode.plain_lookup import read_question
from egret.decode.plain_noise import PROTOCOLS, TYPES
from egret.model import Kind, Protocol, Transport
from egret.track.direction import opposite
from egret.track.heard import Overheard
from egret.track.late import LATE_START, RECORD_START
from egret.track.observer import LOCAL_DISCOVERY, Observer
from egret.track.quic import QUIC_PORTS
from egret.track.share import PORTS, SERVERS, Share
from egret.worker import engine
from egret.worker.beside import Beside
from egret.worker.datagrams import APART, VERSIONS, Datagrams, bitmap
from egret.worker.dns_talks import DnsTalks
from egret.worker.plain import plain_lookups
from egret.worker.quick import Quick
from egret.worker.shared_sluice import SharedSluice
from egret.worker.sluice import Sluice

if TYPE_CHECKING:
    from egret.worker import _gate

_NOTHING = memoryview(b"")
AWAITED = (frozenset[int](), RECORD_START, LATE_START)  # the first bytes that may matter in a direction


class Gate:
    """Knows what one observer waits for; its ``sluice`` goes over frames.

    Args:
        observer: what sees the frames that are let through.
        flagged: whether a signature names a host.
        matters: whether any question of a client does, or any answer that a server gives it (packed addresses).
        quick: holds what TCP connections begin with.
        tick: has the observer look about at a time (``Observer.tick``), and keeps what it says.
        counts: where names are counted, under the pipeline's keys.
        share: of several processes, which this is.
    """

    def __init__(
        self,
        observer: Observer,
        flagged: Callable[[str], bool],
        matters: Callable[[bytes, bytes | None], bool],
        quick: Quick | _gate.Quick,
        tick: Callable[[int], object],
        counts: Counter[tuple[str, ...]],
        share: Share | None = None,
    ) -> None:
        self._observer = observer
        self._share = share
        self._streams = observer.streams
        self._volumes = observer.volumes
        self._matters = matters
        self._look_about = tick
        self._counts = counts
        self.settled = 0  # frames that went no further, as far as they were settled
        self._quick = quick
        self._flagged = flagged
        self.sluice = self._compiled() if engine.is_compiled() else self._pure()
        observer.streams.on_change(self.sluice.forget_quiet)
        observer.volumes.on_arming = self._forget_ends

    def _pure(self) -> Sluice:
        plain = plain_lookups(self._observer.lookups, self._flagged, self._is_wanted)
        datagrams = Datagrams(plain, self._observer.quic.pass_over, self._is_measured, self._volumes.feed_datagram)
        around = datagrams, self._quick, self._tick, self._watched, self._is_measured, self._volumes.feed_segment
        sluice = Sluice(*around) if self._share is None else SharedSluice(self._share, *around)
        if isinstance(self._quick, Quick):
            sluice.trust(self._quick.fresh, self._is_left, self._quick.run)
            self._quick.meters = True
            dns = DnsTalks(self._observer.dns, plain)
            self._quick.beside = Beside(self._quick, dns, self._streams, self._is_measured).take
        return sluice

    def _compiled(self) -> _gate.Sluice:
        lookups, kept, secret = self._observer.lookups, self._observer.lookups.copies, os.urandom(16)
        copies = engine.compiled.Copies(kept.limit, kept.window_ns, secret)
        lookups.copies = copies
        waiting = engine.compiled.Waiting(lookups.deferred.waiting.limit)
        lookups.deferred.waiting = waiting
        sluice = engine.compiled.Sluice(
            apart=bitmap(APART),
            local=bitmap(LOCAL_DISCOVERY),
            versions=bitmap(VERSIONS),
            expected=bitmap(QUIC_PORTS),
            types=bitmap(TYPES),
            protocols=bitmap(PROTOCOLS),
            pairs=self._observer.quic.pairs,
            begins=self._observer.quic.pass_over,
            flagged=self._flagged,
            wanted=self._is_wanted,
            waiting=waiting,
            copies=copies,
            segment=self._quick.segment if isinstance(self._quick, Quick) else self._quick,
            tick=self._tick,
            watched=self._awaited,
            measured=self._is_measured,
            measure=self._volumes.feed_segment,
            weigh=self._volumes.feed_datagram,
            secret=secret,
        )
        if self._share is not None:
            sluice.divide(*self._share, PORTS, SERVERS)
        else:
            trains = engine.compiled.Trains(self._observer.fragments.table)
            self._observer.fragments.follow(trains)
            sluice.hold_fragments(trains)
        return sluice

    def listen(self) -> Callable[[], tuple[bytes, bytes] | None]:
        """Have look-ups of flagged names heard where they lie; what gives the one in the frame that came through.

        Who calls this takes what is heard with each frame, and does not have the observer look whether it is a copy.
        """
        if self._share is None:
            self.sluice.listen()
        return self.sluice.take_heard

    def hear_in_runs(self, on_run: Callable[[list[Overheard]], object]) -> None:
        """Have *on_run* called with look-ups of files that are heard one after the other; not all of them need come so.

        It is called before any packet is looked at that may depend on them, and they are counted already.
        """
        if self._share is None and not isinstance(self._quick, Quick):
            self.sluice.hear_in_runs(read_question, on_run)

    def _awaited(self, ends: bytes) -> int:
        """What ``_watched`` says, as the compiled gate knows it; less than nothing if everything is awaited."""
        watched = self._watched(ends)
        return -1 if watched is None else AWAITED.index(watched)

    def _tick(self, time_ns: int) -> int:
        """A frame of another second: the observer looks about before it."""
        self._look_about(time_ns)
        return self._observer.ticked_ns

    def _watched(self, ends: bytes) -> frozenset[int] | None:
        return self._streams.watched(hash(ends), hash(opposite(ends)))

    def _is_left(self, ends: bytes, starts: frozenset[int]) -> bool:
        """Whether a direction is as a plain hello or request left it just now: ``_watched`` would say *starts* of it.

        It was decided then, and nothing of it is followed. In its client's direction another hello may come, in its
        server's nothing; unless there are requests, or something was expected there before.
        """
        streams, key = self._streams, hash(ends)
        if key in streams.requested or key in streams.replied:
            return False
        return bool(starts) or streams.young.late.table.get(key) is None

    def _is_measured(self, ends: bytes) -> bool:
        """Whether the bytes of the addresses' traffic are counted."""
        if not self._volumes.active:
            return False
        size, armed = (len(ends) - 4) // 2, self._volumes.armed
        return ends[:size] in armed or ends[size:-4] in armed

    def _is_wanted(self, ends: bytes, answer: bool) -> bool:
        """Whether a look-up is more than its name: its bytes are counted, or it tells who speaks for others."""
        size = (len(ends) - 4) // 2
        source, destination = ends[:size], ends[size:-4]
        return self._is_measured(ends) or self._matters(*((destination, source) if answer else (source, None)))

    def _forget_ends(self) -> None:
        """Packets of another address begin to matter."""
        self.sluice.forget_quiet()
        self.sluice.forget_ends()

    def forget_names(self) -> None:
        """Other names are flagged now, or other clients are ours."""
        self.sluice.forget_names()

    def forget_clients(self) -> None:
        """Other look-ups matter now."""
        self.sluice.forget_ends()

    @property
    def last_ns(self) -> int:
        """When the last frame came, as far as it was asked about."""
        return self.sluice.last_ns

    @property
    def skipped(self) -> int:
        """Frames that went no further."""
        return self.settled + self.sluice.segments + self.sluice.datagrams + self.sluice.noise + self.sluice.foreign

    def settle(self) -> None:
        """Add to the counts what was skipped since the last time."""
        counters = self._observer.counted
        segments, datagrams, noise, octets, questions, answers, aliases, copies = self.sluice.take_counts()
        self.settled += segments + datagrams + noise
        counters.frames += segments + datagrams + noise
        counters.bytes += octets
        counters.packets[Transport.TCP] += segments
        counters.packets[Transport.UDP] += datagrams
        counters.duplicates += copies
        for kind, number in ((Kind.QUERY, questions), (Kind.ANSWER, answers), (Kind.CNAME, aliases)):
            if number:
                self._counts["names", Protocol.DNS, kind] += number
