"""The second ring: headers of flagged connections, from sockets whose filter follows what is flagged.

The sockets come from the opener, bound and with a filter that passes nothing. Whoever holds such a socket may replace
its filter without any right; docs/adr/0016-volume.md says what that means.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator, Sequence

from egret.errors import SourceError
from egret.model import Frame
from egret.sources import afpacket, kernel_filter
from egret.sources.afpacket import Opened, RingOptions
from egret.sources.live import LinkStatistics, LiveSource
from egret.sources.ring import Geometry
from egret.sources.volume_filter import MAX_ADDRESSES, program

OpenRing = Callable[[str], Opened]
_BLOCK, _RETIRE_MS = 1 << 16, 20  # small: a block is handed over after that time however little is in it


def ring_options(megabytes: int) -> RingOptions:
    """How the opener opens such a ring."""
    geometry = Geometry(block_size=_BLOCK, blocks=max(4, megabytes * (1 << 20) // _BLOCK), retire_ms=_RETIRE_MS)
    return RingOptions(filter=kernel_filter.NOTHING, geometry=geometry, locked=False)


class VolumeRing:
    """Headers from *interfaces*, as ``LiveSource`` gives frames; of nothing until ``follow`` says of what.

    Raises:
        SourceError: an interface cannot be opened.
    """

    def __init__(self, interfaces: Sequence[str], open_ring: OpenRing) -> None:
        self._open_ring = open_ring
        self._opened: dict[str, Opened] = {}
        self._addresses: Sequence[bytes] = ()
        self._capacity = MAX_ADDRESSES
        self._source = LiveSource(interfaces, self._open)

    def _open(self, interface: str) -> Opened:
        """Open one, also when it comes back: what is followed then is followed there."""
        opened = self._opened[interface] = self._open_ring(interface)
        try:
            self._attach(opened)
        except SourceError:
            opened.socket.close()
            raise
        return opened

    def follow(self, addresses: Sequence[bytes]) -> int:
        """Pass what flows to and from these packed addresses from now on; the last of them matter most.

        Returns:
            How many of them the kernel has no room for.
        """
        self._addresses = addresses[-MAX_ADDRESSES:]
        for opened in self._opened.values():
            self._attach(opened)
        return max(0, len(addresses) - self._capacity)

    def _attach(self, opened: Opened) -> None:
        """Replace one filter. The memory of filters is bounded (net.core.optmem_max): with too little, fewer fit."""
        while opened.socket.fileno() >= 0:
            wanted = self._addresses[-self._capacity :]
            try:
                afpacket.attach(opened.socket, program(wanted, opened.linktype))
            except OSError as error:
                if error.errno != errno.ENOMEM or self._capacity == 1:
                    raise SourceError(f"{opened.interface}: no filter for volumes: {error.strerror}") from None
                with contextlib.suppress(OSError):  # the old filter's memory counts until it is gone
                    afpacket.attach(opened.socket, kernel_filter.nothing(opened.linktype))
                self._capacity = max(1, min(self._capacity, len(wanted)) * 3 // 4)
            else:
                return

    def read(self) -> Iterator[Frame]:
        """The headers that are there now; never waits."""
        return self._source.read(0)

    def statistics(self) -> list[LinkStatistics]:
        """Counters of each interface's second ring."""
        return self._source.statistics()

    def close(self) -> None:
        """Let go of sockets and memory."""
        self._source.close()
