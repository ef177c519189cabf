"""Broken captures: whole ones, changed as disks, transfers and forgers change them. From a seed, always the same."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable, Iterator

from tests.support.net import block, enhanced, interface, pcap_bytes, section
from tests.support.reshape import SHAPES, packets
from tests.support.talks import talks
from tests.support.wraps import WRAPS

_Change = Callable[[bytearray, random.Random], None]
_LENGTHS = (0, 1, 7, 11, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)


def wholes() -> list[bytes]:
    """Captures of every conversation: classic in both orders, pcapng, gzip, snoop, odd link types."""
    inner = [packet for number, talk in enumerate(talks()) for packet in packets(talk, number, SHAPES["plain"])]
    frames = [WRAPS["Ethernet"].wrap(packet) for packet in inner]
    classic, modern = pcap_bytes(frames), _pcapng(frames)
    found = [classic, pcap_bytes(frames, order=">", magic=0xA1B23C4D), modern, _pcapng(frames, ">"), _snoop(frames)]
    found += [gzip.compress(classic), gzip.compress(modern)]
    for name in ("radiotap", "NFLOG", "Geneve", "GTP-U, extension", "ERF in pcap", "frame relay", "Linux cooked 2"):
        wrap = WRAPS[name]
        found.append(pcap_bytes([wrap.wrap(packet) for packet in inner[::3]], linktype=wrap.linktype))
    return found


def _pcapng(frames: list[bytes], order: str = "<") -> bytes:
    simple = block(3, struct.pack(order + "I", len(frames[0])) + frames[0], order)
    others = block(4, bytes(8), order) + block(10, b"TLSK" + bytes(12), order) + block(0xBAD, b"journal", order)
    packets_ = b"".join(enhanced(frame, number, order=order) for number, frame in enumerate(frames))
    return section(order) + interface(order=order) + others + simple + packets_


def _snoop(frames: list[bytes]) -> bytes:
    parts = [b"snoop\0\0\0" + struct.pack("!II", 2, 4)]
    for number, frame in enumerate(frames):
        padded = frame + bytes(-len(frame) % 4)
        parts.append(struct.pack("!IIIIII", len(frame), len(frame), 24 + len(padded), 0, number, 0) + padded)
    return b"".join(parts)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 10, 200))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _lie(data: bytearray, rng: random.Random) -> None:
    """Some 32-bit field near the front, or anywhere, says something else."""
    for _ in range(rng.choice((1, 3))):
        at = rng.randrange(0, min(len(data), rng.choice((64, len(data)))) - 4)
        struct.pack_into(rng.choice("<>") + "I", data, at, rng.choice(_LENGTHS))


def _wrong_linktype(data: bytearray, rng: random.Random) -> None:
    struct.pack_into(
        rng.choice("<>") + "I", data, 20, rng.choice((0, 8, 9, 105, 117, 127, 192, 197, 239, 258, 276, 999))
    )


def _take_out(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 4, 100))]


def _put_in(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.randbytes(rng.choice((1, 4, 1000)))


def _overwrite(data: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(len(data)), rng.choice((16, 500, 5000))
    data[at : at + size] = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))


CHANGES: tuple[_Change, ...] = (_cut, _flip, _lie, _wrong_linktype, _take_out, _put_in, _overwrite)


def broken(count: int, seed: int = 0) -> Iterator[bytes]:
    """*count* captures that something happened to; some twice."""
    whole = wholes()
    for number in range(count):
        rng = random.Random(seed * 1_000_003 + number)
        data = bytearray(whole[number % len(whole)])
        for change in rng.sample(CHANGES, rng.choice((1, 1, 2))):
            if len(data) > 128:
                change(data, rng)
        yield gzip.compress(bytes(data)) if rng.random() < 0.1 else bytes(data)


def forged() -> dict[str, bytes]:
    """Files made to hurt: bombs, and lengths of four gigabytes."""
    huge = struct.pack("<IIII", 1, 1, 0xFFFFFFFF, 0xFFFFFFFF)
    head = pcap_bytes([])
    record = struct.pack("<IIII", 1, 1, 8 << 20, 8 << 20) + bytes(8 << 20)
    bomb = gzip.compress(head + record * 25, compresslevel=6)
    crumbs = gzip.compress(head + bytes(1 << 20))
    return {
        "gzip bomb": bomb,
        "gzip bomb of sixty thousand empty packets": crumbs,
        "gzip in gzip": gzip.compress(bomb),
        "gzip of nothing": gzip.compress(b""),
        "gzip, ten thousand empty members": gzip.compress(b"") * 10_000,
        "a packet of 4 GB": head + huge + bytes(100),
        "a packet of 16 MB that is not there": head + struct.pack("<IIII", 1, 1, 16 << 20, 16 << 20),
        "a block of 4 GB": section() + interface() + struct.pack("<II", 6, 0xFFFFFFFC) + bytes(100),
        "an unknown block of 4 GB": section() + struct.pack("<II", 0xBAD, 0xFFFFFFFC) + bytes(100),
        "a section of 4 GB": struct.pack("<IIIHHq", 0x0A0D0D0A, 0xFFFFFFFC, 0x1A2B3C4D, 1, 0, -1) + bytes(100),
        "a block of no bytes": section() + interface() + struct.pack("<II", 6, 0) + bytes(100),
        "sixty thousand interfaces": section() + interface() * 65_600,
        "a snoop record of 4 GB": b"snoop\0\0\0" + struct.pack("!IIIIIIII", 2, 4, 1, 0xFFFFFFF0, 0xFFFFFFFF, 0, 0, 0),
    }
