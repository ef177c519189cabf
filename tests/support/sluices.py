"""Both gates, in Python and compiled, over the same bytes; what each says and asks."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

from bench import workloads
from egret.decode.plain_noise import PROTOCOLS, TYPES
from egret.track.copies import Copies
from egret.track.observer import LOCAL_DISCOVERY
from egret.track.quic import QUIC_PORTS
from egret.track.waiting import Waiting, Waits
from egret.worker.datagrams import APART, VERSIONS, Datagrams, bitmap
from egret.worker.gate import AWAITED
from egret.worker.plain import Buffer, PlainLookups
from egret.worker.sluice import Sluice
from tests.support.datagram_bulk import datagrams
from tests.support.dns_answers import answers
from tests.support.headers import wrapped as behind_headers
from tests.support.links import LINKS
from tests.support.noise import FRAMES, PACKETS

if TYPE_CHECKING:
    from types import ModuleType

    from egret.worker import _gate

START_S = 1_700_000_000
PREFIXES = (b"\xc0\0\2", b"\x20\1\x0d\xb8" * 3 + b"\xc0\0\2")  # of clients
SECRET = b"known to nobody."
CLOCKS = [(1, 1, 1, 0, "lan0"), (1, 1_000_000_000, 1 << 20, -5, None), (101, 1, 1, 0, None), (1, 10, 1, 50, "lan1")]


class Watch:
    """A sluice that knows two quiet directions, and who asked."""

    def __init__(self, compiled: ModuleType | None = None, copies: int = 1000, kept: int = 1 << 20) -> None:
        self.ticks: list[int] = []
        self.asked: list[object] = []  # what it said to quick
        self.names: list[str] = []  # that it asked about, of messages that may not be plain in the end
        self.waiting: Waits
        self.sluice: Sluice | _gate.Sluice
        if compiled is None:
            waiting = self.waiting = Waiting(kept)
            plain = PlainLookups(Copies(copies, 1_000_000_000), waiting.add_all, self._flagged, self._wanted)
            datagrams = Datagrams(plain, self._begins, self._measured, self._measure)
            self.sluice = Sluice(datagrams, self, self._tick, self._watched, self._measured, self._measure)
        else:
            self.waiting = compiled.Waiting(kept)
            self.sluice = compiled.Sluice(
                apart=bitmap(APART),
                local=bitmap(LOCAL_DISCOVERY),
                versions=bitmap(VERSIONS),
                expected=bitmap(QUIC_PORTS),
                types=bitmap(TYPES),
                protocols=bitmap(PROTOCOLS),
                pairs=None,
                begins=self._begins,
                flagged=self._flagged,
                wanted=self._wanted,
                waiting=self.waiting,
                copies=compiled.Copies(copies, 1_000_000_000, SECRET),
                segment=self.segment,
                tick=self._tick,
                watched=lambda ends: -1 if (watched := self._watched(ends)) is None else AWAITED.index(watched),
                measured=self._measured,
                measure=self._measure,
                weigh=self._measure,
                secret=SECRET,
            )

    def segment(
        self,
        buffer: Buffer,
        at: int,
        end: int,
        ends: bytes,
        seq: int,
        flags: int,
        time_ns: int,
        interface: str | None = None,
    ) -> bool:
        self.asked.append((bytes(buffer[at:end]), ends, seq, flags, time_ns, interface))
        return seq % 3 == 0

    def _begins(self, *asked: object) -> bool:
        self.asked.append(asked)
        return len(self.asked) % 3 == 0

    def _flagged(self, name: str) -> bool:
        self.names.append(name)
        return crc32(name.encode()) % 8 == 0

    def _wanted(self, ends: bytes, answer: bool) -> bool:
        return answer and ends[0] == 10

    def _measured(self, ends: bytes) -> bool:
        return ends[3] % 8 in {3, 6}

    def _measure(self, *segment: object) -> None:
        self.asked.append(segment)

    def _tick(self, time_ns: int) -> int:
        self.ticks.append(time_ns)
        return time_ns - time_ns % 1_000_000_000

    def _watched(self, ends: bytes) -> frozenset[int] | None:
        return {3: AWAITED[1], 4: AWAITED[0], 5: AWAITED[2], 6: AWAITED[1]}.get(ends[3] % 8)

    def said(self) -> tuple[object, ...]:
        """All that it ever said, since the last time but for ``asked`` and ``ticks``."""
        told = [self.waiting.take(prefix + bytes([last])) for prefix in PREFIXES for last in range(256)]
        waited = told, len(self.waiting), self.waiting.take_dropped()
        return self.sluice.take_counts(), self.sluice.last_ns, self.ticks, self.asked, waited


def bulk(last: int, payload: bytes = bytes(300), flags: int = 16) -> bytes:
    """A segment from 192.0.2.*last*."""
    return workloads.tcp_segment(0xC0000200 | last, 0xCB007105, 40_000, 7, flags, payload)


def as_ipv6(frame: bytes) -> bytes:
    """The same packet, between other addresses."""
    header = b"\x60\0\0\0" + (int.from_bytes(frame[16:18]) - 20).to_bytes(2) + frame[23:24] + b"\x40"
    ends = b"\x20\1\x0d\xb8" * 3 + frame[26:30] + b"\x20\1\x0d\xb8" * 3 + frame[30:34]
    return frame[:12] + b"\x86\xdd" + header + ends + frame[34:]


@lru_cache
def ordinary() -> Sequence[bytes]:
    """Look-ups, beginnings of connections, and bulk."""
    chance = random.Random(5)
    frames = [*islice(workloads.dns(chance), 60), *islice(workloads.tls(chance), 12)]
    for last in (3, 4, 4, 5, 6, 7):
        for payload in (bytes(300), b"\x16\3\1" + bytes(290), b"GET /", b"put", b""):
            frames += [bulk(last, payload), bulk(last, payload, 17), bulk(last, payload) + b"\x16padding"]
    frames += chance.sample(list(datagrams()), 100)
    frames += answers()
    frames += PACKETS
    return [*frames, *map(as_ipv6, frames)]


Record = tuple[bytes, int, int]  # what was captured, how long it was, nanoseconds since the start


def mutated(seed: int, link: str = "ethernet") -> list[Record]:
    """Ordinary frames of a link (``tests.support.links``), some of them broken in some way."""
    chance, wrapped = random.Random(seed), LINKS[link][1]
    records, time_ns = [], 0
    for _ in range(chance.randrange(1, 60)):
        is_of_link = link == "ethernet" and chance.random() < 0.1
        plain = chance.choice(ordinary())
        if chance.random() < 0.2:
            plain = behind_headers(plain, chance)
        frame = bytearray(chance.choice(FRAMES) if is_of_link else wrapped(plain))
        for _ in range(chance.choice((0, 0, 0, 1, 1, 3))):
            frame[chance.randrange(len(frame))] = chance.choice((0, 1, 4, 5, 6, 0x35, 0x80, 0xC0, 0xFF))
        kept = bytes(frame[: chance.choice((len(frame), len(frame), chance.randrange(len(frame)), 40, 54, 60))])
        time_ns += chance.choice((0, 1000, 10_000_000, 400_000_000, 1_500_000_000, -300_000_000))
        records.append((kept, chance.choice((len(frame), len(kept))), max(0, time_ns)))
        if chance.random() < 0.2:
            records.append(records[chance.randrange(len(records))])
    return records


def as_pcap(records: Sequence[Record], order: str, header: int, scale: int) -> bytes:
    """The records of a pcap file, without the file's header."""
    data = b""
    for frame, original, time_ns in records:
        seconds, fraction = divmod(START_S * 1_000_000_000 + time_ns, 1_000_000_000)
        layout = f"{order}IIII{header - 16}x"
        data += struct.pack(layout, seconds, fraction // scale, len(frame), original) + frame
    return data


def as_pcapng(records: Sequence[Record], order: str, interface: int = 3) -> bytes:
    """The Enhanced Packet Blocks of a pcapng file, with the clock of one of ``CLOCKS``."""
    data = b""
    for frame, original, time_ns in records:
        high, low = divmod((START_S * 1_000_000_000 + time_ns - 50) // 10, 1 << 32)
        size = 32 + len(frame) + -len(frame) % 4
        data += struct.pack(order + "IIIIIII", 6, size, interface, high, low, len(frame), original) + frame
        data += bytes(-len(frame) % 4) + struct.pack(order + "I", size)
    return data


def as_ring(records: Sequence[Record]) -> bytearray:
    """What the kernel would write into a block, behind its header."""
    memory = bytearray()
    for frame, original, time_ns in records:
        seconds, fraction = divmod(START_S * 1_000_000_000 + time_ns, 1_000_000_000)
        memory += struct.pack("=IIIIIIH56x", 82 + len(frame), seconds, fraction, len(frame), original, 0, 82) + frame
    return memory


def damaged(data: bytes | bytearray, chance: random.Random) -> bytes:
    """Some bytes of it changed, its end cut off; or nothing."""
    odd = bytearray(data)
    for _ in range(chance.choice((0, 0, 1, 4))):
        odd[chance.randrange(len(odd))] = chance.randrange(256)
    return bytes(odd[: chance.choice((len(odd), chance.randrange(len(odd))))])


def runs(compiled: ModuleType | None, seed: int) -> list[object]:
    """All that one gate says over one seed's bytes, in each format, going on a step behind each stop."""
    chance = random.Random(seed)
    link = chance.choice(("ethernet", "ethernet", *LINKS))
    linktype, records = LINKS[link][0], mutated(seed, link)
    watch, said = Watch(compiled, chance.choice((1, 3, 1000)), chance.choice((300, 2000, 1 << 20))), list[object]()
    order, header, scale = chance.choice("<>"), chance.choice((16, 24)), chance.choice((1, 1000))
    pcap, pcapng = as_pcap(records, order, header, scale), as_pcapng(records, order, chance.choice((0, 1, 2, 3)))
    for data in (pcap, damaged(pcap, chance)):
        position = 0
        while position < len(data):
            said.append((position, stop := watch.sluice.pcap(data, position, order, header, scale, linktype)))
            captured = struct.unpack_from(order + "I", data + bytes(16), stop[0] + 8)[0]
            position = stop[0] + header + min(captured, 5000)
    for data in (pcapng, damaged(pcapng, chance)):
        position = 0
        while position < len(data):
            said.append((position, stop := watch.sluice.pcapng(data, position, order, CLOCKS)))
            position = stop[0] + max(12, min(struct.unpack_from(order + "I", data + bytes(8), stop[0] + 4)[0], 5000))
    for memory in (as_ring(records), bytearray(damaged(as_ring(records), chance))):
        position = 0
        while position < len(memory):
            said.append((position, stop := watch.sluice.ring(memory, position, 1000, len(memory), "lan0", linktype)))
            if stop[0] >= len(memory):  # a step that was damaged
                break
            position = stop[0] + max(26, min(struct.unpack_from("=I", memory + bytes(4), stop[0])[0], 5000))
    for data, original, time_ns in records:
        said.append(watch.sluice.skip(data, 0, len(data), START_S + time_ns, original, "lan0", linktype))
    return [*said, watch.said()]
