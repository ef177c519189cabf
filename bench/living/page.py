"""``docs/performance-live.md``, from what ``bench/live.py`` measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.pages import table

HEAD = ("traffic", "filter", "workers", "s", "sent/s", "sender", "passed", "dropped", "CPU", "names")
_WAITS = ("mean_s", "p50_s", "p99_s")
_OTHERS = ("tshark", "ndpiReader", "tcpdump")
_PAGE = """\
# Live performance

Made by `python bench/live.py --first --write docs/performance-live.md` (root); do not edit. Whole workers on one
end of a veth pair, tcpreplay on the other: as fast as it can, `dns` at {rate:,} packets a second. Offloads off,
rings of 16 MB. Sender and workers share the machine's cores, and came before other work on it. "Taken by the host" is
the part of the cores' time that was wanted here and went to others: what is dropped or late may be of that.

{machine}
## What the filters pass, and what workers keep up with

"Sender" is its speed beside that without any reader: the filter runs in the sender's time. "Passed" and "names" are
shares of what was sent and said, "dropped" are packets that found the ring full, "CPU" is cores of all workers
together. `dns` is look-ups, 1 % of them flagged; `mix` is 97 % bulk, the rest look-ups and connections with their
hellos, three in ten of them QUIC. [ADR 33](adr/0033-young-streams.md) says what each filter passes and loses.

{rows}
## From packet to alert

`egret_alert_latency_seconds` of the whole daemon: 25 new incidents a second, beside so many ordinary look-ups on the
same worker. The percentiles are upper bounds of the histogram's buckets.

{latency}"""


class Row(NamedTuple):
    """One traffic through one filter."""

    traffic: str
    filter: str
    workers: int
    seconds: float
    sent: float  # packets a second
    sender: float | None  # beside its speed without a reader
    passed: float  # of what was sent
    dropped: int  # packets, in all rounds
    cpu: float  # cores, of all workers
    names: float | None  # of those that were said; None where none is


def cells(row: Row) -> tuple[str, ...]:
    """A row as a table shows it."""
    sender = f"{row.sender:.2f}" if row.sender is not None else ""
    names = f"{row.names:.2%}" if row.names is not None else ""
    numbers = (f"{row.sent:,.0f}", sender, f"{row.passed:.2%}", f"{row.dropped:,}", f"{row.cpu:.1%}", names)
    return (row.traffic, row.filter, str(row.workers), f"{row.seconds:.0f}", *numbers)


def page(found: Sequence[Row], late: Sequence[Mapping[str, float]], surroundings: Mapping[str, str], rate: int) -> str:
    """The page of rows, latencies and the machine they were measured on."""
    machine = table(("measured", "with"), [pair for pair in surroundings.items() if pair[0] not in _OTHERS])
    head = ("look-ups/s", "alerts", "mean, ms", "50 %, ms", "99 %, ms", "dropped")
    waits = [
        (f"{row['load']:,}", f"{row['alerts']:,}", *(f"{1000 * row[key]:.0f}" for key in _WAITS), f"{row['dropped']:,}")
        for row in late
    ]
    return _PAGE.format(rate=rate, machine=machine, rows=table(HEAD, map(cells, found)), latency=table(head, waits))
