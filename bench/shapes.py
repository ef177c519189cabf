"""Looks for cliffs: Egret beside ndpiReader on traffic of many shapes, CPU time a packet, worst first.

Each shape is a small file, made in a second; what a start takes is measured with an empty file, and left out.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import EGRET, OBSERVE, PURE, Tool, machine, tools
from bench.pages import table
from bench.shaping.table import SHAPES, Shape
from bench.workloads import FILE_HEADER, START_NS

FORMS = ("pcap", "pcapng", "pcapng with comments")
PACKETS = 50_000
PEER = "ndpiReader"
LEAST_S = 0.0005  # what cannot be measured
STEP_NS = 40_000  # two seconds in a file
_MACHINE = ("date", "processor", "Python", "Egret", "ndpiReader")
PAGE = """\
# Traffic of many shapes

Made by `make shapes ARGS="--write docs/performance-shapes.md"`; do not edit. The [workloads](performance.md) are
common traffic; here are small files of rarer shapes, to find where Egret is slow for what it sees. Microseconds of CPU
for each packet, the start left out; a hundredth of a second more or less, as every run has it, is 0.2 us here.
`ndpiReader` does not look into all tunnels and all link headers: there it is quick because it names nothing.

{machine}
{packets} packets of each shape, worst first; the last column is below 1 where Egret needs less time.

{figures}"""


class Row(NamedTuple):
    """What a packet of a shape costs, in microseconds of CPU, by tool; and how many names each found."""

    shape: str
    us: dict[str, float]
    names: dict[str, int | None]

    @property
    def ratio(self) -> float:
        return self.us[EGRET] / self.us[PEER] if PEER in self.us else 0.0


def write(path: Path, shape: Shape, frames: Iterable[bytes]) -> None:
    """Write a capture of these frames."""
    time_ns = START_NS
    with path.open("wb") as file:
        file.write(FILE_HEADER if shape.form == "pcap" else _SECTION)
        for frame in frames:
            time_ns += STEP_NS
            data = frame[: shape.snap]
            if shape.form == "pcap":
                file.write(struct.pack("<IIII", *divmod(time_ns, 1_000_000_000), len(data), len(frame)) + data)
            else:
                options = _COMMENT if shape.form == "pcapng with comments" else b""
                fields = 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), len(frame)
                file.write(_block(6, struct.pack("<IIIII", *fields) + data + bytes(-len(data) % 4) + options))


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


_SECTION = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
_SECTION += _block(1, struct.pack("<HHI", 1, 0, 262144) + b"\x09\0\1\0\x09\0\0\0" + bytes(4))
_COMMENT = b"\1\0\x0c\0seen at noon" + bytes(4)


def measured(chosen: Sequence[str], packets: int, rounds: int, folder: Path) -> list[Row]:
    path = folder / "shape.pcap"
    write(path, Shape(lambda _: iter(())), ())
    start = {tool.name: cost for tool, cost in _run(path, 3)}
    rows = []
    for name in chosen:
        write(path, SHAPES[name], islice(SHAPES[name].make(random.Random(name)), packets))
        ran = _run(path, rounds)
        us = {tool.name: max(LEAST_S, cost - start[tool.name]) / packets * 1e6 for tool, cost in ran}
        rows.append(Row(name, us, {tool.name: tool.names for tool, _ in ran}))
        print(line(rows[-1]), flush=True)
    return rows


def _run(path: Path, rounds: int) -> list[tuple[Tool, float]]:
    running = [tool for tool in tools(["egret", PEER]) if tool.name != OBSERVE]
    for number in range(rounds + 1):
        for tool in running:
            if number < rounds or tool.name == EGRET:
                tool.run([str(path)])
    return [(tool, min(tool.cpu_s)) for tool in running]


def line(row: Row) -> str:
    figures = "".join(f"{row.us.get(tool, 0):8.2f}" for tool in (EGRET, PURE, PEER))
    found = " ".join(str(row.names.get(tool)) for tool in (EGRET, PEER))
    return f"{row.shape:24}{figures}{row.ratio:8.2f}  {found}"


def page(rows: Sequence[Row], described: Mapping[str, str], packets: int) -> str:
    """What was measured, worst first."""
    cells = [
        [f"`{row.shape}`", *(f"{row.us.get(tool, 0):.2f}" for tool in (EGRET, PURE, PEER)), f"{row.ratio:.2f}"]
        for row in sorted(rows, key=lambda row: -row.ratio)
    ]
    measured_with = table(["measured", "with"], [[key, described[key]] for key in _MACHINE])
    figures = table(["shape", EGRET, PURE, PEER, f"{EGRET} / {PEER}"], cells)
    return PAGE.format(machine=measured_with, packets=f"{packets:,}", figures=figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", nargs="*", help="only these; all without")
    parser.add_argument("--packets", type=int, default=PACKETS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the one shape to a file, and measure nothing")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write docs/performance-shapes.md")
    options = parser.parse_args()
    chosen = options.shape or list(SHAPES)
    if options.keep:
        shape = SHAPES[chosen[0]]
        write(options.keep, shape, islice(shape.make(random.Random(chosen[0])), options.packets))
        return
    with tempfile.TemporaryDirectory(prefix="egret-shapes-") as folder:
        rows = measured(chosen, options.packets, options.rounds, Path(folder))
    if options.write:
        options.write.write_text(page(rows, machine(), options.packets), encoding="utf-8")
    print("\nworst first: us a packet of egret, in pure Python, of ndpiReader; the first by the last; names found")
    for row in sorted(rows, key=lambda row: -row.ratio):
        print(line(row))


if __name__ == "__main__":
    main()
