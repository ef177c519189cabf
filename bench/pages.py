"""The pages that ``make bench`` writes: ``docs/performance.md``, and ``scaling.md``, which counts with its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.measure import EGRET, FLOOR, OBSERVE, PURE, Figures, Results, Workload

WHAT = {
    "dns": "Look-ups: a question and its answer each, 1 % of names flagged",
    "distinct": "A flood of questions, no name twice",
    "tls": "TLS connections up to their hello, half of the hellos post-quantum and in two segments",
    "quic": "QUIC connections with real keys, half of the hellos in two Initials, and what follows them",
    "browsing": "Pages of browsers: three look-ups, half through aliases, and a hello with GREASE in the place of ECH",
    "http": "Pages of plain HTTP: one to eight requests a connection, as curl and browsers ask, with their responses",
    "midflow": "Bulk of 400 TCP connections whose beginnings were not seen; nobody can name them",
    "mix": "A gateway's mix: 97 % bulk of 400 connections, three in ten of them QUIC",
    "hunt": "Hours of a gateway with 5,000 clients, most of it bulk",
}
GOALS = (  # of issue 6: workload, against whom, for which path, how many times as fast
    *((name, "ndpiReader", EGRET, 5.0) for name in ("dns", "tls", "mix")),
    *((name, "ndpiReader", PURE, 2.5) for name in ("dns", "tls", "mix")),
    *((name, "tshark", EGRET, 40.0) for name in ("dns", "tls", "mix")),
    ("mix", FLOOR, EGRET, 0.25),
)
GOAL_MB, GOAL_START_S = 150, 1.0
HEAD = """\
# Performance

Made by `make bench ARGS="--write docs/performance.md"`; do not edit. Every tool reads the same files in one run, in
turns, on one core's worth of work; figures are medians. Times of one machine say little; the ratios say more.
Egret's whole pipeline runs: decoding, matching, jurisdiction, incidents, the table. What each tool found stands
beside its time, so that nobody is fast by missing names.
"""
PATHS = """
`{egret}` is Egret {path}. {other}`egret observe` prints a line for every name and has no gate. `tcpdump` only reads
the file and writes to nowhere what a filter of ports passes: the floor. `tshark` prints the names of questions,
hellos and requests; `ndpiReader` prints nothing while it is timed, and what it found is counted in a run of its own
(flows with a name). Egret's `replay` counts answers as names too. What "the host took" is the part of the cores' time
that was wanted here and went to others (steal): where it is much, wall times are of chance, and CPU times say more.
"""


def performance(results: Results) -> str:
    """The page of what was measured."""
    parts = [HEAD, _machine(results), _paths(results)]
    parts += [_section(workload) for workload in results.workloads]
    parts += [_goals(results), _starts(results), _memory(results), _jobs(results)]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, numbers to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)) + "\n"


def _machine(results: Results) -> str:
    return table(["measured", "with"], [[key, value] for key, value in results.machine.items()])


def _paths(results: Results) -> str:
    path = "with its compiled gate" if results.compiled else "in pure Python: no compiled gate was there"
    other = f"`{PURE}` is the same without it. " if results.compiled else ""
    return PATHS.format(egret=EGRET, path=path, other=other)


def _section(workload: Workload) -> str:
    base = workload.rows[0].wall_s
    rows = [
        [
            row.tool,
            f"{workload.packets / row.wall_s:,.0f}",
            f"{row.wall_s / base:.2f}",
            f"{row.cpu_s:.2f}",
            str(row.peak_mb),
            "" if row.found is None else f"{row.found:,}",
        ]
        for row in workload.rows
    ]
    rounds = "one round" if workload.rounds == 1 else f"{workload.rounds} rounds"
    size = (
        f"{workload.packets:,} packets, {workload.size / 1e6:,.0f} MB, {rounds}; the host took {workload.stolen:.0%}."
    )
    head = [f"`{workload.name}`", "packets/s", f"time / {workload.rows[0].tool}", "CPU s", "peak MB", "names"]
    return f"## {WHAT[workload.name]}\n\n{size}\n\n{table(head, rows)}"


def _goals(results: Results) -> str:
    rows = []
    for name, other, path, goal in GOALS:
        workload = results.of(name)
        ours, theirs = (workload.of(path), workload.of(other)) if workload is not None else (None, None)
        if path == PURE and not results.compiled and workload is not None:
            ours = workload.of(EGRET)
        if ours is not None and theirs is not None:
            ratio = theirs.wall_s / ours.wall_s
            rows.append(
                [f"{path}, `{name}`, against {other}", f"{goal:g}", f"{ratio:.2f}", "yes" if ratio >= goal else "no"]
            )
    words = "How many times as fast as another tool."
    return f"## Against the goals\n\n{words}\n\n{table(['what', 'goal', 'measured', 'met'], rows)}"


def _starts(results: Results) -> str:
    rows = [[f"`{row.tool}`", f"{row.wall_s:.2f}", f"{row.cpu_s:.2f}", str(row.peak_mb)] for row in results.starts]
    words = f"From start to end, so to the first result at the latest; the goal is below {GOAL_START_S:g} s."
    return f"## Start\n\n{words}\n\n{table(['command', 's', 'CPU s', 'peak MB'], rows)}"


def _memory(results: Results) -> str:
    peaks = [
        (workload.name, workload.size, row.peak_mb)
        for workload in results.workloads
        for row in workload.rows
        if row.tool == EGRET
    ]
    rows = [
        [f"`{name}`", f"{size / 1e6:,.0f}", str(peak), "yes" if peak < GOAL_MB else "no"] for name, size, peak in peaks
    ]
    words = f"Peak of `egret replay`; the goal is below {GOAL_MB} MB whatever the file's size."
    return f"## Memory\n\n{words}\n\n{table(['file', 'MB', 'peak MB', 'below'], rows)}"


def _jobs(results: Results) -> str:
    parts = []
    if results.jobs:
        parts.append(f"Several files at once, a process each.\n\n{_times(results.jobs)}")
    if results.division:
        parts.append(f"{ONE_FILE}\n\n{_times(results.division)}")
    return f"## Jobs\n\n{SAME}\n\n" + "\n".join(parts) if parts else ""


def _times(rows: Sequence[Figures]) -> str:
    """One process and several, in turns."""
    cells = [
        [row.tool, f"{row.wall_s:.2f}", f"{one.wall_s / row.wall_s:.2f}", f"{row.cpu_s:.2f}", str(row.peak_mb)]
        for one, row in zip((row for row in rows[::2] for _ in range(2)), rows, strict=True)
    ]
    return table(["`--jobs`", "s", "times as fast", "CPU s", "peak MB"], cells)


SAME = "`1` is one process, `auto` one a core; the result is the same, byte for byte. Peak of the largest process."
ONE_FILE = """\
One large file: each process takes its share of the connections, and all take the look-ups ([ADR
43](adr/0043-one-file-by-several.md)). Where most is look-ups, one reads and another one judges."""
SCALING = """\
# Scaling

