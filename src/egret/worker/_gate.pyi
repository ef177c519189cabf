# The gate, compiled from native/: as egret.track.copies.Copies and egret.worker.sluice.Sluice, plain look-ups included.
# A secret is 16 bytes that nobody outside knows.

from collections import Counter
from collections.abc import Callable, Collection, Container, Sequence
from mmap import mmap
from typing import Self

from egret.decode.packet import Packet
from egret.decode.plain_hello import Plain
from egret.sources.base import Clock
from egret.track.tables import Memory
from egret.track.volume import Volumes
from egret.worker.quick import Opened

SOURCES: int

class Copies:
    def __new__(cls, limit: int, window_ns: int, secret: bytes) -> Self: ...
    @property
    def limit(self) -> int: ...
    @property
    def window_ns(self) -> int: ...
    def __len__(self) -> int: ...
    def seen(self, ends: bytes, payload: bytes, time_ns: int, /) -> bool: ...

class Waiting:
    def __new__(cls, limit: int) -> Self: ...
    @property
    def limit(self) -> int: ...
    def __len__(self) -> int: ...
    def add(self, client: bytes, time_ns: int, wire: bytes, /) -> None: ...
    def take(self, client: bytes, /) -> list[tuple[int, bytes]]: ...
    def take_dropped(self) -> int: ...

class Mapping:
    def __new__(cls, descriptor: int, offset: int, size: int) -> Self: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    @property
    def broken(self) -> bool: ...

class Sluice:
    def __new__(
        cls,
        *,
        apart: bytes,
        versions: bytes,
        consider: Callable[[bytes], object],
        wanted: Callable[[bytes, bool], bool],
        waiting: Waiting,
        copies: Copies,
        segment: Callable[..., bool] | Quick,
        tick: Callable[[int], int],
        watched: Callable[[bytes], int],
        measured: Callable[[bytes], bool],
        measure: Callable[[bytes, int, int, int, int, int], object],
        secret: bytes,
    ) -> Self: ...
    @property
    def segments(self) -> int: ...
    @property
    def datagrams(self) -> int: ...
    @property
    def last_ns(self) -> int: ...
    def pcap(
        self, window: bytes | memoryview, position: int, order: str, header: int, scale: int, /
    ) -> tuple[int, int]: ...
    def pcapng(
        self, window: bytes | memoryview, position: int, order: str, clocks: Sequence[Clock], /
    ) -> tuple[int, int]: ...
    def ring(
        self, memory: mmap | bytearray, position: int, count: int, end: int, interface: str, /
    ) -> tuple[int, int]: ...
    def skip(
        self,
        buffer: bytes | bytearray | mmap | memoryview,
        start: int,
        end: int,
        time_ns: int,
        wire_length: int,
        interface: str | None = None,
        /,
    ) -> bool: ...
    def map(self, descriptor: int, offset: int, size: int, /) -> Mapping: ...
    def forget_quiet(self) -> None: ...
    def forget_ends(self) -> None: ...
    def forget_names(self) -> None: ...
    def take_counts(self) -> tuple[int, int, int, int, int, int]: ...

class Remembered:  # as egret.track.tables.Remembered
    on_forgetting: Callable[[], object] | None
    def __new__(cls, name: str, limit: int, evictions: Counter[str], /) -> Self: ...
    def __len__(self) -> int: ...
    def get(self, key: int, /) -> int | None: ...
    def put(self, key: int, value: int, /) -> None: ...
    def forget(self, key: int, /) -> None: ...

class Quick:  # as egret.worker.quick.Quick; it looks up itself what Greetings knows
    def __new__(
        cls,
        *,
        volumes: Volumes,
        decided: Memory,
        late: Memory,
        flows: Collection[int],
        hosts: dict[bytes, bool],
        clients: dict[bytes, bool],
        servers: dict[bytes, bool],
        watched: Container[bytes],
        armed: Container[bytes],
        told: Callable[[bytes, int, bytes, bytes, int, int, int], bool],
        packets: Callable[[Opened, bytes, bool, Sequence[tuple[int, bytes]]], list[Packet]],
        limit: int,
        secret: bytes,
    ) -> Self: ...
    def __len__(self) -> int: ...
    def segment(
        self,
        buffer: bytes | bytearray | mmap | memoryview,
        at: int,
        end: int,
        ends: bytes,
        seq: int,
        flags: int,
        time_ns: int,
        interface: str | None = None,
        /,
    ) -> bool: ...
    def take(self, ends: bytes, /) -> list[Packet]: ...
    def take_all(self) -> list[Packet]: ...
    def take_counts(self) -> tuple[int, int]: ...

def read_plain(data: bytes, /) -> Plain | None: ...
def first_of_plain(data: bytes, /) -> int: ...
