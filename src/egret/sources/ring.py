"""A TPACKET_V3 receive ring: shared memory in which the kernel fills blocks of frames.

A block belongs to the kernel or to us, as its status word says. We walk the frames of a block that is ours in
place, without a copy, and hand the block back behind the last. Layouts: linux/if_packet.h, native byte order.

Ref: Linux Documentation/networking/packet_mmap.rst.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import NamedTuple

from egret.model import Frame
from egret.sources.base import Sluice

_USER = 1  # TP_STATUS_USER: the block is ours
_KERNEL = 0
_VLAN_VALID = 0x10  # TP_STATUS_VLAN_VALID
_VLAN_ID = 0x0FFF
_STATUS_AT, _COUNT_AT = 8, 12  # in struct tpacket_block_desc
_HEADER = struct.Struct("=IIIIIIHHII")  # struct tpacket3_hdr up to hv1.tp_vlan_tci
_COUNT_AND_FIRST = struct.Struct("=II")
_STATUS = struct.Struct("=I")
_NS = 1_000_000_000


class Geometry(NamedTuple):
    """How a ring's memory is cut.

    A block is handed over when it is full or old, so on a quiet link a reader that stops for longer than ``blocks``
    times ``retire_ms`` loses frames however much room they hold: many small blocks ride out a longer pause.
    """

    block_size: int = 1 << 18  # a power of two; 256 KB or more, so that a 64 KB super-packet fits whole
    blocks: int = 128
    retire_ms: int = 30  # a block with anything in it is handed over this late at most
    frame_size: int = 2048  # only a divisor for the kernel's own arithmetic: V3 packs frames tightly

    @classmethod
    def of(cls, megabytes: int) -> Geometry:
        """A ring of about *megabytes*; at least four blocks, or a burst finds no free one."""
        return cls(blocks=max(4, 4 * megabytes))

    @property
    def size(self) -> int:
        """Bytes of the whole ring."""
        return self.block_size * self.blocks

    def request(self) -> bytes:
        """``struct tpacket_req3`` for PACKET_RX_RING."""
        frames = self.size // self.frame_size
        return struct.pack("=7I", self.block_size, self.blocks, self.frame_size, frames, self.retire_ms, 0, 0)


class Ring:
    """The reader of one ring. *memory* is the socket's mapping, or any buffer laid out like one."""

    def __init__(self, memory: mmap.mmap | bytearray, geometry: Geometry, linktype: int, interface: str) -> None:
        self._memory = memory
        self._view = memoryview(memory)
        self._geometry = geometry
        self._linktype = linktype
        self._interface = interface
        self._next = 0

    def frames(self, sluice: Sluice | None = None) -> Iterator[Frame]:
        """Every frame of the blocks that are ours now, at most one round; a frame's data dies at the next.

        *sluice* takes those that no Frame need be made of.
        """
        for _ in range(self._geometry.blocks):
            start = self._next * self._geometry.block_size
            if not _STATUS.unpack_from(self._memory, start + _STATUS_AT)[0] & _USER:
                return
            try:
                yield from self._block(start, sluice)
            finally:
                _STATUS.pack_into(self._memory, start + _STATUS_AT, _KERNEL)
                self._next = (self._next + 1) % self._geometry.blocks

    def _block(self, start: int, sluice: Sluice | None) -> Iterator[Frame]:
        count, first = _COUNT_AND_FIRST.unpack_from(self._memory, start + _COUNT_AT)
        memory, view, unpack, linktype, interface = (
            self._memory, self._view, _HEADER.unpack_from, self._linktype, self._interface,
        )  # fmt: skip
        at, left, end = start + first, count, start + self._geometry.block_size
        while left > 0:
            if sluice is not None:
                at, taken = sluice.ring(memory, at, left, end, interface, linktype)
                left -= taken
                if left <= 0:
                    return
            left -= 1
            step, seconds, nanoseconds, kept, length, status, mac, _net, _hash, tci = unpack(memory, at)
            data, time_ns = at + mac, seconds * _NS + nanoseconds
            at += step
            vlan = (tci & _VLAN_ID or None) if status & _VLAN_VALID else None  # id 0 is a priority, not a network
            yield Frame(time_ns, linktype, view[data : data + kept], length, interface, vlan)

    def close(self) -> None:
        """Let go of the memory. What a consumer still holds of it stays mapped until it lets go as well."""
        self._view.release()
        if isinstance(self._memory, mmap.mmap):
            try:
                self._memory.close()
            except BufferError:
                return
