"""``make bench``: Egret beside what Debian has, on the same files in one run, interleaved; medians and ratios.

The floor is tcpdump reading the file and writing what a filter of ports passes. What each tool found is printed beside
its time, so that nobody is fast by missing names. Times of one machine say little; the ratios say more. With
``--write docs/performance.md`` that page and ``scaling.md`` beside it are made of what was measured.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import (
    OBSERVE,
    Figures,
    Results,
    Stolen,
    Tool,
    Workload,
    egret,
    is_compiled,
    loaded,
    machine,
    tools,
)
from bench.pages import performance, scaling, summary
from bench.workloads import WORKLOADS, write
from egret.model import Kind, Observation
from egret.sources.files import open_capture
from egret.track.observer import Observer

ROOT = Path(__file__).resolve().parents[1]
HUNT = "hunt"
DIVIDED = ("dns", "mix", HUNT)  # files that all cores read as well, for a comparison
PACKETS = 1_000_000  # in a file: so many that the start is a small part of the time
OTHERS = {  # cheaper ones, and dearer ones
    "mix": 2_000_000,
    "quic": 200_000,
    "browsing": 400_000,
    "http": 400_000,
    "midflow": 300_000,
}
PACKET_BYTES = 1_364  # of the hunt's packets, in the middle
DEMO = ROOT / "src/egret/data/demo/egret-demo.pcapng"
LEFT_FREE = 4 << 30
ANSWERS = {Kind.QUERY, Kind.ANSWER, Kind.CNAME}


def compare(
    name: str, packets: int, rounds: int, chosen: Sequence[str], folder: Path
) -> tuple[Workload, list[Figures]]:
    """Every tool on one file; and Egret on it with one process and with all cores."""
    path = folder / f"{name}.pcap"
    size = write(path, name, packets)
    running = [tool for tool in tools(chosen) if name != HUNT or tool.name != OBSERVE]
    stolen = Stolen()
    for number in range(rounds):
        for tool in running:
            if number == 0 or not tool.once:
                tool.run([str(path)])
    share = stolen.share()
    divided = in_turns([str(path)], 3, f"`{name}`, ") if name in DIVIDED else []
    if name == HUNT:
        path.unlink()
    return Workload(name, packets, size, rounds, [tool.figures() for tool in running], share), divided


def in_turns(paths: Sequence[str], rounds: int, title: str = "") -> list[Figures]:
    """The same files by one process and by as many as there are cores."""
    running = [Tool(title + number, egret("replay", "--jobs", number)) for number in ("1", "auto")]
    for _ in range(rounds):
        for tool in running:
            tool.run(paths)
    return [tool.figures() for tool in running]


def starts() -> list[Figures]:
    """How long commands take that have next to nothing to do."""
    commands = [
        Tool("egret --help", egret("--help")),
        Tool("egret match qwen.ai", egret("match", "qwen.ai")),
        Tool("egret replay DEMO", egret("replay", str(DEMO))),
    ]
    for _ in range(5):
        for tool in commands:
            tool.run([])
    return [tool.figures() for tool in commands]


def jobs(folder: Path, rounds: int) -> list[Figures]:
    """All small files at once."""
    paths = [str(path) for path in sorted(folder.glob("*.pcap"))]
    return in_turns(paths, rounds) if len(paths) > 1 else []


def browsing() -> dict[str, int]:
    """How much of the shipped capture of real clients carries a name."""
    observer, source = Observer(), open_capture(str(DEMO))
    found = {"packets": 0, "bytes": 0, "lookups": 0, "hellos": 0}
    for frame in source.frames():
        found["packets"] += 1
        found["bytes"] += frame.wire_length
        names = [event for event in observer.feed(frame) if isinstance(event, Observation)]
        if names:
            found["lookups" if names[0].kind in ANSWERS else "hellos"] += 1
    source.close()
    return found


def measure(options: argparse.Namespace) -> Results:
    results = Results(machine(), is_compiled(), browsing=browsing())
    print(", ".join(f"{key} {value}" for key, value in results.machine.items()))
    results.starts = starts()
    print("\n".join(f"{row.tool:20} {row.wall_s:.2f} s" for row in results.starts))
    with tempfile.TemporaryDirectory(prefix="egret-bench-") as temporary:
        folder = Path(temporary)
        for name in options.workload or WORKLOADS:
            packets, rounds = options.packets or OTHERS.get(name, PACKETS), options.rounds
            if name == HUNT:
                packets, rounds = int(options.hunt_gb * 1e9 / PACKET_BYTES), 1
                if shutil.disk_usage(folder).free < options.hunt_gb * 1e9 + LEFT_FREE:
                    print(f"{name}: not enough room in {folder}")
                    continue
                results.jobs = jobs(folder, rounds)
            workload, divided = compare(name, packets, rounds, options.tool, folder)
            results.workloads.append(workload)
            results.division += divided
            print(summary(results.workloads[-1]), flush=True)
    print("\n".join(f"--jobs {row.tool}: {row.wall_s:.2f} s" for row in (*results.jobs, *results.division)))
    return results


def write_pages(results: Results, path: Path) -> None:
    """Write the page of figures to *path*, and the one that counts with them beside it."""
    path.write_text(performance(results), encoding="utf-8")
    path.with_name("scaling.md").write_text(scaling(results), encoding="utf-8")
    print(f"wrote {path} and {path.with_name('scaling.md')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, help=f"in each file but the hunt's; {PACKETS:,} in most without")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hunt-gb", type=float, default=2.0, help="size of the hunt's file; it is removed at once")
    parser.add_argument("--workload", action="append", choices=sorted(WORKLOADS), help="only these")
    parser.add_argument("--tool", action="append", default=[], help="only these: egret, tcpdump, tshark, ndpiReader")
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="write docs/performance.md, and scaling.md beside it"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the figures as JSON")
    parser.add_argument("--load", type=Path, metavar="FILE", help="measure nothing: figures that were kept")
    options = parser.parse_args()
    results = loaded(options.load.read_text(encoding="utf-8")) if options.load else measure(options)
    if options.save:
        options.save.write_text(results.dump(), encoding="utf-8")
    if options.write:
        write_pages(results, options.write)


if __name__ == "__main__":
    main()
