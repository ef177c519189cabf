"""The pages that the bench writes are what it would write, but for the numbers: those are of the run that wrote them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from bench.live import TRAFFIC
from bench.living.page import Row
from bench.living.page import page as live_page
from bench.measure import EGRET, FLOOR, OBSERVE, PURE, Figures, Results, Workload, loaded
from bench.pages import GOALS, WHAT, performance, scaling, unit_costs
from bench.run import DIVIDED
from bench.workloads import WORKLOADS
from tests.support.documents import ROOT

MACHINE = ("date", "processor", "cores", "memory", "kernel", "load before", "Python", "Egret")
OTHERS = ("tshark", "ndpiReader", "tcpdump")
STARTS = ("egret --help", "egret match qwen.ai", "egret replay DEMO")


def results(*, compiled: bool, divided: bool = True) -> Results:
    """A run that found round numbers."""
    ours = [EGRET, *([PURE] if compiled else []), OBSERVE]
    tools = {name: [*ours, FLOOR, "tshark", "ndpiReader"] for name in WORKLOADS}
    tools["hunt"].remove(OBSERVE)
    return Results(
        dict.fromkeys((*MACHINE, *OTHERS), "1"),
        compiled,
        [
            Workload(
                name, 10_000, 10**9, 1, [Figures(tool, 2.0, 1.5, 80, None if tool == FLOOR else 5_000) for tool in each]
            )
            for name, each in tools.items()
        ],
        [Figures(name, 0.5, 0.5, 60, None) for name in STARTS],
        [Figures(jobs, 4.0, 4.0, 80, None) for jobs in ("1", "auto")],
        {"packets": 100, "bytes": 10_000, "lookups": 10, "hellos": 5},
        [Figures(f"`{name}`, {jobs}", 4.0, 4.0, 80, None) for name in DIVIDED for jobs in ("1", "auto")] * divided,
    )


def shape(text: str) -> list[str]:
    """Lines without their numbers; of a table's row how it begins and how many cells it has."""
    lines = [re.sub(r"one round|\d+ rounds|\d[\d.,]*%?", "#", line) for line in text.splitlines()]
    return [f"{line.split('|')[1]} {line.count('|')}" if line.startswith("|") else line for line in lines]


@pytest.mark.parametrize(("name", "make"), [("performance.md", performance), ("scaling.md", scaling)])
def test_a_page_is_what_the_bench_would_write(name: str, make: Callable[[Results], str]) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    compiled = "pure Python:" not in page and "(in pure Python)" not in page
    divided = name == "scaling.md" or "One large file" in page  # not every machine has more than one core
    assert shape(page) == shape(make(results(compiled=compiled, divided=divided)))


def test_the_page_of_live_capture_is_what_its_bench_would_write() -> None:
    text = (ROOT / "docs/performance-live.md").read_text(encoding="utf-8")
    rows = [
        Row(traffic, "ebpf", 1, 3.0, 1e6, None if traffic == "dns" else 0.9, 1.0, 0, 0.3, 1.0) for traffic in TRAFFIC
    ]
    late = [dict.fromkeys(("load", "alerts", "mean_s", "p50_s", "p99_s", "dropped"), 1)]
    made = live_page(rows, late, dict.fromkeys((*MACHINE, "taken by the host"), "1"), 200_000)
    assert sorted({*shape(text)}) == sorted({*shape(made)})


def test_every_workload_is_described_and_kept_figures_give_the_same_pages() -> None:
    run = results(compiled=True)
    assert WHAT.keys() == WORKLOADS.keys()
    assert performance(loaded(run.dump())) == performance(run)
    assert {name for name, *_ in GOALS} < WORKLOADS.keys()


def test_costs_are_without_the_start_and_each_of_its_own_kind() -> None:
    costs = {key: us for _, us, key in unit_costs(results(compiled=False))}
    assert costs["dns"] == pytest.approx(1.0 / 5_000 * 1e6)
    assert costs["hunt"] == pytest.approx(1.0 / 10_000 * 1e6)


def test_a_goal_that_is_missed_is_said_to_be() -> None:
    run = results(compiled=True)
    row = next(line for line in performance(run).splitlines() if line.startswith("| egret, `tls`, against tshark"))
    assert row.split("|")[2:5] == [" 40 ", " 1.00 ", " no "]