Made by `make bench ARGS="--write docs/performance.md"`, from the figures of [that page](performance.md); do not
edit.

The cost follows look-ups and handshakes, not bytes: what cannot carry a name is dropped by the kernel's filter, or
passed over by the gate. So ask how many look-ups and connections a second there are, not how many gigabits.

## What one core carries

CPU time of `egret replay`, less that of its start, for each thing of a kind; and how many of them fill one core
({path}).

{core}
Live, reading the ring comes on top: 1.4 us a frame that the kernel's filter passed ([ADR
3](adr/0003-kernel-filter.md)). What the filters pass and cost is in [ADR 33](adr/0033-young-streams.md).

## How much of the traffic carries a name

In the capture that is shipped, of real clients (browser and command line) against servers of a test network,
{share}. Its pages are small: in life there is more bulk to a name.

## Users and bandwidth

Assumptions, ours and not measured, for the busy hour; put in your own: a user makes **{lookups:g} look-ups** and
opens **{connections:g} connections** a second, half of them QUIC, and moves **{megabits:g} Mbit/s**. A core is
planned to be half busy, so that a burst finds room.

{users}
The last row is bulk alone, if every frame of it reached Egret, as it does from a file; live the filter drops nearly
all of it before. To measure your own: `egret observe FILE` on ten minutes of a busy link, or on a running sensor
`rate(egret_names_total{{kind="query"}}[5m])` and `rate(egret_connections_total[5m])`.

## When to add workers, when to add sensors

- **Nothing, yet**: `egret_packets_dropped_total` stands still and the worker's process is below half of a core.
- **Workers** (`capture.workers`): drops grow at stage `kernel`, or a worker's process is above 70 % of a core for
  minutes, while other cores are idle.
- **Memory**: each worker has tables of its own. `egret_evictions_total` that grows in quiet times says that one
  worker has more clients than its tables hold.
