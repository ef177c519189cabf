"""The sluice of one of several processes that read a capture: frames that another one has go no further.

The oracle of ``native/share.c``. To tell whose a frame is takes longer here than the frame, so no file is divided
without the compiled gate (``cli.division.pays``).
"""

from __future__ import annotations

from collections.abc import Callable

from egret.decode.link import ETHERNET
from egret.track.limits import SECOND_NS
from egret.track.share import EVERYONE, FOLLOWED, Share
from egret.worker.datagrams import Datagrams
from egret.worker.plain import Buffer
from egret.worker.quick import Holder
from egret.worker.sluice import Sluice


class SharedSluice(Sluice):
    """As ``Sluice``, for a share."""

    def __init__(
        self,
        share: Share,
        datagrams: Datagrams,
        quick: Holder,
        tick: Callable[[int], int],
        watched: Callable[[bytes], frozenset[int] | None],
        measured: Callable[[bytes], bool],
        measure: Callable[[bytes, int, int, int, int, int], object],
    ) -> None:
        super().__init__(datagrams, quick, tick, watched, measured, measure)
        self._share = share
        self.opens = datagrams.opens = False  # whose that is, is not told here: all would count it

    def pcap(
        self,
        window: bytes | memoryview,
        position: int,
        order: str,
        header: int,
        scale: int,
        linktype: int = ETHERNET,
    ) -> tuple[int, int]:
        """As ``Sluice.pcap``."""
        return self._one_by_one(window, position, order, header, scale, linktype)

    def skip(
        self,
        buffer: Buffer,
        start: int,
        end: int,
        time_ns: int,
        wire_length: int,
        interface: str | None = None,
        linktype: int = ETHERNET,
    ) -> bool:
        """As ``Sluice.skip``; also True of a frame that another process has."""
        whose = self._share.whose(buffer, start, end, linktype)
        if whose in {EVERYONE, self._share.number}:
            return super().skip(buffer, start, end, time_ns, wire_length, interface, linktype)
        self.last_ns = time_ns
        if not self._second_ns - SECOND_NS < time_ns < self._second_ns + SECOND_NS:
            self._second_ns = self._tick(time_ns)
        self.foreign += whose != FOLLOWED
        return whose != FOLLOWED
