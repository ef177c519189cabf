"""Record the demo capture: real clients in the test world, seen from the gateway's inside.

Run as root from the top of the repository: ``python -m scripts.make_demo_capture``. Writes
``src/egret/data/demo/egret-demo.pcapng``, the addresses' database beside it, and ``tests/golden/demo/expected.jsonl``;
that comes from what the clients were told to do, not from what Egret saw.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.world.addresses import write_database
from tests.support.world.capture import capturing
from tests.support.world.clients import visit_all
from tests.support.world.visits import VISITS
from tests.support.world.world import World

TOP = Path(__file__).resolve().parents[1]
CAPTURE = TOP / "src/egret/data/demo/egret-demo.pcapng"
DATABASE = TOP / "src/egret/data/demo/egret-demo.mmdb"  # where the world's documentation addresses are said to be
EXPECTED = TOP / "tests/golden/demo/expected.jsonl"
INTERFACE = "lan0"
NANOSECOND_PCAP = 0xA1B23C4D


def main() -> int:
    """Make both files; 1 without root."""
    if os.geteuid():
        print("make_demo_capture: needs root, for network namespaces", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder) / "demo.pcap"
        with World(Path(folder)) as world, capturing(world.gateway, INTERFACE, recorded):
            visit_all(world, VISITS)
        CAPTURE.parent.mkdir(parents=True, exist_ok=True)
        write_database(DATABASE)
        CAPTURE.write_bytes(b"".join(_pcapng(recorded.read_bytes())))
    EXPECTED.parent.mkdir(parents=True, exist_ok=True)
    EXPECTED.write_text("".join(f"{line}\n" for line in expected_lines()))
    print(f"{CAPTURE.relative_to(TOP)}: {CAPTURE.stat().st_size} bytes")
    return 0


def expected_lines() -> list[str]:
    """What an observer must find in the capture, one JSON object a line, in the order of the visits."""
    return [json.dumps({"tool": visit.tool, **seen._asdict()}) for visit in VISITS for seen in visit.seen]


def _pcapng(pcap: bytes) -> Iterator[bytes]:
    """The capture with its interface's name, and with nothing about the machine that made it."""
    magic, _, _, _, _, snaplen, linktype = struct.unpack_from("<IHHiIII", pcap)
    if magic != NANOSECOND_PCAP:
        raise ValueError("not a pcap file with nanoseconds")
    yield _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    options = _option(2, INTERFACE.encode()) + _option(9, b"\x09") + _option(0, b"")
    yield _block(1, struct.pack("<HHI", linktype, 0, snaplen) + options)
    at = 24
    while at < len(pcap):
        seconds, nanoseconds, kept, wire = struct.unpack_from("<IIII", pcap, at)
        time_ns = seconds * 10**9 + nanoseconds
        head = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, kept, wire)
        yield _block(6, head + _padded(pcap[at + 16 : at + 16 + kept]))
        at += 16 + kept


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


if __name__ == "__main__":
    raise SystemExit(main())
