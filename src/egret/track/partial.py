"""The observer of one of several processes that read a capture: its own connections, and everybody's look-ups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from egret.decode.dns import looks_like_dns
from egret.decode.packet import Packet
from egret.model import Event, Transport
from egret.track.limits import Limits
from egret.track.observer import LOCAL_DISCOVERY, STEP_BACK_NS, Observer, is_hello
from egret.track.share import DNS_PORT, Share, is_followed
from egret.value import replace

# Bounds of what each process has of its own connections only.
_TCP = ("flows", "http_flows", "http2_sessions", "httpdns")
_ENTRIES = (*_TCP, "quic_flows", "dtls_flows", "volume_peers", "volume_flows")
_BYTES = ("stream_bytes", "http_bytes", "quic_bytes", "dtls_bytes")
_READ = ("answers", "ech_names", "ech_configs")  # once a connection of its own asks


class Remembers(NamedTuple):
    """How many entries there were at the most of what is remembered of connections for good."""

    decided: int
    late_hellos: int


class PartialObserver(Observer):
    """Of packets that are others' it takes no more than what they teach.

    As long as every share's ``evictions`` are 0, and what all of them remember is no more than a generation, nothing is
    forgotten by one that has all: it holds no more than they hold together, and less of the answers that wait.
    """

    def __init__(
        self,
        share: Share,
        limits: Limits,
        flagged: Callable[[str], bool] | None = None,
        measured: Callable[[str], bool] | None = None,
    ) -> None:
        super().__init__(_divided(limits, share.of), flagged, measured)
        self.share = share
        young = self._streams.young
        self._memories = young.decided, young.late.table
        self._most = [0, 0]
        self.went_back = False  # the time of frames, by a second or more, and what waits is no more in its order

    @property
    def evictions(self) -> int:
        """How much was forgotten because a bound was reached."""
        self._lookups.deferred.count()
        return sum(self._counters.evictions.values()) + self._fragments.evictions

    @property
    def remembers(self) -> Remembers:
        """How much is remembered of connections, two generations of it."""
        self._note()
        return Remembers(*self._most)

    def watch_memory(self) -> None:
        """Know of ``remembers`` whatever is forgotten meanwhile; once somebody else was told of that."""
        for memory in self._memories:
            memory.on_forgetting = partial(self._forget, memory.on_forgetting)

    def _forget(self, call: Callable[[], object] | None) -> None:
        self._note()
        if call is not None:
            call()

    def _note(self) -> None:
        self._most = [max(most, len(memory)) for most, memory in zip(self._most, self._memories, strict=True)]

    def tick(self, time_ns: int) -> list[Event]:
        """As ``Observer.tick``; in order are those that wait once more when all of them begin to wait anew."""
        self.went_back |= self.is_due(time_ns) and 0 < self._ticked_ns - time_ns <= STEP_BACK_NS
        return super().tick(time_ns)

    @property
    def adopted(self) -> bool:
        """Whether look-ups were read that only this process could know for such."""
        return self._dns.adopted

    def feed_packet(self, packet: Packet) -> list[Event]:
        """As ``Observer.feed_packet``; of a packet that is another's, what all take of it."""
        return super().feed_packet(packet) if self._has(packet) else self._packet(packet)

    def _packet(self, packet: Packet) -> list[Event]:
        if self._has(packet) or (packet.transport is Transport.TCP and is_followed(packet.source, packet.destination)):
            return super()._packet(packet)
        return self._overheard(packet)

    def _has(self, packet: Packet) -> bool:
        return self.share.has(packet.source, packet.destination)

    def _overheard(self, packet: Packet) -> list[Event]:
        if packet.transport is Transport.UDP:
            return self._lookup(packet) if _is_lookup(packet) else []
        if DNS_PORT not in {packet.source.port, packet.destination.port}:
            return []
        events = self._dns.feed(packet)
        if events is None:
            self._dns.released()  # they are another's
        return events or []


def _is_lookup(packet: Packet) -> bool:
    """Whether ``Observer`` takes a datagram for a look-up."""
    payload, ports = packet.payload, {packet.source.port, packet.destination.port}
    if DNS_PORT in ports and not is_hello(payload):
        return True
    return not ports & LOCAL_DISCOVERY and looks_like_dns(payload)


def _divided(limits: Limits, of: int) -> Limits:
    """The bounds of one of so many; what it remembers in two generations is one of all."""
    shares = {name: getattr(limits, name) // of for name in (*_ENTRIES, *_BYTES, *_READ)}
    return replace(limits, **shares, decided=limits.decided // 2, late_hellos=limits.late_hellos // 2)