- **Sensors**: the machine has no idle core left, or `egret_packets_received_total` is less than what the switch
  says it mirrors: a SPAN port that carries more than its own speed loses frames before anything can count them. One
  sensor for each place where clients leave the network: a second one at the same place says everything twice.
- **Not for alerts**: incidents, store and outputs follow flagged connections, which are few; one daemon does for
  all workers.
"""
LOOKUPS, CONNECTIONS, MEGABITS, BUSY = 0.5, 0.5, 1.0, 0.5


def scaling(results: Results) -> str:
    """The page that counts with what was measured."""
    costs = unit_costs(results)
    path = "with the compiled gate" if results.compiled else "in pure Python"
    core = table(
        ["kind", "CPU us each", "a second on one core"],
        [[what, f"{us:.2f}", f"{1e6 / us:,.0f}"] for what, us, _ in costs],
    )
    return SCALING.format(
        path=path,
        core=core,
        share=_share(results),
        lookups=LOOKUPS,
        connections=CONNECTIONS,
        megabits=MEGABITS,
        users=_users({key: us for _, us, key in costs}, results),
    )


def unit_costs(results: Results) -> list[tuple[str, float, str]]:
    """What a thing of each kind is called, what it costs in microseconds of CPU, and its workload."""
    kinds = {
        "dns": "look-up, question and answer",
        "distinct": "question of a flood, no name twice",
        "tls": "TLS connection",
        "quic": "QUIC connection",
        "browsing": "name of a browser's page: a question, an answer, a hello",
        "hunt": "packet of a gateway's hours, most of them bulk",
    }
    found = []
    for name, what in kinds.items():
        workload = results.of(name)
        if workload is not None and (row := workload.of(EGRET)) is not None:
            us = max(row.cpu_s - start_s(results), 0.001) / _things(workload) * 1e6
            found.append((what, us, name))
    return found


def start_s(results: Results) -> float:
    """CPU seconds until a replay begins to read."""
    return min((row.cpu_s for row in results.starts if "replay" in row.tool), default=0.0)


def _things(workload: Workload) -> int:
    """How many look-ups or connections a file has; of the hunt its packets."""
    observed = workload.of(OBSERVE)
    return workload.packets if workload.name == "hunt" or observed is None else observed.found or workload.packets


def _share(results: Results) -> str:
    seen = results.browsing
    if not seen:
        return "nothing was measured"
    named = seen["lookups"] + seen["hellos"]
    return (
        f"{named:,} of {seen['packets']:,} packets carry a name ({named / seen['packets']:.1%}): "
        f"{seen['lookups']:,} questions and answers, {seen['hellos']:,} hellos and requests, "
        f"in {seen['bytes'] / 1e3:,.0f} kB"
    )


def _users(costs: dict[str, float], results: Results) -> str:
    if not {"dns", "tls", "quic"} <= costs.keys():
        return ""
    us = LOOKUPS * costs["dns"] + CONNECTIONS * (costs["tls"] + costs["quic"]) / 2
    users = BUSY * 1e6 / us
    rows = [[f"{cores}", f"{cores * users:,.0f}", f"{cores * users * MEGABITS / 1000:,.1f}"] for cores in (1, 2, 4, 8)]
    hunt = results.of("hunt")
    if hunt is not None and (row := hunt.of(EGRET)) is not None:
        bulk = BUSY * hunt.size * 8 / 1e9 / max(row.cpu_s - start_s(results), 0.001)
        rows.append(["1, all of it bulk", "", f"{bulk:,.1f}"])
    return table(["cores, half busy", "users", "Gbit/s"], rows)


def summary(workload: Workload) -> str:
    """What is printed while the bench runs."""
    lines = [
        f"\n{workload.name}: {workload.packets:,} packets, {workload.size / 1e6:.0f} MB, median of {workload.rounds}"
    ]
    lines.append(f"{'':20} {'packets/s':>12} {'CPU s':>8} {'peak MB':>8} {'names':>9} {'time / first':>13}")
    lines += [_line(row, workload) for row in workload.rows]
    return "\n".join(lines)


def _line(row: Figures, workload: Workload) -> str:
    found = "" if row.found is None else f"{row.found:,}"
    speed, ratio = workload.packets / row.wall_s, row.wall_s / workload.rows[0].wall_s
    return f"{row.tool:20} {speed:12,.0f} {row.cpu_s:8.2f} {row.peak_mb:8} {found:>9} {ratio:13.2f}"
