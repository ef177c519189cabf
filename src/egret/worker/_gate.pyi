# The gate, compiled from native/: as egret.track.copies.Copies and egret.worker.sluice.Sluice, plain look-ups included.
# A secret is 16 bytes that nobody outside knows.

from collections.abc import Callable, Sequence
from mmap import mmap
from typing import Self

from egret.sources.base import Clock

class Copies:
    def __new__(cls, limit: int, window_ns: int, secret: bytes) -> Self: ...
    @property
    def limit(self) -> int: ...
    @property
    def window_ns(self) -> int: ...
    def __len__(self) -> int: ...
    def seen(self, ends: bytes, payload: bytes, time_ns: int, /) -> bool: ...

class Sluice:
    def __new__(
        cls,
        *,
        consider: Callable[[bytes], object],
        wanted: Callable[[bytes, bool], bool],
        defer: Callable[[bytes, int, bytes], object],
        copies: Copies,
        segment: Callable[..., bool],
        tick: Callable[[int], int],
        watched: Callable[[bytes], int],
        measured: Callable[[bytes], bool],
        secret: bytes,
    ) -> Self: ...
    @property
    def segments(self) -> int: ...
    @property
    def datagrams(self) -> int: ...
    @property
    def last_ns(self) -> int: ...
    def pcap(self, window: bytes, position: int, order: str, header: int, scale: int, /) -> tuple[int, int]: ...
    def pcapng(self, window: bytes, position: int, order: str, clocks: Sequence[Clock], /) -> tuple[int, int]: ...
    def ring(
        self, memory: mmap | bytearray, position: int, count: int, end: int, interface: str, /
    ) -> tuple[int, int]: ...
    def skip(
        self,
        buffer: bytes | bytearray | mmap,
        start: int,
        end: int,
        time_ns: int,
        wire_length: int,
        interface: str | None = None,
        /,
    ) -> bool: ...
    def forget_quiet(self) -> None: ...
    def forget_ends(self) -> None: ...
    def forget_names(self) -> None: ...
    def take_counts(self) -> tuple[int, int, int, int, int, int]: ...
